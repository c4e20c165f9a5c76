"""Scores carry their state; intervals are what they claim to be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.score import Score, bootstrap, unscored, wilson


def score(value: float, interval: tuple[float, float] | None) -> Score:
    return Score("edit_bench", value, value, interval, 8, 0, 0.5)


def test_three_verdicts_and_unscored() -> None:
    assert score(0.8, (0.6, 0.9)).verdict == "high"
    assert score(0.2, (0.1, 0.4)).verdict == "low"
    assert score(0.55, (0.3, 0.9)).verdict == score(0.45, (0.3, 0.9)).verdict == "uncertain"
    assert score(0.5, None).verdict == "high" and score(0.5, None).passed
    nothing = unscored("zsre", "no probes", 0.4, 3)
    assert (nothing.verdict, nothing.passed, nothing.value, nothing.n_unscored) == ("unscored", None, None, 3)
    assert nothing.to_json()["score"] is None and nothing.to_json()["reason"] == "no probes"


numbers = st.lists(st.floats(0, 1), min_size=2, max_size=12)


@given(numbers, st.integers(0, 5))
def test_bootstrap_is_seeded_and_stays_inside_the_data(values: list[float], seed: int) -> None:
    a = bootstrap([values], lambda x: float(np.mean(x)), seed, 200)
    assert a == bootstrap([values], lambda x: float(np.mean(x)), seed, 200)
    assert a is not None and min(values) - 1e-12 <= a[0] <= a[1] <= max(values) + 1e-12


def test_bootstrap_covers_the_mean_about_as_often_as_it_says() -> None:
    """40 samples of 30 normal values: 95% nominal; fewer than 31 hits has odds below 1e-3 at 90% true cover."""
    rng = np.random.default_rng(0)
    hits = 0
    for i in range(40):
        low, high = bootstrap([rng.normal(0.5, 0.1, 30)], lambda x: float(np.mean(x)), i, 400) or (1, 0)
        hits += low <= 0.5 <= high
    assert hits >= 31


def test_bootstrap_needs_two_of_each() -> None:
    assert bootstrap([[0.3]], lambda x: float(np.mean(x)), 0) is None
    assert bootstrap([[0.3, 0.4], [0.1]], lambda x, y: float(np.mean(x) - np.mean(y)), 0) is None


@given(st.integers(1, 60), st.data())
def test_wilson_contains_the_share_and_is_never_empty(n: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, n))
    low, high = wilson(hits, n) or (1, 0)
    assert 0 <= low <= hits / n <= high <= 1 and high - low > 0


def test_wilson_against_a_published_value() -> None:
    """0 of 10 gives an upper end of 0.2775 (Newcombe 1998, table I: 0.0000 to 0.2775)."""
    assert wilson(0, 10) == pytest.approx((0.0, 0.2775), abs=5e-5)
    assert wilson(0, 0) is None
