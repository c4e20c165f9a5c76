"""An index opened from its folder: what one feature does, in milliseconds, whatever the size of the corpus."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from jaxtyping import Float32, Float64, Int64

from assay.events import Emit, ignore
from assay.models.model import Model
from assay.sae.coder import SAE
from assay.sae.evaluate import DENSE
from assay.sae.index import effects, neighbours
from assay.sae.index.files import open_arrays, read_about
from assay.sae.index.pick import distinct, strongest_first
from assay.sae.index.reader import BINS, DECILES, IndexReader
from assay.sae.index.records import (
    Example,
    Firing,
    Histogram,
    LogitEnds,
    Neighbour,
    Peaks,
    Postings,
    RowPeaks,
    Statistics,
    TokenLogit,
)


class FeatureIndex(IndexReader):
    """``FeatureIndex(folder).top(123, 10)``: every question is about one feature of the SAE that was indexed.

    Raises StoreError unless the folder holds a whole index, and Mismatch for a feature that does not exist.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.about = read_about(folder)
        """What it is of."""
        self.arrays = open_arrays(folder, self.about)
        """By name, mapped from their files: see ``files.py``."""
        self.effects = effects.read(folder)
        """Tokens that features promote and suppress; None until ``complete`` has run."""
        self.neighbours = neighbours.read(folder)
        """Features of like direction; None until ``complete`` has run."""

    @property
    def key(self) -> str:
        """Made of everything that the index was made of: see ``build.py``."""
        return self.folder.name

    def complete(self, model: Model, sae: SAE, emit: Emit = ignore) -> None:
        """Make the tables of effects and of neighbours and keep them with the index, unless they are there.

        Raises Mismatch for another model or SAE.
        """
        self.about.check(sae, model)
        if self.effects is None:
            self.effects = effects.make(model, sae, self.folder, emit)
        if self.neighbours is None:
            self.neighbours = neighbours.make(sae, self.folder, emit)

    def nearest(self, feature: int, n: int) -> list[Neighbour] | None:
        """From its table of neighbours."""
        if self.neighbours is None:
            return None
        columns = self.neighbours.features, self.neighbours.cosines
        rows = (column[self._check_feature(feature), :n].tolist() for column in columns)
        return [Neighbour(other, cosine) for other, cosine in zip(*rows, strict=True)]

    def logit_ends(self, feature: int, n: int) -> LogitEnds | None:
        """From its table of effects."""
        table = self.effects
        if table is None:
            return None
        self._check_feature(feature)
        ends = (table.promoted, table.promoted_by), (table.suppressed, table.suppressed_by)
        return LogitEnds(
            *(
                tuple(
                    TokenLogit(id, table.texts[id], logit)
                    for id, logit in zip(ids[feature, :n].tolist(), by[feature, :n].tolist(), strict=True)
                )
                for ids, by in ends
            )
        )

    def row_ids(self, row: int) -> list[int]:
        """From the array of all ids."""
        begin, end = self.arrays["rows"][row : row + 2]
        ids: list[int] = self.arrays["ids"][begin:end].tolist()
        return ids

    def postings(self, feature: int) -> Postings:
        """Where it fires, and how strongly."""
        begin, end = self._span(feature)
        places, values = self.arrays["places"][begin:end], self.arrays["values"][begin:end]
        return Postings(places.astype(np.int64), values.astype(np.float32))

    def firing(self, feature: int) -> Firing:
        """Where it fires, as rows and positions in them, the start token being position 0."""
        found = self.postings(feature)
        rows = self._row_of(found.places)
        positions = found.places - self.arrays["rows"][rows] + self.about.lead
        return Firing(rows, positions, found.values)

    def statistics(self, feature: int) -> Statistics:
        """How often and how strongly it fires; from tables, without reading its postings."""
        begin, end = self._span(feature)
        n = end - begin
        mean = float(self.arrays["total"][feature]) / n if n else None
        return Statistics(feature, n / self.about.n_tokens, n, float(self.arrays["largest"][feature]), mean)

    def summary(self) -> dict[str, float | int]:
        """``l0``, mean features per token, and how many features are ``live``, ``dead`` and ``dense``."""
        n = np.diff(self.arrays["begin"])
        live, dense = int((n > 0).sum()), int((n > DENSE * self.about.n_tokens).sum())
        l0 = self.about.n_codes / self.about.n_tokens
        return {"l0": l0, "live": live, "dead": self.about.d_sae - live, "dense": dense}

    def table(self) -> pd.DataFrame:
        """One row per feature: feature, density, n_tokens, max, mean (NaN where it never fires), dead, dense."""
        n = np.diff(self.arrays["begin"])
        density = n / self.about.n_tokens
        return pd.DataFrame(
            {
                "feature": np.arange(self.about.d_sae),
                "density": density,
                "n_tokens": n,
                "max": np.array(self.arrays["largest"]),
                "mean": np.where(n > 0, self.arrays["total"] / np.maximum(n, 1), np.nan),
                "dead": n == 0,
                "dense": density > DENSE,
            }
        )

    def histogram(self, feature: int, bins: int = BINS) -> Histogram:
        """Its activations where it fires, in linear bins from 0 to the largest."""
        values = self.postings(feature).values.astype(np.float64)
        counts, edges = np.histogram(values, bins, (0.0, values.max(initial=0.0) or 1.0))
        return Histogram(edges, counts.astype(np.int64))

    def quantiles(self, feature: int, shares: Sequence[float]) -> Float64[np.ndarray, " shares"]:
        """Quantiles of its activations over the tokens it fires on, interpolated; NaN for a dead feature."""
        values = self.postings(feature).values.astype(np.float64)
        return np.quantile(values, shares) if len(values) else np.full(len(shares), np.nan)

    def peaks(self, feature: int) -> Peaks:
        """Its largest activation in every sentence where it fires, in the order of the text."""
        found = self.postings(feature)
        sentences = self._sentence_of(found.places)
        first = np.flatnonzero(np.diff(sentences, prepend=-1))
        values = np.maximum.reduceat(found.values, first) if len(first) else found.values
        return Peaks(sentences[first], values)

    def peaks_of_rows(self, feature: int) -> RowPeaks:
        """Its largest activation in every row of text where it fires, in the order of the text."""
        found = self.postings(feature)
        rows = self._row_of(found.places)
        first = np.flatnonzero(np.diff(rows, prepend=-1))
        values = np.maximum.reduceat(found.values, first) if len(first) else found.values
        return RowPeaks(rows[first], values)

    def top(self, feature: int, n: int) -> list[Example]:
        """The ``n`` sentences on which it fires most, by largest activation: one per row of text, near-duplicates
        left out (see ``pick.py``). Fewer where there are not so many."""
        chosen = distinct(self._candidates(feature).tolist(), self._text_of, n)
        return self._examples(feature, chosen)

    def deciles(self, feature: int, n: int, seed: int = 0) -> list[list[Example]]:
        """``n`` sentences of each tenth of those on which it fires, from the weakest tenth to the strongest.

        The tenths have equally many sentences, ranked by largest activation, one per row of text; those shown
        are drawn at random, near-duplicates left out within a tenth.
        """
        generator = np.random.default_rng((seed, feature))
        tenths = np.array_split(self._candidates(feature)[::-1], DECILES)
        return [
            self._examples(feature, distinct(generator.permutation(tenth).tolist(), self._text_of, n))
            for tenth in tenths
        ]

    def row_example(self, feature: int, row: int) -> Example:
        """A whole row of text, as if it were one sentence; ``sentence`` is that of its first token."""
        begin, end = self.arrays["rows"][row : row + 2].tolist()
        sentence = int(self._sentence_of(np.array([begin]))[0])
        return self._example(sentence, row, begin, _dense(self.postings(feature), begin, end))

    def pieces(self, begin: int, end: int) -> list[str]:
        """The texts of the tokens from place ``begin`` to before ``end``."""
        ends = self.arrays["ends"]
        marks = [int(ends[begin - 1]) if begin else 0, *ends[begin:end].tolist()]
        raw = self.arrays["text"][marks[0] : marks[-1]].tobytes()
        cuts = pairwise(marks)
        return [raw[a - marks[0] : b - marks[0]].decode() for a, b in cuts]

    def _span(self, feature: int) -> tuple[int, int]:
        begin, end = self.arrays["begin"][self._check_feature(feature) :][:2].tolist()
        return begin, end

    def _sentence_of(self, places: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
        return np.searchsorted(self.arrays["sentences"], places, side="right") - 1

    def _candidates(self, feature: int) -> Int64[np.ndarray, " n"]:
        return strongest_first(self.peaks(feature), lambda some: self._row_of(self.arrays["sentences"][some]))

    def _examples(self, feature: int, sentences: Sequence[int]) -> list[Example]:
        found = self.postings(feature)
        out = []
        for sentence in sentences:
            begin, end = self._tokens_of(sentence)
            row = int(self._row_of(np.array([begin]))[0])
            out.append(self._example(sentence, row, begin, _dense(found, begin, end)))
        return out


def _dense(found: Postings, begin: int, end: int) -> Float32[np.ndarray, " tokens"]:
    """The activation on every token from ``begin`` to before ``end``."""
    low, high = np.searchsorted(found.places, (begin, end))
    activations = np.zeros(end - begin, np.float32)
    activations[found.places[low:high] - begin] = found.values[low:high]
    return activations
