"""Statistics of a measure: does it tell bad from good, and does it say the same thing twice?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.stats import f as f_distribution

from assay.score import Interval

Z = 1.959963984540054
"""Normal quantile of a 95% interval."""


@dataclass(frozen=True)
class Estimate:
    """A number with its interval and what it was computed from."""

    value: float | None
    interval: Interval | None
    """95%; None where there is no value."""
    n: tuple[int, ...]
    """Sizes: (good, bad) for an AUROC, (edits, seeds) for an ICC, (hits, tries) for a coverage."""


def auroc(good: Sequence[float], bad: Sequence[float]) -> Estimate:
    """P(a good one scores higher than a bad one), ties counted half; 0.5 tells nothing, 1 tells all.

    Interval: Newcombe 2006 (Statistics in Medicine 25, 559), method 5, a score interval on Hanley and
    McNeil's variance: at 1.0 it has a width, where resampling has none.
    """
    n = (len(good), len(bad))
    if not good or not bad:
        return Estimate(None, None, n)
    a, b = np.asarray(good)[:, None], np.asarray(bad)[None, :]
    value = float((a > b).mean() + (a == b).mean() / 2)
    return Estimate(value, _newcombe(value, *n), n)


def _newcombe(value: float, n_good: int, n_bad: int) -> Interval:
    spread = (n_good + n_bad) / 2 - 1

    def excess(theta: float) -> float:
        """How much farther the value lies from theta than z standard errors under theta."""
        shape = 1 + spread * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        return float(abs(value - theta) - Z * np.sqrt(theta * (1 - theta) * shape / (n_good * n_bad)))

    # At 0 and 1 the excess is zero, too, without being an end of the interval: stay a little inside.
    inside = min(max(value, 1e-9), 1 - 1e-9)
    low = brentq(excess, 0.0, inside) if value > 0 and excess(0.0) > 0 else 0.0
    high = brentq(excess, inside, 1.0) if value < 1 and excess(1.0) > 0 else 1.0
    return float(low), float(high)


def icc(table: Sequence[Sequence[float]]) -> Estimate:
    """ICC(1,1), one-way random effects, absolute agreement of single measurements: (edits, seeds).

    The share of a score's variance that belongs to the edits and not to the draw of the probes
    (Shrout and Fleiss 1979, eq. 1, with their F interval). Seeds are exchangeable draws, not raters, so
    the one-way form is the right one. No value where nothing varies or there are fewer than two of either.
    """
    x = np.asarray(table, dtype=np.float64)
    if x.ndim != 2 or min(x.shape) < 2:
        return Estimate(None, None, (len(table), 0 if x.ndim != 2 else x.shape[1]))
    n, k = x.shape
    between = k * ((x.mean(1) - x.mean()) ** 2).sum() / (n - 1)
    within = ((x - x.mean(1, keepdims=True)) ** 2).sum() / (n * (k - 1))
    if between == 0 and within == 0:
        return Estimate(None, None, (n, k))
    if within == 0:
        return Estimate(1.0, (1.0, 1.0), (n, k))
    ratio, free = between / within, (n - 1, n * (k - 1))
    low = ratio / f_distribution.ppf(0.975, *free)
    high = ratio * f_distribution.ppf(0.975, *free[::-1])
    value, least, most = (float((f - 1) / (f + k - 1)) for f in (ratio, low, high))
    return Estimate(value, (least, most), (n, k))


def within_sd(table: Sequence[Sequence[float]]) -> float | None:
    """Standard deviation of one edit's score over regenerated probes, pooled over the edits."""
    x = np.asarray(table, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] < 2:
        return None
    return float(np.sqrt(x.var(1, ddof=1).mean()))


def coverage(table: Sequence[Sequence[float]], intervals: Sequence[Sequence[Interval | None]]) -> Estimate:
    """Share of 95% intervals that hold the mean of the same edit's scores at the other seeds.

    That mean stands for what the interval is about, the score over all probes the generator could have
    drawn; being a mean of few, it makes the share a little too low.
    """
    hits = tries = 0
    for row, own in zip(table, intervals, strict=True):
        for i, interval in enumerate(own):
            others = [v for j, v in enumerate(row) if j != i]
            if interval is None or not others:
                continue
            tries += 1
            # A mean of equal scores can differ from them by a rounding error.
            hits += interval[0] - 1e-9 <= float(np.mean(others)) <= interval[1] + 1e-9
    return Estimate(hits / tries if tries else None, None, (hits, tries))
