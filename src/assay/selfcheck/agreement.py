"""Statistics of a measure that is taken again: does it say the same thing twice?"""

from collections.abc import Sequence

import numpy as np

from assay.auroc import Estimate
from assay.score import Interval


def icc(table: Sequence[Sequence[float]]) -> Estimate:
    """ICC(1,1), one-way random effects, absolute agreement of single measurements: (edits, seeds).

    The share of a score's variance that belongs to the edits and not to the draw of the probes
    (Shrout and Fleiss 1979, eq. 1, with their F interval). Seeds are exchangeable draws, not raters, so
    the one-way form is the right one. No value where nothing varies or there are fewer than two of either.
    """
    from scipy.stats import f as f_distribution  # half a second, for those who need it

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
