"""Purity: the identity against the upper triangle, the reference text's arithmetic, nulls, and no value."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from planted_features import SEED, SETTINGS, unit_vectors

from assay.errors import InputError
from assay.features.purity import mean_cosine, null_cosines, purity_score, token_purity
from assay.settings import FeatureSettings
from oracles import mean_cosine_slowly


def random_units(n: int, width: int, seed: int) -> np.ndarray:
    drawn = np.random.default_rng(seed).normal(size=(n, width))
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


sizes = st.tuples(st.integers(2, 9), st.integers(1, 6), st.integers(0, 99))


@given(sizes)
def test_the_identity_is_the_upper_triangle(size: tuple[int, int, int]) -> None:
    vectors = random_units(*size)
    assert float(mean_cosine(vectors)) == pytest.approx(mean_cosine_slowly(vectors), abs=1e-9)
    found = purity_score(vectors, SETTINGS, SEED)
    assert found.value == pytest.approx((mean_cosine_slowly(vectors) + 1) / 2, abs=1e-9)
    assert found.value is not None and 0 <= found.value <= 1


@given(sizes, st.data())
def test_weights_are_how_often_a_vector_counts(size: tuple[int, int, int], data: st.DataObject) -> None:
    """Pairs of different vectors only, each as often as its weights say."""
    vectors = random_units(*size)
    weights = data.draw(st.lists(st.integers(0, 3), min_size=size[0], max_size=size[0]))
    pairs = [
        (weights[i] * weights[j], float(vectors[i] @ vectors[j]))
        for i in range(size[0])
        for j in range(i + 1, size[0])
    ]
    total = sum(w for w, _ in pairs)
    found = float(mean_cosine(vectors, np.array([weights], dtype=float))[0])
    if total:
        assert found == pytest.approx(sum(w * c for w, c in pairs) / total, abs=1e-9)
    else:
        assert np.isnan(found)


@given(sizes)
def test_neither_order_nor_a_rotation_matters(size: tuple[int, int, int]) -> None:
    vectors = random_units(*size)
    turned = vectors[::-1] @ np.linalg.qr(np.random.default_rng(1).normal(size=(size[1], size[1])))[0]
    assert float(mean_cosine(turned)) == pytest.approx(float(mean_cosine(vectors)), abs=1e-9)


@pytest.mark.parametrize(("cosine", "percent"), [(0.81, 90.5), (0.21, 60.5)])
def test_the_reference_text_s_arithmetic(cosine: float, percent: float) -> None:
    """Its two examples, 90% and 61% in whole percent."""
    found = purity_score(unit_vectors(4, cosine), SETTINGS, SEED)
    assert found.raw == pytest.approx(cosine, abs=1e-9)
    assert found.value == pytest.approx(percent / 100, abs=1e-9)
    assert found.verdict == "high", "so the second, called low there, is left to the calibration"


def test_equal_and_opposite_sentences() -> None:
    one = np.array([[0.6, 0.8]])
    assert purity_score(np.repeat(one, 3, 0), SETTINGS, SEED).value == pytest.approx(1)
    assert purity_score(np.concatenate([one, -one]), SETTINGS, SEED).value == pytest.approx(0)


def test_the_interval_is_not_raised_by_sentences_drawn_twice() -> None:
    """A sentence has cosine 1 with itself: counting that would lift the interval off the value."""
    found = purity_score(unit_vectors(8, 0.1), SETTINGS, SEED)
    assert found.interval == pytest.approx((0.55, 0.55), abs=1e-6)
    mixed = np.concatenate([unit_vectors(5, 0.9, 1), unit_vectors(5, 0.9, 2)])
    spread = purity_score(mixed, SETTINGS, SEED)
    assert spread.interval is not None and spread.value is not None
    assert spread.interval[0] < spread.value < spread.interval[1]
    assert spread == purity_score(mixed, SETTINGS, SEED)
    assert spread.interval != purity_score(mixed, SETTINGS, SEED + 1).interval


@pytest.mark.parametrize("n", [0, 1])
def test_unscored(n: int) -> None:
    found = purity_score(unit_vectors(1, 0.5)[:n], SETTINGS, SEED, id="purity_corpus", n_silent=9)
    assert (found.verdict, found.id, found.n_unscored) == ("unscored", "purity_corpus", 9 + n)
    assert found.reason == f"the feature fired on {n} of {9 + n} sentences: at least two are needed"


def test_two_sentences_have_a_value_and_no_interval() -> None:
    found = purity_score(unit_vectors(2, 0.5), SETTINGS, SEED, n_silent=3)
    assert (found.interval, found.n, found.n_unscored) == (None, 2, 3)


def test_calibration() -> None:
    null = np.array([0.1, 0.2, 0.3])
    found = purity_score(unit_vectors(6, 0.6), SETTINGS, SEED, null=null, tokens=0.25).figures
    assert found["null_cosine"] == pytest.approx(0.2)
    assert found["calibrated"] == pytest.approx((0.6 - 0.2) / 0.8)
    assert found["calibrated_low"] == pytest.approx(0.5) == found["calibrated_high"]
    assert found["z"] == pytest.approx(0.4 / null.std())
    assert found["token_purity"] == 0.25
    level = purity_score(unit_vectors(6, 0.2), SETTINGS, SEED, null=null).figures
    assert level["calibrated"] == pytest.approx(0, abs=1e-9)
    same = purity_score(unit_vectors(6, 0.2), SETTINGS, SEED, null=np.ones(3)).figures
    assert same["calibrated"] is None and same["z"] is None


def test_the_null_matches_lengths() -> None:
    """Long sentences of this pool are alike and short ones are not: each length gets its own null."""
    pool = np.concatenate([unit_vectors(60, 0.7, 1), unit_vectors(60, 0.0, 2)])
    lengths = np.array([40] * 60 + [5] * 60)
    settings = FeatureSettings()
    long = null_cosines(np.full(8, 38), pool, lengths, settings, SEED)
    short = null_cosines(np.full(8, 6), pool, lengths, settings, SEED)
    assert len(long) == settings.null_draws
    assert long.mean() == pytest.approx(0.7, abs=0.01) and short.mean() == pytest.approx(0, abs=0.01)
    assert (long == null_cosines(np.full(8, 38), pool, lengths, settings, SEED)).all()


def test_the_null_counts_pairs_of_different_sentences() -> None:
    """Against one set at a time, by weights."""
    pool, lengths = random_units(6, 5, 0), np.arange(6)
    settings = FeatureSettings(null_draws=300)
    found = null_cosines(np.array([2, 3, 4]), pool, lengths, settings, SEED)
    values = {
        round(float(mean_cosine(pool, np.bincount([i, j, k], minlength=6).astype(float)[None])[0]), 9)
        for i in range(6)
        for j in range(6)
        for k in range(6)
        if len({i, j, k}) > 1
    }
    assert {round(float(value), 9) for value in found} <= values
    assert len(found) == pytest.approx(300 * (1 - 1 / 36), abs=12)
    assert found.mean() == pytest.approx(float(mean_cosine(pool)), abs=0.05)


def test_a_null_needs_sentences() -> None:
    with pytest.raises(InputError, match="1 random sentences\n  wanted: at least two"):
        null_cosines(np.array([3]), unit_vectors(1, 0.5), np.array([3]), SETTINGS, SEED)
    tiny = null_cosines(np.array([3, 3]), unit_vectors(2, 0.5), np.array([3, 9]), SETTINGS, SEED)
    assert 0 < len(tiny) < SETTINGS.null_draws and tiny == pytest.approx(0.5)


def test_vectors_must_be_of_length_one() -> None:
    with pytest.raises(InputError, match=r"lengths from 0 to 2\n  wanted: unit vectors"):
        mean_cosine(np.array([[0.0, 0.0], [2.0, 0.0]]))


def test_token_purity() -> None:
    assert token_purity([" Paris", "paris", "PARIS "]) == 1
    assert token_purity(["a", "b", "c"]) == 0
    assert token_purity(["a", "a", "b"]) == pytest.approx(1 / 3)
    assert token_purity(["a"]) is None


def test_token_purity_does_not_depend_on_how_many_sentences_there_are() -> None:
    rng = np.random.default_rng(0)
    means = [
        np.mean([token_purity(rng.choice(["a", "b", "c"], n).tolist()) for _ in range(4000)]) for n in (3, 30)
    ]
    assert means == pytest.approx([1 / 3, 1 / 3], abs=0.02)
