"""The scores that need no further forward pass: InterpScore and purity, from index and bank."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32, Int64

from assay.features.corpus_purity import CorpusPurity
from assay.features.firing import fires
from assay.features.interp import interp_score, token_baseline
from assay.features.labels.concepts import read_label
from assay.features.labels.sets import LabelSets
from assay.features.material import Material
from assay.features.purity import purity_score, token_purity
from assay.sae.index.records import Example
from assay.score import Score, unscored

STRANGERS = 64
"""Labels of other features that the shuffle null takes; all are labels of words."""
HARD = 8
"""Nearest features whose labels give hard negatives."""
NO_LABEL = "it has no label"


@dataclass(frozen=True, eq=False)
class Said:
    """The two scores of a label, and the sentences that made them by number in the bank's scoring half."""

    interp: Score
    purity: Score
    sets: LabelSets | None
    matching: Float[np.ndarray, " n"]
    """The feature's largest activation on each matching sentence; NaN where it was not run."""


@dataclass(frozen=True)
class Trial:
    """A label tried on sentences of another source than the bank."""

    interp: Score
    purity: Score
    sentences: Mapping[str, Sequence[Mapping[str, Any]]]
    """``matching``, ``other`` and whatever else there is, the strongest first, as evidence shows sentences."""
    alike: Mapping[str, Any]
    """``alike`` of the matching ones on which the feature fires."""
    made: Mapping[str, Any]
    """Who wrote them, and what became of them; JSON-able."""


Trier = Callable[[Material, "Scorer", int, str], Trial]
"""``(material, scorer, feature, label)``."""


def alike(of: Sequence[int], vectors: Float32[np.ndarray, "n d"] | None) -> dict[str, Any]:
    """``of``, places in a list of sentences, and the cosines of all pairs of these, to three decimals."""
    cosines = [] if vectors is None else np.round((vectors @ vectors.T).astype(np.float64), 3).tolist()
    return {"of": list(of), "cosine": cosines}


class Scorer:
    """Scores of many features of one SAE; what they share is made once."""

    def __init__(self, material: Material) -> None:
        self._m = material

    @property
    def material(self) -> Material:
        """What it reads."""
        return self._m

    def label_scores(self, feature: int, label: str | None) -> Said:
        """InterpScore and the purity of the matching sentences. Raises InputError for an empty label."""
        m = self._m
        if label is None:
            thresholds = m.settings.interp_threshold, m.settings.purity_threshold
            none = (
                unscored(id, NO_LABEL, at) for id, at in zip(("interp", "purity"), thresholds, strict=True)
            )
            return Said(next(none), next(none), None, np.zeros(0))
        sets = m.sets(label)
        hard, strangers = self._hard(feature, sets), self._others(label)
        beside = strangers.ravel() if hard is None else np.concatenate([hard, strangers.ravel()])
        m.bank.prepare(np.union1d(sets.matching, sets.other), np.unique(beside))
        matching, other = (self._values(feature, some) for some in (sets.matching, sets.other))
        interp = interp_score(
            matching,
            other,
            m.settings,
            m.seed + feature,
            hard=None if hard is None else self._values(feature, hard),
            shuffled=self._values(feature, strangers.ravel()).reshape(strangers.shape),
            tokens=token_baseline(*(self._tokens(some) for some in (sets.matching, sets.other))),
        )
        loud = sets.matching[self.fires(feature, matching)]
        return Said(interp, self._purity(feature, loud, len(sets.matching) - len(loud)), sets, matching)

    def corpus_purity(self, feature: int) -> tuple[Score, list[Example]]:
        """Purity of the corpus sentences that no label has chosen, and these sentences, the strongest first."""
        return self._corpus(feature)

    def fires(self, feature: int, values: Float[np.ndarray, " n"]) -> Bool[np.ndarray, " n"]:
        """Whether these activations count as firing, against the largest one in the index."""
        return fires(values, self._m.settings, self._m.index.statistics(feature).max)

    def vectors(self, some: Int64[np.ndarray, " n"]) -> Float[np.ndarray, "n d"]:
        """Embeddings of sentences of the scoring half."""
        return np.asarray(self._corpus.pool[some])

    def null(self, lengths: Int64[np.ndarray, " n"], feature: int) -> Float[np.ndarray, " draws"]:
        """Mean cosines of random sentences of the scoring half as long as these."""
        return self._corpus.null(lengths, feature)

    def example(self, feature: int, sentence: int) -> Example | None:
        """A sentence of the scoring half with the feature's activation on every token."""
        return self._m.bank.scoring_example(feature, sentence)

    def _purity(self, feature: int, loud: Int64[np.ndarray, " n"], n_silent: int) -> Score:
        m = self._m
        peaks = [e.tokens[e.peak] for e in (self.example(feature, int(s)) for s in loud) if e is not None]
        half = m.bank.scoring_half
        return purity_score(
            self._corpus.pool[loud],
            m.settings,
            m.seed + feature,
            n_silent=n_silent,
            null=self._corpus.null(half.lengths[loud].astype(np.int64), feature) if len(loud) > 1 else None,
            tokens=token_purity(peaks),
        )

    @cached_property
    def _corpus(self) -> CorpusPurity:
        m = self._m
        return CorpusPurity(m.index, m.text.vectors_of, m.bank.scoring_half, m.settings, m.seed)

    def strangers(self) -> Int64[np.ndarray, "labels sentences"]:
        """The matching sentences of the labels that the shuffle null takes, a row a label."""
        return self._table([ids for _, ids in self._strangers])

    def _hard(self, feature: int, sets: LabelSets) -> Int64[np.ndarray, " h"] | None:
        """Sentences that match the labels of its nearest features and not its own."""
        m = self._m
        nearest = m.index.nearest(feature, HARD)
        if nearest is None:
            return None
        found: dict[int, None] = {}
        for other in nearest:
            if other.feature in m.book:
                some = m.sets(m.book[other.feature].label).matching.tolist()
                found.update(dict.fromkeys(s for s in some if s not in sets.inside))
        shuffled = np.random.default_rng(m.seed + feature).permutation(np.array(list(found), np.int64))
        return np.asarray(shuffled[: 2 * m.settings.sentences])

    def _others(self, label: str) -> Int64[np.ndarray, "labels sentences"]:
        return self._table([ids for name, ids in self._strangers if name != label])

    def _table(self, rows: Sequence[Int64[np.ndarray, " n"]]) -> Int64[np.ndarray, "labels sentences"]:
        return np.array(rows, np.int64).reshape(-1, self._m.settings.sentences)

    @cached_property
    def _strangers(self) -> list[tuple[str, Int64[np.ndarray, " n"]]]:
        """Labels of words, drawn at random from the book, that have as many matching sentences as are asked for."""
        m = self._m
        names = sorted({m.book[f].label for f in m.book})
        found: list[tuple[str, Int64[np.ndarray, " n"]]] = []
        for at in np.random.default_rng(m.seed).permutation(len(names)).tolist():
            if len(found) == STRANGERS:
                break
            if read_label(names[at]).kind == "words":
                matching = m.sets(names[at]).matching
                if len(matching) == m.settings.sentences:
                    found.append((names[at], matching))
        return found

    def _tokens(self, sentences: Int64[np.ndarray, " n"]) -> list[list[int]]:
        return [self._m.bank.scoring_tokens(int(s)) for s in sentences]

    def _values(self, feature: int, some: Int64[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
        return self._m.bank.scoring_values(feature, some).astype(np.float64)
