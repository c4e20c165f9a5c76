import numpy as np
import pytest

from assay.evals.metric import Metric
from assay.evals.summary import harmonic, summarise
from assay.score import wilson

METRICS = (
    Metric("S", "", "", harmonic=("A", "B")),
    Metric("A", "", ""),
    Metric("B", "", ""),
)


def lines(*pairs: tuple[float | None, float | None]) -> list[dict[str, dict[str, float | None]]]:
    return [{"before": {"A": 0.0, "B": 1.0}, "after": {"A": a, "B": b}} for a, b in pairs]


def test_means_intervals_and_missing_values() -> None:
    s, a, b = summarise(lines((1, 0.5), (0, 0.25), (1, None)), METRICS, seed=3, resamples=200)
    assert (a.value, a.n, a.n_unscored) == (pytest.approx(200 / 3), 3, 0)
    assert a.interval == tuple(100 * x for x in wilson(2, 3) or ())
    assert (b.value, b.n, b.n_unscored, b.before) == (37.5, 2, 1, 100)
    assert b.interval == (25, 50)
    assert s.value == pytest.approx(100 * 2 / (3 / 2 + 1 / 0.375))
    assert s.interval is not None and s.interval[0] <= (s.value or 0) <= s.interval[1]
    assert s.before == 0
    again = summarise(lines((1, 0.5), (0, 0.25), (1, None)), METRICS, seed=3, resamples=200)
    assert [f.interval for f in again] == [f.interval for f in (s, a, b)]


def test_nothing_to_score_is_no_score() -> None:
    s, _, b = summarise(lines((1, None), (1, None)), METRICS, 0, 50)
    assert s.value is b.value is None
    assert b.n_unscored == 2


def test_the_harmonic_mean_of_a_part_that_is_zero_is_zero() -> None:
    assert harmonic(np.array([[0.0, 1.0], [0.0, 1.0]])) == 0
    assert harmonic(np.array([[1.0, 0.5]])) == pytest.approx(2 / 3)
