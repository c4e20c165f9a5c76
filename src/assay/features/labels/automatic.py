"""First labels for all live features, offline: of the vocabulary's concepts the one that goes with it best.

Candidates are found on the index's own text and decided between on held-out sentences of other documents.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32

from assay.corpus.embed import Embedder
from assay.corpus.sentences import Sentences
from assay.events import Emit, ignore, stage
from assay.features.interp import cohens_d
from assay.features.labels.associate import best_concepts
from assay.features.labels.book import Labelled
from assay.features.labels.concepts import Concept, Embed, claim
from assay.features.labels.vocabulary import vocabulary
from assay.runs.whole import written_whole
from assay.sae.index.bank import Bank
from assay.sae.index.index import FeatureIndex

CANDIDATES = 5
"""Concepts of each feature that are tried on held-out sentences."""
LEAST = 3
"""Held-out sentences that a candidate must claim to be decided about."""


class Deciding:
    """How well a label goes with a feature on the deciding half of a bank."""

    def __init__(self, bank: Bank, embed: Embed) -> None:
        self._bank = bank
        self.embed = embed
        self._claims: dict[str, tuple[Bool[np.ndarray, " n"], Bool[np.ndarray, " n"]]] = {}

    def figures(self, feature: int, concept: Concept) -> dict[str, float | None]:
        """``r``, its correlation with what the label claims; ``d``, Cohen's d of claimed against not claimed, whose
        clipped value is an InterpScore over all sentences; ``coverage``, the share of the feature's activation
        that falls on claimed sentences, and ``base``, the share of the sentences that are claimed. None where the
        label claims too few, or the feature is the same everywhere, as a silent one is."""
        values = self._bank.values(feature)[self._bank.deciding]
        inside, outside = self._claim(concept)
        run = np.isfinite(values)
        a, b, every = values[inside & run], values[outside & run], values[run]
        if len(a) < LEAST or len(b) < LEAST or np.ptp(every) == 0:
            return {"r": None, "d": None, "coverage": None, "base": None}
        d = float(cohens_d(a[None].astype(np.float64), b.astype(np.float64))[0])
        r = float(np.corrcoef(every, inside[run])[0, 1])
        return {
            "r": r,
            "d": d if np.isfinite(d) else None,
            "coverage": float(a.sum() / every.sum()),
            "base": float(inside[run].mean()),
        }

    def _claim(self, concept: Concept) -> tuple[Bool[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
        if concept.label not in self._claims:
            found = claim(concept, self._bank.deciding_half, self.embed)
            self._claims[concept.label] = found.inside, found.outside
        return self._claims[concept.label]


class IndexedText:
    """The sentences of an index as a set that concepts can be tried on; made when first asked for."""

    def __init__(self, index: FeatureIndex, embedder: Embedder, emit: Emit = ignore) -> None:
        self._index = index
        self._embedder = embedder
        self._emit = emit

    @cached_property
    def texts(self) -> list[str]:
        """In the index's own numbering."""
        return list(self._index.sentences(range(self._index.about.n_sentences)))

    @cached_property
    def vectors(self) -> Float32[np.ndarray, "n d"]:
        """Embeddings of all of them, kept beside the index."""
        path = self.vectors_path(self._index, self._embedder)
        if not path.is_file():
            made = self._embedder([text or "." for text in self.texts], self._emit)
            with written_whole(path) as scratch, scratch.open("wb") as file:
                np.save(file, made)
        vectors: Float32[np.ndarray, "n d"] = np.load(path, mmap_mode="r", allow_pickle=False)
        return vectors

    @cached_property
    def sentences(self) -> Sentences:
        """Texts and vectors."""
        return Sentences(self.texts, self.vectors)

    @cached_property
    def words(self) -> Sentences:
        """The texts alone: no sentence is embedded for them."""
        return Sentences(self.texts)

    def vectors_of(self, some: Sequence[int]) -> Float32[np.ndarray, "n d"]:
        """Embeddings of some of them: kept ones where there are such, else of these alone."""
        if self.vectors_path(self._index, self._embedder).is_file():
            return np.array(self.vectors[list(some)])
        return self._embedder([text or "." for text in self._index.sentences(some)], self._emit)

    @staticmethod
    def vectors_path(index: FeatureIndex, embedder: Embedder) -> Path:
        """Where the embeddings are, once they are made."""
        return index.folder / f"vectors-{Path(embedder.name).name}.npy"


def automatic_labels(
    index: FeatureIndex, bank: Bank, embed: Embed, text: IndexedText, emit: Emit = ignore
) -> list[Labelled]:
    """One label for each feature that fires anywhere in the index; none where the text is too short for any."""
    known = vocabulary(text.sentences, embed, emit)
    if not known.concepts:
        return []
    live = np.flatnonzero(np.diff(index.arrays["begin"]) > 0)

    def values(feature: int) -> tuple[np.ndarray, np.ndarray]:
        peaks = index.peaks(feature)
        return peaks.sentences, peaks.values

    found, strengths = best_concepts(values, live, known.claims, CANDIDATES, emit)
    deciding = Deciding(bank, embed)
    labels = []
    with stage(emit, "decide", "labels on held-out sentences", len(live)) as tick:
        for at, feature in enumerate(live.tolist()):
            concepts = [known.concepts[n] for n in found[at]]
            labels.append(_decided(deciding, feature, concepts, strengths[at]))
            if at % 64 == 63 or at + 1 == len(live):
                tick(at + 1)
    return labels


def _decided(
    deciding: Deciding, feature: int, concepts: Sequence[Concept], strengths: Float32[np.ndarray, " kept"]
) -> Labelled:
    """The candidate of highest correlation on both texts together; unheard of on held-out ones counts as 0 there."""
    tried = [deciding.figures(feature, concept) for concept in concepts]
    totals = [
        float(np.nan_to_num(strength)) + (figures["r"] or 0.0)
        for strength, figures in zip(strengths, tried, strict=True)
    ]
    best = int(np.argmax(totals))
    figures = {"r_index": float(strengths[best]) if np.isfinite(strengths[best]) else None, **tried[best]}
    return Labelled(feature, concepts[best].label, "automatic", figures)
