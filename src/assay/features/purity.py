"""FeaturePurityScore: is the feature about one thing?

The sentences on which it fires are embedded as unit vectors; the mean cosine of all pairs, brought from
[-1, 1] to [0, 1], is the score. Unrelated sentences are not at 0 on that scale, and how far they are from it
depends on the embedder and on their length: so a null of random sentences of the same lengths goes with it.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from assay.errors import InputError
from assay.features.resample import counts, interval
from assay.score import Score, unscored
from assay.settings import FeatureSettings

ID = "purity"
NEAREST = 50
"""Random sentences are drawn from this many of the pool that are nearest in length."""


def purity_score(
    vectors: Float[np.ndarray, "n d"],
    settings: FeatureSettings,
    seed: int,
    *,
    id: str = ID,
    n_silent: int = 0,
    null: Float[np.ndarray, " draws"] | None = None,
    tokens: float | None = None,
) -> Score:
    """The score of the sentences on which a feature fired, from their unit embeddings; ``raw`` is the mean cosine.

    The same function serves both sources: the matching sentences that fired (``n_silent`` of them did not) and
    the top or decile sentences of a corpus, which no label has chosen. ``null`` is what ``null_cosines`` gives
    for these sentences, ``tokens`` what ``token_purity`` gives for their peak tokens.

    Figures: ``mean_cosine``; ``null_cosine`` and ``z``, how many of the null's standard deviations above it;
    ``calibrated`` with its interval, (cosine - null) / (1 - null): 0 for sentences that have no more in common
    than random ones, 1 for equal ones; ``token_purity``.
    """
    if len(vectors) < 2:
        reason = f"the feature fired on {len(vectors)} of {len(vectors) + n_silent} sentences: at least two are needed"
        return unscored(id, reason, settings.purity_threshold, n_silent + len(vectors))
    cosine = float(mean_cosine(vectors))
    # A sentence drawn twice must not count as a pair with itself: two or more different ones make a value.
    draws = mean_cosine(vectors, counts(len(vectors), settings.resamples, seed))
    span = interval(draws) if len(vectors) > 2 else None
    figures: dict[str, float | None] = {"mean_cosine": cosine, "token_purity": tokens}
    if null is not None and len(null):
        floor, spread = float(null.mean()), float(null.std())
        figures |= {
            "null_cosine": floor,
            "z": (cosine - floor) / spread if spread > 0 else None,
            "calibrated": _calibrated(cosine, floor),
            "calibrated_low": _calibrated(span[0], floor) if span else None,
            "calibrated_high": _calibrated(span[1], floor) if span else None,
        }
    return Score(
        id=id,
        value=_shown(cosine),
        raw=cosine,
        interval=span and (_shown(span[0]), _shown(span[1])),
        n=len(vectors),
        n_unscored=n_silent,
        threshold=settings.purity_threshold,
        figures=figures,
    )


def mean_cosine(
    vectors: Float[np.ndarray, "n d"], weights: Float[np.ndarray, "*k n"] | None = None
) -> Float[np.ndarray, "*k"]:
    """Mean cosine over all pairs of two different unit vectors, each pair weighted by the product of its weights
    (default 1; one mean for each row of weights, NaN where all weight is on one vector).

    By the identity |sum w u|^2 = sum w^2 + sum over pairs: n vectors cost n steps, not n^2.
    Raises InputError for vectors that are not of length 1.
    """
    _check_unit(vectors)
    x = vectors.astype(np.float64)
    w = np.ones(len(x)) if weights is None else weights
    own = w**2
    pairs = w.sum(-1) ** 2 - own.sum(-1)
    total = ((w @ x) ** 2).sum(-1) - own @ (x**2).sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.clip(np.where(pairs > 0, total / pairs, np.nan), -1, 1))


def null_cosines(
    lengths: Int[np.ndarray, " n"],
    pool: Float[np.ndarray, "m d"],
    pool_lengths: Int[np.ndarray, " m"],
    settings: FeatureSettings,
    seed: int,
) -> Float[np.ndarray, " draws"]:
    """Mean cosine of ``null_draws`` (a setting) random sets, a sentence for each of the feature's, as long.

    For a sentence of n tokens one of the ``NEAREST`` pool sentences nearest in length is drawn. A pool sentence
    that is drawn twice in a set counts as one with double weight, never as a pair. Raises InputError for a pool
    of fewer than two.
    """
    if len(pool) < 2:
        raise InputError(
            f"{len(pool)} random sentences",
            "at least two",
            "take them from a corpus of some hundred sentences",
        )
    _check_unit(pool)
    nearest = np.abs(pool_lengths[None] - lengths[:, None]).argsort(1, kind="stable")[:, :NEAREST]
    which = np.random.default_rng(seed).integers(0, nearest.shape[1], (settings.null_draws, len(lengths)))
    picks = nearest[np.arange(len(lengths)), which]
    # Pairs of a sentence with itself, those that were drawn twice included, are taken out of sum and number.
    own = (picks[:, :, None] == picks[:, None]).sum((1, 2))
    total = (pool[picks].sum(1, dtype=np.float64) ** 2).sum(1)
    held = own < len(lengths) ** 2
    return np.asarray((total - own)[held] / (len(lengths) ** 2 - own)[held])


def token_purity(peaks: Sequence[str]) -> float | None:
    """Probability that two of the sentences peak on the same token; case and space around it do not count.

    This is the mean pairwise cosine of the tokens as one-hot vectors, so that it reads like purity itself. An
    entropy, normalised, would depend on how many sentences there are; this estimate does not (Simpson 1949).
    High for features of a comma or an ending, whose sentences have nothing else in common. None for fewer
    than two.
    """
    n = len(peaks)
    if n < 2:
        return None
    same = Counter(peak.strip().casefold() for peak in peaks).values()
    return sum(k * (k - 1) for k in same) / (n * (n - 1))


def _check_unit(vectors: Float[np.ndarray, "n d"]) -> None:
    lengths = np.linalg.norm(vectors, axis=1)
    if np.abs(lengths - 1).max(initial=0) > 1e-3:
        raise InputError(
            f"embeddings with lengths from {lengths.min():.3g} to {lengths.max():.3g}",
            "unit vectors",
            "divide each by its length; an embedding of length 0 has no direction",
        )


def _shown(cosine: float) -> float:
    return (cosine + 1) / 2


def _calibrated(cosine: float, floor: float) -> float | None:
    return (cosine - floor) / (1 - floor) if floor < 1 else None
