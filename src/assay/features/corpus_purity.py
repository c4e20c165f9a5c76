"""Purity of the corpus sentences that a feature fires on, which no label has chosen: SPEC's second source."""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float, Float32, Int64

from assay.corpus.sentences import Sentences
from assay.features.firing import fires
from assay.features.purity import null_cosines, purity_score, token_purity
from assay.sae.index.reader import IndexReader
from assay.sae.index.records import Example
from assay.score import Score
from assay.settings import FeatureSettings

ID = "corpus_purity"
TOP = 10
"""Strongest sentences that are read; one of each tenth of its activations comes with them."""


class CorpusPurity:
    """The score of any feature of an index; what features share is made once."""

    def __init__(
        self,
        index: IndexReader,
        vectors_of: Callable[[Sequence[int]], Float32[np.ndarray, "n d"]],
        pool: Sentences,
        settings: FeatureSettings,
        seed: int,
    ) -> None:
        """``vectors_of``: unit embeddings of the index's sentences by number. ``pool``: sentences that the null is
        drawn from, with their embeddings."""
        assert pool.vectors is not None
        self.pool: Float32[np.ndarray, "n d"] = np.asarray(pool.vectors)
        self._lengths = pool.lengths.astype(np.int64)
        self._index, self._vectors_of = index, vectors_of
        self._settings, self._seed = settings, seed

    def __call__(self, feature: int) -> tuple[Score, list[Example]]:
        """The score, and the sentences that it read, the strongest first."""
        found = self._index.top(feature, TOP)
        taken = {example.sentence for example in found}
        tenths = (one for tenth in reversed(self._index.deciles(feature, 1, self._seed)) for one in tenth)
        found += [one for one in tenths if one.sentence not in taken]
        largest = self._index.statistics(feature).max
        loud = [e for e in found if fires(np.array([e.value]), self._settings, largest)[0]]
        lengths = np.array([len(e.text) for e in loud], np.int64)
        score = purity_score(
            self._vectors_of([e.sentence for e in loud]) if loud else self.pool[:0],
            self._settings,
            self._seed + feature,
            id=ID,
            n_silent=len(found) - len(loud),
            null=self.null(lengths, feature) if len(loud) > 1 else None,
            tokens=token_purity([e.tokens[e.peak] for e in loud]),
        )
        return score, found

    def null(self, lengths: Int64[np.ndarray, " n"], feature: int) -> Float[np.ndarray, " draws"]:
        """Mean cosines of random sentences as long as a feature's."""
        return null_cosines(lengths, self.pool, self._lengths, self._settings, self._seed + feature)
