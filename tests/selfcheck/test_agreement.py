"""AUROC, ICC and coverage against slow sums, known answers and simulation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.auroc import auroc
from assay.selfcheck.agreement import coverage, icc, within_sd

numbers = st.lists(st.integers(0, 6).map(float), min_size=1, max_size=12)


@given(numbers, numbers)
def test_auroc_is_the_share_of_pairs_in_the_right_order(good: list[float], bad: list[float]) -> None:
    pairs = [1.0 if g > b else 0.5 if g == b else 0.0 for g in good for b in bad]
    found = auroc(good, bad)
    assert found.value == pytest.approx(sum(pairs) / len(pairs))
    assert found.interval is not None
    low, high = found.interval
    assert 0 <= low <= found.value <= high <= 1
    turned = auroc(bad, good)
    assert turned.value == pytest.approx(1 - found.value)
    assert turned.interval == pytest.approx((1 - high, 1 - low), abs=1e-6)


def test_a_perfect_auroc_still_has_an_interval_and_more_edits_narrow_it() -> None:
    few, many = auroc([1.0] * 5, [0.0] * 5), auroc([1.0] * 40, [0.0] * 40)
    assert few.interval is not None and many.interval is not None
    assert few.interval[1] == many.interval[1] == 1.0
    assert few.interval[0] < many.interval[0] < 1.0


def test_nothing_to_compare_has_no_auroc() -> None:
    assert auroc([], [1.0]).value is None and auroc([1.0], []).interval is None


@pytest.mark.parametrize("shift", [0.0, 1.0, 2.0])
def test_the_auroc_interval_holds_the_true_value_about_as_often_as_it_says(shift: float) -> None:
    rng = np.random.default_rng(3)
    true = float((rng.normal(shift, 1, 400_000) > rng.normal(0, 1, 400_000)).mean())
    held = 0
    for _ in range(400):
        low, high = auroc(rng.normal(shift, 1, 20).tolist(), rng.normal(0, 1, 60).tolist()).interval or (1, 0)
        held += low <= true <= high
    assert 0.92 <= held / 400 <= 0.99


@settings(max_examples=30)
@given(st.integers(0, 1000))
def test_icc_equals_the_analysis_of_variance_written_out(seed: int) -> None:
    x = np.random.default_rng(seed).normal(size=(6, 3)) + np.arange(6)[:, None]
    grand = sum(map(sum, x.tolist())) / 18
    means = [sum(row) / 3 for row in x.tolist()]
    between = 3 * sum((m - grand) ** 2 for m in means) / 5
    within = sum((v - m) ** 2 for row, m in zip(x.tolist(), means, strict=True) for v in row) / 12
    found = icc(x.tolist())
    assert found.value == pytest.approx((between - within) / (between + 2 * within))
    assert found.interval is not None and found.interval[0] <= found.value <= found.interval[1]
    assert within_sd(x.tolist()) == pytest.approx(within**0.5)
    assert found.n == (6, 3)


def test_icc_finds_the_share_of_variance_it_was_given() -> None:
    rng = np.random.default_rng(0)
    edits = rng.normal(0, 3, (4000, 1))
    found = icc((edits + rng.normal(0, 1, (4000, 5))).tolist())
    assert found.value == pytest.approx(0.9, abs=0.01)


def test_icc_without_variance_or_without_repeats_has_no_value() -> None:
    assert icc([[1.0, 1.0], [1.0, 1.0]]).value is None
    assert icc([[1.0], [2.0]]).value is None
    assert icc([]).value is None
    assert icc([[1.0, 1.0], [2.0, 2.0]]).value == 1.0


def test_coverage_counts_intervals_that_hold_the_mean_of_the_others() -> None:
    found = coverage([[0.0, 1.0, 2.0]], [[(1.4, 1.6), (0.0, 0.9), None]])
    assert found.value == 0.5 and found.n == (1, 2)
    assert coverage([[1.0, 2.0]], [[None, None]]).value is None
