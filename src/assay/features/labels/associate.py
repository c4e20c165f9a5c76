"""Which concepts go with which features over a corpus: all pairs at once, by one sparse product.

A feature's value on a sentence is its largest activation there; a concept is 1 on the sentences that it claims.
Their correlation rewards both halves of a good label: that the feature fires where the label holds, and that the
label holds where the feature fires. Cohen's d alone would prefer labels that are right but far too narrow.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float32, Int32, Int64
from scipy.sparse import csc_array, csr_array

from assay.events import Emit, ignore, stage

BLOCK = 256
"""Features at a time: what is held is one block by all concepts."""
SAME = 1e-12
"""A variance below this share of the mean square is none."""

Values = Callable[[int], tuple[Int64[np.ndarray, " n"], Float32[np.ndarray, " n"]]]
"""Of a feature the numbers of the sentences on which it fires and its largest activation in each."""


def best_concepts(
    values: Values, features: Int64[np.ndarray, " f"], claims: csc_array, kept: int, emit: Emit = ignore
) -> tuple[Int32[np.ndarray, "f kept"], Float32[np.ndarray, "f kept"]]:
    """For each of the features the concepts of highest correlation, the best first, and the correlations; NaN
    for a feature that is silent or the same everywhere. ``claims`` has a column of ones and zeros per concept."""
    n_sentences, n_concepts = claims.shape
    kept = min(kept, n_concepts)
    if not kept:
        return np.zeros((len(features), 0), np.int32), np.zeros((len(features), 0), np.float32)
    concepts = np.zeros((len(features), kept), np.int32)
    strengths = np.full((len(features), kept), np.nan, np.float32)
    rows = claims.tocsr()
    with stage(emit, "associate", "concepts against features", len(features)) as tick:
        for at in range(0, len(features), BLOCK):
            block = _matrix([values(int(f)) for f in features[at : at + BLOCK]], n_sentences)
            found = correlations(block, rows)
            best = np.sort(np.argpartition(-found, kept - 1, axis=1)[:, :kept], axis=1)  # of equals the first
            order = np.argsort(-np.take_along_axis(found, best, 1), axis=1, kind="stable")
            best = np.take_along_axis(best, order, 1)
            concepts[at : at + BLOCK] = best
            strengths[at : at + BLOCK] = np.take_along_axis(found, best, 1)
            tick(min(at + BLOCK, len(features)))
    return concepts, strengths


def correlations(values: csr_array, claims: csr_array) -> Float32[np.ndarray, "f concepts"]:
    """Pearson's r of every feature (rows of ``values``, by sentence) with every concept (columns of ``claims``)
    over all sentences; NaN where either does not vary."""
    n = claims.shape[0]
    values = values.astype(np.float64)
    size = np.asarray(claims.sum(0), np.float64).ravel()
    total, squares = (
        np.asarray(part.sum(1), np.float64).ravel() for part in (values, values.multiply(values))
    )
    both = np.asarray((values @ claims).todense(), np.float64)
    covariance = both / n - np.outer(total / n, size / n)
    variance = squares / n - (total / n) ** 2
    # What is left of equal numbers is a rounding error, and may be below 0.
    spread = np.sqrt(np.where(variance > SAME * squares / n, variance, 0))
    share = size / n
    with np.errstate(divide="ignore", invalid="ignore"):
        r = covariance / np.outer(spread, np.sqrt(share * (1 - share)))
    r[~np.isfinite(r)] = np.nan
    return np.asarray(r, np.float32)


def _matrix(
    some: list[tuple[Int64[np.ndarray, " _"], Float32[np.ndarray, " _"]]], n_sentences: int
) -> csr_array:
    begin = np.concatenate([[0], np.cumsum([len(where) for where, _ in some], dtype=np.int64)])
    where = np.concatenate([np.zeros(0, np.int64), *(where for where, _ in some)])
    value = np.concatenate([np.zeros(0, np.float32), *(value for _, value in some)])
    return csr_array((value, where, begin), shape=(len(some), n_sentences))
