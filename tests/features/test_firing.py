"""Where a feature fires, and positions drawn evenly over its activation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.features.firing import fires, spread_out
from assay.sae.index.records import Firing
from assay.settings import FeatureSettings


def firing(activations: list[float], seed: int = 0) -> Firing:
    order = np.random.default_rng(seed).permutation(len(activations))
    return Firing(order, 2 * order, np.array(activations)[order])


def test_the_threshold_is_a_share_of_the_largest() -> None:
    settings = FeatureSettings(firing=0.1)
    values = np.array([0.0, 0.9, 1.1, 10.0, np.nan])
    assert fires(values, settings).tolist() == [False, False, True, True, False]
    assert fires(values, settings, top=5.0).tolist() == [False, True, True, True, False]
    assert not fires(np.zeros((2, 3)), settings).any()
    assert not fires(np.array([]), settings).any()


@given(st.lists(st.floats(0.1, 9), min_size=1, max_size=40), st.integers(1, 12), st.integers(0, 9))
def test_positions_are_drawn_one_a_stratum(values: list[float], n: int, seed: int) -> None:
    settings = FeatureSettings(positions=n)
    drawn = spread_out(firing(values), settings, seed)
    assert len(drawn.rows) == min(n, len(values))
    assert len(set(drawn.rows.tolist())) == len(drawn.rows)
    assert (drawn.positions == 2 * drawn.rows).all()
    assert drawn.activations.tolist() == [values[i] for i in drawn.rows]
    if len(values) > n:
        strata = np.array_split(np.sort(values), n)
        assert all(
            part[0] <= value <= part[-1]
            for part, value in zip(strata, np.sort(drawn.activations), strict=True)
        )


def test_the_draw_depends_on_the_seed_and_not_on_the_order() -> None:
    values = np.random.default_rng(1).random(200).tolist()
    settings = FeatureSettings()
    first, again = (spread_out(firing(values, order), settings, 3) for order in (0, 1))
    assert (first.rows == again.rows).all()
    assert (first.rows != spread_out(firing(values), settings, 4).rows).any()


def test_means_over_the_draw_are_means_over_all() -> None:
    values = np.random.default_rng(2).lognormal(0, 1.5, 999).tolist()
    drawn = [
        spread_out(firing(values), FeatureSettings(positions=32), seed).activations.mean()
        for seed in range(200)
    ]
    assert np.mean(drawn) == pytest.approx(np.mean(values), rel=0.05)
