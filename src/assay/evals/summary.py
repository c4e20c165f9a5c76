"""From per-case lines to a table: means over cases times 100, each with its interval and its n."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.evals.metric import Metric
from assay.score import Interval, bootstrap, wilson

SCALE = 100.0
"""Metrics are printed x 100, as in the papers."""


@dataclass(frozen=True)
class Figure:
    """One metric over all cases."""

    metric: Metric
    value: float | None
    """After the edits, x 100; None when no case could be scored."""
    interval: Interval | None
    """95%: Wilson's where every case is a plain yes or no, else a bootstrap over cases."""
    n: int
    """Cases that made ``value``."""
    n_unscored: int
    """Cases with nothing to score."""
    before: float | None
    """The same on the unedited model, over the same cases."""

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dict."""
        return {
            "id": self.metric.id,
            "title": self.metric.title,
            "source": self.metric.source,
            "value": self.value,
            "interval": list(self.interval) if self.interval else None,
            "n": self.n,
            "n_unscored": self.n_unscored,
            "before": self.before,
        }


def summarise(
    lines: Sequence[Mapping[str, Any]], metrics: Sequence[Metric], seed: int, resamples: int
) -> list[Figure]:
    """Each metric's figure, in the table's order."""
    return [
        _harmonic(metric, lines, seed, resamples)
        if metric.harmonic
        else _mean(metric, lines, seed, resamples)
        for metric in metrics
    ]


def _mean(metric: Metric, lines: Sequence[Mapping[str, Any]], seed: int, resamples: int) -> Figure:
    used = [line for line in lines if metric.of(line) is not None]
    after = [float(line["after"][metric.id]) for line in used]
    before = [float(line["before"][metric.id]) for line in used if line["before"][metric.id] is not None]
    if not after:
        return Figure(metric, None, None, 0, len(lines), None)
    if set(after) <= {0.0, 1.0}:
        interval = wilson(int(sum(after)), len(after))
    else:
        interval = bootstrap([after], lambda a: float(a.mean()), seed, resamples)
    return Figure(
        metric=metric,
        value=SCALE * float(np.mean(after)),
        interval=interval and (SCALE * interval[0], SCALE * interval[1]),
        n=len(after),
        n_unscored=len(lines) - len(after),
        before=SCALE * float(np.mean(before)) if before else None,
    )


def harmonic(table: NDArray[np.float64]) -> float:
    """Harmonic mean of the columns' means over cases (missing values left out); 0 when one of them is 0."""
    means = np.nanmean(table, 0)
    return 0.0 if (means <= 0).any() else float(len(means) / (1 / means).sum())


def _harmonic(metric: Metric, lines: Sequence[Mapping[str, Any]], seed: int, resamples: int) -> Figure:
    """Cases are drawn whole, so that the interval knows how the parts hang together."""
    table, before = (
        np.array([[line[when][part] for part in metric.harmonic] for line in lines], dtype=float)
        for when in ("after", "before")
    )
    if not len(table) or np.isnan(table).all(0).any():
        return Figure(metric, None, None, 0, len(lines), None)
    # A draw may miss every case that has some part: it says nothing and is left out.
    interval = bootstrap(
        [table], lambda t: np.nan if np.isnan(t).all(0).any() else harmonic(t), seed, resamples
    )
    return Figure(
        metric=metric,
        value=SCALE * harmonic(table),
        interval=interval and (SCALE * interval[0], SCALE * interval[1]),
        n=len(table),
        n_unscored=0,
        before=SCALE * harmonic(before),
    )


def tally_tests(lines: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Purpose of a test to how many there were and how many of them the conditions filtered out."""
    total: Counter[str] = Counter()
    filtered: Counter[str] = Counter()
    for line in lines:
        for test in line["tests"]:
            total[test["purpose"]] += 1
            filtered[test["purpose"]] += test["after"] is None
    return {purpose: {"tests": total[purpose], "filtered": filtered[purpose]} for purpose in total}
