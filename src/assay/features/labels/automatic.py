"""First labels for all live features, offline: of the vocabulary's concepts the one that goes with it best.

Candidates are found on the index's own text and decided between on held-out sentences of other documents.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float32

from assay.events import Emit, ignore, stage
from assay.features.interp import cohens_d
from assay.features.labels.associate import best_concepts
from assay.features.labels.book import Labelled
from assay.features.labels.concepts import Concept, Embed, claim
from assay.features.labels.vocabulary import vocabulary
from assay.features.text import IndexedText
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
