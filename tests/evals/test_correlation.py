"""Correlations against scipy and on cases made by hand."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm, spearmanr

from assay.benchmarks.names import NAMES
from assay.evals.correlation import FEW, SAME_METRIC, SAME_SCORE, compare, spearman
from assay.evals.metric import Metric

METRICS = (
    Metric("A", "first", "", compared=True),
    Metric("B", "second", "", needs="A", compared=True),
    Metric("C", "not compared", ""),
)


def line(
    score: float | None,
    a: float | None,
    b: float | None = None,
    generic: bool | None = False,
    reason: str = "x",
) -> dict[str, Any]:
    """A case with this score of EditBench and none of any other benchmark."""
    scores = {**dict.fromkeys(NAMES), "edit_bench": score}
    return {
        "after": {"A": a, "B": b, "C": a},
        "scores": scores,
        "unscored": {id: reason for id, value in scores.items() if value is None},
        "generic": generic,
    }


def edit_bench(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    (row,) = (row for row in compare(lines, METRICS)["scores"] if row["id"] == "edit_bench")
    return {**row, **{cell["metric"]: cell for cell in row["correlations"]}}


@pytest.mark.parametrize("n", [5, 17, 90])
@pytest.mark.parametrize("ties", [False, True])
def test_rho_is_that_of_scipy_and_its_interval_that_of_bonett_and_wright(n: int, ties: bool) -> None:
    rng = np.random.default_rng(n)
    x = rng.normal(size=n)
    y = 0.5 * x + rng.normal(size=n)
    if ties:
        x, y = np.round(x), np.round(y)
    found = spearman("A", list(zip(x.tolist(), y.tolist(), strict=True)))
    wanted = spearmanr(x, y).statistic
    assert found.rho == pytest.approx(wanted, abs=1e-12)
    error = np.sqrt((1 + wanted**2 / 2) / (n - 3))
    assert found.interval == pytest.approx(np.tanh(np.arctanh(wanted) + norm.ppf([0.025, 0.975]) * error))
    assert (found.metric, found.n, found.reason) == ("A", n, None)


def test_the_interval_holds_the_true_rho_as_often_as_it_says() -> None:
    """Normal pairs of correlation r have Spearman's rho 6 / pi * asin(r / 2)."""
    rng = np.random.default_rng(0)
    r, draws, n = 0.6, 400, 60
    true, hits = 6 / np.pi * np.arcsin(r / 2), 0
    for _ in range(draws):
        x, e = rng.normal(size=(2, n))
        y = r * x + np.sqrt(1 - r**2) * e
        found = spearman("A", list(zip(x.tolist(), y.tolist(), strict=True))).interval
        assert found is not None
        hits += found[0] <= true <= found[1]
    assert 0.92 <= hits / draws <= 0.98


@pytest.mark.parametrize("sign", [1, -1])
def test_ranks_without_exception_have_no_interval(sign: int) -> None:
    for n in (3, 4, 101):  # a curve, not a line: ranks alone count
        found = spearman("A", [(float(i), sign * float(i) ** 3) for i in range(n)])
        assert (found.rho, found.interval, found.n, found.reason) == (sign, None, n, None)


def test_one_exception_among_many_is_not_perfect() -> None:
    pairs = [(float(i), float(i)) for i in range(300)]
    pairs[0], pairs[1] = (0.0, 1.0), (1.0, 0.0)
    found = spearman("A", pairs)
    assert found.rho is not None and found.rho < 1
    assert found.interval is not None and found.interval[0] < found.rho < found.interval[1] < 1


def test_no_connection_is_zero_with_an_interval_around_it() -> None:
    found = spearman("A", [(-2, 4), (-1, 1), (0, 0), (1, 1), (2, 4)])
    assert found.rho == pytest.approx(0, abs=1e-12)
    assert found.interval is not None
    assert found.interval[0] == pytest.approx(-np.tanh(1.959964 / np.sqrt(2)), abs=1e-6)
    assert found.interval[1] == pytest.approx(-found.interval[0])


@pytest.mark.parametrize(
    ("pairs", "reason"),
    [
        ([], FEW),
        ([(0.1, 0.2), (0.3, 0.4)], FEW),
        ([(1.0, 0.1), (1.0, 0.2), (1.0, 0.3), (1.0, 0.4)], SAME_SCORE),
        ([(0.1, 1.0), (0.2, 1.0), (0.3, 1.0), (0.4, 1.0)], SAME_METRIC),
    ],
)
def test_nothing_to_rank_is_none_with_a_reason_never_zero(
    pairs: list[tuple[float, float]], reason: str
) -> None:
    found = spearman("A", pairs)
    assert (found.rho, found.interval, found.n, found.reason) == (None, None, len(pairs), reason)
    assert found.to_json()["rho"] is None


def test_three_cases_have_a_rho_and_no_interval() -> None:
    found = spearman("A", [(0.1, 2), (0.2, 3), (0.3, 1)])
    assert (found.rho, found.interval, found.n) == (pytest.approx(-0.5), None, 3)


def test_a_missing_value_leaves_the_case_out_of_its_own_pair_only() -> None:
    lines = [
        line(0.1, 1, 0.9),
        line(0.2, 1, 0.8),
        line(0.3, 1, 0.7),
        line(0.4, 0, 0.6),  # B counts only where A is 1
        line(0.5, 1, None),
        line(0.6, None, 0.1),
        line(None, 1, 0.2, reason="edit not held: mean P 0.012"),
        line(None, 1, 0.3, reason="edit not held: mean P 0.034"),
    ]
    row = edit_bench(lines)
    assert (row["n"], row["mean"]) == (6, pytest.approx(0.35))
    assert row["unscored"] == {"edit not held": 2}
    assert row["A"]["n"] == 5
    assert row["A"]["rho"] == pytest.approx(spearmanr([1, 2, 3, 4, 5], [1, 1, 1, 0, 1]).statistic)
    assert (row["B"]["n"], row["B"]["rho"]) == (3, -1)
    assert "C" not in row


def test_a_benchmark_that_scored_nothing_has_no_mean() -> None:
    found = compare([line(0.1, 1), line(0.2, 0), line(0.9, 1)], METRICS)
    (row,) = (row for row in found["scores"] if row["id"] == "leme")
    assert (row["mean"], row["n"], row["unscored"]) == (None, 0, {"x": 3})
    assert {(cell["rho"], cell["reason"]) for cell in row["correlations"]} == {(None, FEW)}


def test_generic_probes_are_counted_and_cases_with_several_facts_left_out() -> None:
    lines = [line(0.1, 0.1), line(0.2, 0.2, generic=True), line(0.3, 0.3), line(None, 0.9, generic=None)]
    found = compare(lines, METRICS)
    assert (found["cases"], found["generic"], found["several_facts"]) == (3, 1, 1)
    assert found["metrics"] == [{"id": "A", "title": "first"}, {"id": "B", "title": "second"}]
    assert [row["id"] for row in found["scores"]] == list(NAMES)
    row = edit_bench(lines)
    assert (row["A"]["rho"], row["A"]["n"], row["unscored"]) == (1, 3, {})
