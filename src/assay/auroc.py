"""AUROC with its interval: how well a number tells one group from another."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from assay.score import Interval

Z = 1.959963984540054
"""Normal quantile of a 95% interval."""
HALVINGS = 60
"""Of the unit interval, to the last digit of a float."""


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
        return float(abs(value - theta) - Z * (theta * (1 - theta) * shape / (n_good * n_bad)) ** 0.5)

    # At 0 and 1 the excess is zero, too, without being an end of the interval: stay a little inside.
    inside = min(max(value, 1e-9), 1 - 1e-9)
    low = _crossing(excess, 0.0, inside) if value > 0 and excess(0.0) > 0 else 0.0
    high = _crossing(excess, 1.0, inside) if value < 1 and excess(1.0) > 0 else 1.0
    return low, high


def _crossing(excess: Callable[[float], float], outside: float, inside: float) -> float:
    """Where the excess, above 0 outside and not inside, comes to 0. (By halving: loading a solver takes longer.)"""
    for _ in range(HALVINGS):
        middle = (outside + inside) / 2
        if excess(middle) > 0:
            outside = middle
        else:
            inside = middle
    return (outside + inside) / 2
