"""InterpScore: does the label predict where the feature fires?

A sentence's value is the feature's largest activation over its tokens. Cohen's d between sentences made to
match the label and sentences made not to, clipped to [0, 1], is the score. d = 1 is only an AUROC of 0.76,
and above it all scores are alike; so the unclipped figures stand beside it, and nulls that say what a label
gets for nothing.
"""

from collections.abc import Hashable, Sequence
from dataclasses import replace
from math import exp, lgamma, log

import numpy as np
from jaxtyping import Float

from assay.auroc import Estimate, auroc
from assay.features.resample import counts, interval
from assay.score import Score, unscored
from assay.settings import FeatureSettings

ID = "interp"


def interp_score(
    matching: Float[np.ndarray, " m"],
    other: Float[np.ndarray, " n"],
    settings: FeatureSettings,
    seed: int,
    *,
    hard: Float[np.ndarray, " h"] | None = None,
    shuffled: Float[np.ndarray, "labels sentences"] | None = None,
    tokens: float | None = None,
) -> Score:
    """The score of one label, from maximum activations per sentence (start token excluded); NaN for a
    sentence that could not be run.

    ``hard``: the feature on sentences that match the labels of its nearest features. ``shuffled``: the
    feature on the matching sentences of other features' labels, one row a label; rows with a gap are left
    out. ``tokens``: what ``token_baseline`` gives. ``raw`` is d, in pooled standard deviations.

    Figures: ``d`` and ``hedges_g`` (Hedges 1981, d without its bias in small samples); ``auroc`` with its
    interval, ties half; ``hard_auroc`` against the hard negatives; ``null_mean``, the mean score of the other
    labels, ``null_share``, the share of them that separate as well, and ``null_p``, the same with this one
    counted in, which is a p-value; ``token_auroc``.
    """
    named = {"matching": matching, "non-matching": other}
    kept = {name: values[np.isfinite(values)].astype(np.float64) for name, values in named.items()}
    lost = sum(len(named[name]) - len(kept[name]) for name in named)
    a, b = kept.values()
    figures: dict[str, float | None] = {**_auroc("auroc", a, b), "token_auroc": tokens}
    if hard is not None:
        figures |= _auroc("hard_auroc", a, hard[np.isfinite(hard)])
    reason = _reason(kept)
    if reason:
        return replace(unscored(ID, reason, settings.interp_threshold, lost), figures=figures)
    d = float(cohens_d(a[None], b)[0])
    figures |= {"d": d, "hedges_g": d * _hedges(len(a) + len(b) - 2)}
    strangers = np.zeros((0, 2)) if shuffled is None else shuffled[np.isfinite(shuffled).all(1)]
    if len(strangers) and strangers.shape[1] > 1:
        # No variance and no gap, such as silence on both sides: the label predicts nothing.
        null = np.nan_to_num(
            cohens_d(strangers.astype(np.float64), b), nan=0.0, posinf=np.inf, neginf=-np.inf
        )
        figures |= {
            "null_mean": float(null.clip(0, 1).mean()),
            "null_share": float((null >= d).mean()),
            "null_p": float((1 + (null >= d).sum()) / (1 + len(null))),
        }
    draws = _resampled(a, b, settings.resamples, seed)
    return Score(
        id=ID,
        value=min(max(d, 0.0), 1.0),
        raw=d,
        interval=interval(draws.clip(0, 1)),
        n=len(a) + len(b),
        n_unscored=lost,
        threshold=settings.interp_threshold,
        figures=figures,
    )


def cohens_d(sets: Float[np.ndarray, "k m"], other: Float[np.ndarray, " n"]) -> Float[np.ndarray, " k"]:
    """(mean of a set - mean of ``other``) / pooled SD (n - 1) for each of k sets (Cohen 1988, section 2.5).

    Where neither side varies: infinite, with the sign of the gap, or NaN without a gap.
    """
    m, n = sets.shape[1], len(other)
    spread = (m - 1) * sets.var(1, ddof=1) + (n - 1) * other.var(ddof=1)
    # Mean and variance of equal numbers can be off by a rounding error.
    flat = (np.ptp(sets, axis=1) == 0) & (np.ptp(other) == 0)
    gap = np.where(flat, sets[:, 0] - other[0], sets.mean(1) - other.mean())
    return _divided(gap, np.where(flat, 0.0, spread) / (m + n - 2))


def token_baseline(
    matching: Sequence[Sequence[Hashable]], other: Sequence[Sequence[Hashable]]
) -> float | None:
    """AUROC of the best single token: one that fires wherever it stands in a sentence and nowhere else.

    Sentences for the label "the word dog" all say dog: a feature that does no better than this may only
    know the word. Its maximum over all tokens flatters it a little. None when either side is empty.
    """
    if not matching or not other:
        return None
    sides = [[set(sentence) for sentence in side] for side in (matching, other)]
    every = set().union(*sides[0], *sides[1])
    hit, false = ({token: sum(token in s for s in side) / len(side) for token in every} for side in sides)
    return max(((1 + (hit[token] - false[token])) / 2 for token in every), default=0.5)


def _reason(kept: dict[str, Float[np.ndarray, " _"]]) -> str | None:
    """Why there is no d, or None."""
    for name, values in kept.items():
        if len(values) < 2:
            return f"{len(values)} {name} sentences: at least two are needed"
    if all(not values.any() for values in kept.values()):
        return "the feature is silent on every sentence"
    if all(np.ptp(values) == 0 for values in kept.values()):
        return "the activation is the same on all sentences of either set: no variance to divide by"
    return None


def _divided(gap: Float[np.ndarray, " k"], variance: Float[np.ndarray, " k"]) -> Float[np.ndarray, " k"]:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(gap / np.sqrt(variance))


def _hedges(free: int) -> float:
    """Hedges' exact correction for ``free`` degrees of freedom: 0.958 at ten and ten sentences."""
    return exp(lgamma(free / 2) - lgamma((free - 1) / 2) - log(free / 2) / 2) if free > 1 else 0.0


def _auroc(name: str, a: Float[np.ndarray, " m"], b: Float[np.ndarray, " n"]) -> dict[str, float | None]:
    found: Estimate = auroc(a.tolist(), b.tolist())
    low, high = found.interval or (None, None)
    return {name: found.value, f"{name}_low": low, f"{name}_high": high}


def _resampled(
    a: Float[np.ndarray, " m"], b: Float[np.ndarray, " n"], resamples: int, seed: int
) -> Float[np.ndarray, " resamples"]:
    """d of resamples within each set (they were made apart, so they are drawn apart)."""
    centre = np.concatenate([a, b]).mean()
    scale = np.abs(np.concatenate([a, b]) - centre).max()
    means, squares = [], []
    for values, stream in ((a, 0), (b, 1)):
        weights = counts(len(values), resamples, 2 * seed + stream)
        x = (values - centre) / scale
        mean = weights @ x / len(values)
        means.append(mean)
        squares.append(weights @ x**2 - len(values) * mean**2)
    spread = (squares[0] + squares[1]) / (len(a) + len(b) - 2)
    # Values lie in [-1, 1] here: less than this is a resample of equal numbers, rounded.
    gap = np.where(np.abs(means[0] - means[1]) < 1e-12, 0.0, means[0] - means[1])
    return _divided(gap, np.where(spread < 1e-14, 0.0, spread))
