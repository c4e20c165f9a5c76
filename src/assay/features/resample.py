"""Bootstrap by weights: every resample is a row of counts, and a statistic of all of them is a few matrix
products. ``score.bootstrap`` calls Python once a resample, which three scores of every feature of an SAE
cannot afford.
"""

from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from assay.score import Interval


def counts(n: int, resamples: int, seed: int) -> Float[np.ndarray, "resamples n"]:
    """How often each of ``n`` items is drawn in each resample with replacement; every row sums to n."""
    drawn: NDArray[Any] = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), resamples)
    return drawn.astype(np.float64)


def interval(draws: Float[np.ndarray, " resamples"]) -> Interval | None:
    """95% percentile interval of finite values; resamples without one (NaN) are left out. None where all are."""
    held = draws[~np.isnan(draws)]
    if not held.size:
        return None
    low, high = np.percentile(held, [2.5, 97.5])
    return float(low), float(high)
