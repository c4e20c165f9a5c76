"""InterpScore: Cohen's d against the textbook, what stands beside it, and when there is none."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from planted_features import SEED, SETTINGS, activations

from assay.features.interp import cohens_d, interp_score, token_baseline
from assay.settings import FeatureSettings
from oracles import cohens_d_slowly

values = st.lists(st.floats(0, 100).map(lambda x: round(x, 3)), min_size=2, max_size=12)
QUICK = FeatureSettings(resamples=50)


def score(a: list[float], b: list[float]):  # type: ignore[no-untyped-def]
    return interp_score(np.array(a, float), np.array(b, float), QUICK, SEED)


def varied(a: list[float], b: list[float]) -> bool:
    return len(set(a)) > 1 or len(set(b)) > 1


@given(values, values)
def test_d_is_the_textbook_formula(a: list[float], b: list[float]) -> None:
    assume(varied(a, b))
    found = score(a, b)
    expected = cohens_d_slowly(a, b)
    assert found.raw == pytest.approx(expected, rel=1e-9, abs=1e-9)
    assert found.value == pytest.approx(min(max(expected, 0), 1), abs=1e-9)
    assert found.figures["d"] == found.raw
    assert found.interval is None or 0 <= found.interval[0] <= found.interval[1] <= 1


@given(values, values, st.floats(0.1, 10), st.floats(0, 10))
def test_neither_scale_nor_offset_matters(
    a: list[float], b: list[float], scale: float, offset: float
) -> None:
    assume(varied(a, b))
    assume(np.ptp(a) + np.ptp(b) > 0.1)
    one, two = score(a, b), score([x * scale + offset for x in a], [x * scale + offset for x in b])
    assert one.raw == pytest.approx(two.raw, rel=1e-6, abs=1e-9)
    assert one.interval == pytest.approx(two.interval, abs=1e-6)


@pytest.mark.slow
@given(values, values)
def test_order_does_not_matter_and_sides_change_the_sign(a: list[float], b: list[float]) -> None:
    assume(varied(a, b))
    assert score(a[::-1], b).raw == pytest.approx(score(a, b).raw, rel=1e-9, abs=1e-12)
    assert score(b, a).raw == pytest.approx(-score(a, b).raw, rel=1e-9, abs=1e-12)
    assert score(b, a).figures["auroc"] == pytest.approx(1 - score(a, b).figures["auroc"])


@pytest.mark.slow
def test_the_interval_covers_the_true_d() -> None:
    """Nominally 95%; percentile intervals of d at ten and ten hold it in nine of ten draws at least."""
    hits = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        found = interp_score(
            rng.normal(10.5, 1, 10), rng.normal(10, 1, 10), FeatureSettings(resamples=200), seed
        )
        assert found.interval is not None
        hits += found.interval[0] <= 0.5 <= found.interval[1]
    assert hits >= 175


@pytest.mark.parametrize(("n", "factor"), [(5, 0.903), (10, 0.958), (50, 0.992)])
def test_hedges_correction(n: int, factor: float) -> None:
    found = interp_score(activations(n, 9, 0), activations(n, 7, 1), SETTINGS, SEED)
    assert found.figures["hedges_g"] / found.figures["d"] == pytest.approx(factor, abs=1e-3)


def test_a_good_label_and_one_of_no_use() -> None:
    good = interp_score(activations(10, 8, 0), activations(10, 0, 1), SETTINGS, SEED)
    assert (
        good.value == 1 and good.verdict == "high" and good.raw > 5 and (good.n, good.n_unscored) == (20, 0)
    )
    assert good.figures["auroc"] == 1 and 0.7 < good.figures["auroc_low"] < 1 == good.figures["auroc_high"]
    none = interp_score(activations(60, 8, 0), activations(60, 8, 1), SETTINGS, SEED)
    assert none.value < 0.4 and none.verdict == "low" and abs(none.figures["auroc"] - 0.5) < 0.15
    assert none.figures["auroc_low"] < 0.5 < none.figures["auroc_high"]


def test_ties_count_half() -> None:
    assert score([0, 0, 1, 1], [0, 0, 0, 0]).figures["auroc"] == 0.75


def test_seeds() -> None:
    a, b = activations(40, 5.6, 0), activations(40, 5.0, 1)
    assert interp_score(a, b, SETTINGS, 1) == interp_score(a, b, SETTINGS, 1)
    assert interp_score(a, b, SETTINGS, 1).interval != interp_score(a, b, SETTINGS, 2).interval


def test_labels_of_other_features_are_the_null() -> None:
    matching, other = activations(10, 8, 0), activations(10, 0, 1)
    strangers = np.stack([activations(10, 0, seed) for seed in range(2, 41)])
    found = interp_score(matching, other, SETTINGS, SEED, shuffled=strangers)
    assert (
        found.figures["null_mean"] < 0.5
        and found.figures["null_p"] == 1 / 40
        and found.figures["null_share"] == 0
    )
    anything = interp_score(matching, other, SETTINGS, SEED, shuffled=strangers + 30)
    assert (
        anything.figures["null_mean"] == 1
        and anything.figures["null_p"] == anything.figures["null_share"] == 1
    )
    scores = [interp_score(row, other, SETTINGS, SEED).value for row in strangers]
    assert found.figures["null_mean"] == pytest.approx(np.mean(scores))
    gaps = np.concatenate([strangers, np.full((1, 10), np.nan)])
    assert interp_score(matching, other, SETTINGS, SEED, shuffled=gaps) == found
    assert "null_p" not in interp_score(matching, other, SETTINGS, SEED, shuffled=gaps[:, :1]).figures
    silent = interp_score(matching, np.zeros(10), SETTINGS, SEED, shuffled=np.zeros((3, 10)))
    assert silent.figures["null_mean"] == 0 and silent.figures["null_p"] == 1 / 4


def test_hard_negatives() -> None:
    matching, other = activations(10, 8, 0), activations(10, 0, 1)
    found = interp_score(matching, other, SETTINGS, SEED, hard=activations(10, 8, 2), tokens=0.9)
    assert 0.2 < found.figures["hard_auroc"] < 0.8 and found.figures["token_auroc"] == 0.9
    assert found.figures["hard_auroc_low"] < 0.5 < found.figures["hard_auroc_high"]


@pytest.mark.parametrize(
    ("matching", "other", "reason"),
    [
        ([], [1.0, 2.0], "0 matching sentences: at least two are needed"),
        ([1.0, 2.0], [3.0, np.nan], "1 non-matching sentences: at least two are needed"),
        ([0.0, 0.0], [0.0, 0.0], "the feature is silent on every sentence"),
        (
            [2.0, 2.0],
            [1.0, 1.0, 1.0],
            "the activation is the same on all sentences of either set: no variance to divide by",
        ),
    ],
)
def test_unscored(matching: list[float], other: list[float], reason: str) -> None:
    found = interp_score(np.array(matching), np.array(other), SETTINGS, SEED)
    assert (found.verdict, found.value, found.reason) == ("unscored", None, reason)
    assert found.n_unscored == np.isnan([*matching, *other]).sum()


def test_what_can_be_said_of_an_unscored_label_is_said() -> None:
    assert interp_score(np.full(3, 2.0), np.full(3, 1.0), SETTINGS, SEED).figures["auroc"] == 1


def test_sentences_that_could_not_be_run_are_counted() -> None:
    found = interp_score(np.array([3.0, 2.0, np.nan]), np.array([0.5, 0.1]), SETTINGS, SEED)
    assert (found.n, found.n_unscored) == (4, 1)
    assert found.raw == pytest.approx(cohens_d_slowly([3.0, 2.0], [0.5, 0.1]))


def test_d_of_many_sets_at_once() -> None:
    sets, other = np.random.default_rng(0).random((5, 4)), np.array([0.1, 0.5, 0.4])
    expected = [cohens_d_slowly(row.tolist(), other.tolist()) for row in sets]
    assert cohens_d(sets, other) == pytest.approx(expected)
    flat = cohens_d(np.array([[0.1] * 3, [0.7] * 3, [0.05] * 3]), np.array([0.1, 0.1]))
    assert np.isnan(flat[0]) and flat[1] == np.inf and flat[2] == -np.inf


def test_the_best_single_token() -> None:
    dogs, rest = [["the", "dog"], ["a", "dog", "dog"]], [["the", "cat"], ["a", "cow"]]
    assert token_baseline(dogs, rest) == 1
    assert token_baseline([["the"], ["a"]], [["the"], ["a"]]) == 0.5
    assert token_baseline([["x", "a"], ["b"]], [["c"], ["d"]]) == 0.75
    assert token_baseline([[]], [[]]) == 0.5
    assert token_baseline([], rest) is None


@settings(max_examples=30)
@given(st.lists(st.lists(st.integers(0, 5), max_size=5), min_size=1, max_size=6))
def test_a_token_is_never_worse_than_chance(sentences: list[list[int]]) -> None:
    assert 0.5 <= token_baseline(sentences, sentences) <= 1  # type: ignore[operator]
