"""Do the benchmarks rank edits as the papers' own metrics do? Spearman's rho over cases."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import atanh, sqrt, tanh
from typing import Any

import numpy as np
from scipy.stats import rankdata

from assay.benchmarks.names import NAMES
from assay.evals.metric import Metric
from assay.score import Interval

Z = 1.959963984540054
"""Normal quantile of a 95% interval."""

FEWEST = 3
"""Cases below which there is no rho: two always agree wholly or not at all."""

FEW = "fewer than three cases have both"
SAME_SCORE = "the score is the same in all cases"
SAME_METRIC = "the metric is the same in all cases"


@dataclass(frozen=True)
class Correlation:
    """How one benchmark and one metric of the paper go together over cases."""

    metric: str
    rho: float | None
    """Spearman's, in [-1, 1]; None when there is none (then ``reason`` says why)."""
    interval: Interval | None
    """95%; None below four cases and where the ranks agree (or disagree) without exception."""
    n: int
    """Cases that have both."""
    reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dict."""
        return {
            "metric": self.metric,
            "rho": self.rho,
            "interval": list(self.interval) if self.interval else None,
            "n": self.n,
            "reason": self.reason,
        }


def spearman(metric: str, pairs: Sequence[tuple[float, float]]) -> Correlation:
    """Spearman's rho of (score, metric) pairs, ties at their mean rank.

    Interval: Fisher's z with the standard error of Bonett and Wright 2000 (Psychometrika 65, 23),
    sqrt((1 + rho^2 / 2) / (n - 3)).
    """
    n = len(pairs)
    if n < FEWEST:
        return Correlation(metric, None, None, n, FEW)
    scores, others = (np.asarray(column, dtype=np.float64) for column in zip(*pairs, strict=True))
    for column, reason in ((scores, SAME_SCORE), (others, SAME_METRIC)):
        if (column == column[0]).all():
            return Correlation(metric, None, None, n, reason)
    rho = float(np.corrcoef(rankdata(scores), rankdata(others))[0, 1])
    if abs(rho) > 1 - 1e-12:  # a sum's rounding error, less than any pair of ranks can make
        return Correlation(metric, 1.0 if rho > 0 else -1.0, None, n)
    if n < 4:
        return Correlation(metric, rho, None, n)
    half = Z * sqrt((1 + rho**2 / 2) / (n - 3))
    return Correlation(metric, rho, (tanh(atanh(rho) - half), tanh(atanh(rho) + half)), n)


def compare(lines: Sequence[Mapping[str, Any]], metrics: Sequence[Metric]) -> dict[str, Any]:
    """Each benchmark beside the paper's metrics that are ``compared``, over the cases' lines, as JSON.

    A benchmark or metric that a line has no value for leaves the line out of that pair, and only of that.
    Cases with several facts, which no benchmark was run on, are counted and left out.
    """
    asked = [line for line in lines if line["generic"] is not None]
    chosen = [metric for metric in metrics if metric.compared]
    return {
        "cases": len(asked),
        "several_facts": len(lines) - len(asked),
        "generic": sum(line["generic"] for line in asked),
        "metrics": [{"id": metric.id, "title": metric.title} for metric in chosen],
        "scores": [_row(id, asked, chosen) for id in NAMES],
    }


def _row(id: str, lines: Sequence[Mapping[str, Any]], metrics: Sequence[Metric]) -> dict[str, Any]:
    values = [line["scores"][id] for line in lines]
    scored = [value for value in values if value is not None]
    # What follows the colon of a reason are figures of the case.
    reasons = Counter(line["unscored"][id].partition(":")[0] for line in lines if id in line["unscored"])
    pairs = {
        metric.id: [
            (float(value), float(other))
            for value, line in zip(values, lines, strict=True)
            if value is not None and (other := metric.of(line)) is not None
        ]
        for metric in metrics
    }
    return {
        "id": id,
        "title": NAMES[id].title,
        "mean": float(np.mean(scored)) if scored else None,
        "n": len(scored),
        "unscored": dict(reasons),
        "correlations": [spearman(metric, both).to_json() for metric, both in pairs.items()],
    }
