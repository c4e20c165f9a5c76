"""Correlations of all features with all concepts are Pearson's, whatever is sparse, tied or the same everywhere."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csc_array, csr_array

from assay.features.labels.associate import BLOCK, best_concepts, correlations
from oracles import correlation_slowly
from small import Heard


def sample(n: int, features: int, concepts: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Values of features, most of them 0, and concepts as ones and zeros."""
    rng = np.random.default_rng(seed)
    values = rng.exponential(3, (features, n)) * (rng.random((features, n)) < 0.1)
    return values.astype(np.float32), rng.random((n, concepts)) < rng.uniform(0.01, 0.6, concepts)


def best(values: np.ndarray, claims: np.ndarray, kept: int) -> tuple[np.ndarray, np.ndarray]:
    def of(feature: int) -> tuple[np.ndarray, np.ndarray]:
        where = np.flatnonzero(values[feature])
        return where, values[feature][where]

    return best_concepts(of, np.arange(len(values)), csc_array(claims.astype(np.float32)), kept)


def test_correlations_are_pearsons() -> None:
    values, claims = sample(500, 12, 30)
    found = correlations(csr_array(values), csc_array(claims.astype(np.float32)).tocsr())
    for f in range(12):
        for c in range(30):
            assert found[f, c] == pytest.approx(correlation_slowly(values[f], claims[:, c]), abs=2e-6)


def test_on_many_sentences_float32_sums_would_not_do() -> None:
    """A dense feature of large mean and small spread, which sums in float32 lose."""
    rng = np.random.default_rng(1)
    values = (1_000 + rng.normal(size=(1, 40_000))).astype(np.float32)
    claims = np.quantile(values, 0.7) < values.T
    found = correlations(csr_array(values), csc_array(claims.astype(np.float32)).tocsr())
    assert found[0, 0] == pytest.approx(np.corrcoef(values[0], claims[:, 0])[0, 1], abs=1e-6)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e4, 3e-5])
def test_what_does_not_vary_has_no_correlation(value: float) -> None:
    values, claims = sample(333, 2, 3)
    values[0], claims[:, 1], claims[:, 2] = value, True, False
    found = correlations(csr_array(values), csc_array(claims.astype(np.float32)).tocsr())
    assert np.isnan(found[0]).all() and np.isnan(found[1, 1:]).all() and np.isfinite(found[1, 0])


def test_the_best_come_first() -> None:
    values, claims = sample(400, 2 * BLOCK + 5, 25, 2)
    concepts, strengths = best(values, claims, 4)
    for f in (0, BLOCK - 1, BLOCK, 2 * BLOCK + 4):
        wanted = np.array([correlation_slowly(values[f], claims[:, c]) for c in range(25)])
        assert concepts[f].tolist() == np.argsort(-wanted, kind="stable")[:4].tolist()
        assert np.allclose(strengths[f], np.sort(wanted)[::-1][:4], atol=2e-6)


def test_of_equal_ones_the_first_of_the_vocabulary_comes_first() -> None:
    values, claims = sample(200, 1, 6, 3)
    same = values[0] > 0
    claims[:, [4, 1]] = same[:, None]
    concepts, strengths = best(values, claims, 3)
    assert concepts[0, :2].tolist() == [1, 4] and strengths[0, 0] == strengths[0, 1] > strengths[0, 2]


def test_a_silent_feature_and_one_that_is_the_same_everywhere_have_none() -> None:
    values, claims = sample(100, 3, 5)
    values[0], values[1] = 0, 0.3
    _, strengths = best(values, claims, 2)
    assert np.isnan(strengths[:2]).all() and np.isfinite(strengths[2]).all()


def test_missing_ones_come_after_all_others() -> None:
    values, claims = sample(100, 1, 3)
    claims[:, 0] = True
    concepts, strengths = best(values, claims, 9)
    assert concepts.shape == (1, 3) and concepts[0, 2] == 0
    assert np.isnan(strengths[0]).tolist() == [False, False, True]


def test_without_concepts_or_features_nothing_is_found() -> None:
    values, claims = sample(50, 2, 3)
    assert best(values, claims[:, :0], 5)[0].shape == (2, 0)
    assert best(values[:0], claims, 5)[0].shape == (0, 3)


def test_progress_counts_features() -> None:
    heard = Heard()
    values, claims = sample(50, BLOCK + 3, 4)
    where = [np.flatnonzero(row) for row in values]
    best_concepts(
        lambda f: (where[f], values[f][where[f]]),
        np.arange(len(values)),
        csc_array(claims.astype(np.float32)),
        2,
        heard,
    )
    assert heard.of("stage_started")[0]["stage"] == "associate"


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 4), st.booleans()), min_size=2, max_size=30))
def test_any_small_sample(pairs: list[tuple[int, bool]]) -> None:
    values = np.array([[value for value, _ in pairs]], np.float32)
    claims = np.array([[said] for _, said in pairs])
    found = float(correlations(csr_array(values), csc_array(claims.astype(np.float32)).tocsr())[0, 0])
    wanted = correlation_slowly(values[0], claims[:, 0])
    assert found == pytest.approx(wanted, abs=1e-6, nan_ok=True)
