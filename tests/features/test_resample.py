"""Bootstrap by weights gives what drawing items gives."""

import numpy as np
import pytest

from assay.features.resample import counts, interval
from assay.score import bootstrap


def test_every_resample_draws_as_many_as_there_are() -> None:
    drawn = counts(7, 50, 3)
    assert drawn.shape == (50, 7) and (drawn.sum(1) == 7).all() and drawn.min() == 0
    assert (drawn == counts(7, 50, 3)).all() and (drawn != counts(7, 50, 4)).any()


def test_the_interval_is_that_of_the_plain_bootstrap() -> None:
    values = np.random.default_rng(0).normal(size=30)
    plain = bootstrap([values], lambda x: float(x.mean()), 1, 20_000)
    assert interval(counts(30, 20_000, 1) @ values / 30) == pytest.approx(plain, abs=0.01)


def test_resamples_without_a_value_are_left_out() -> None:
    assert interval(np.array([np.nan, 1.0, 1.0])) == (1.0, 1.0)
    assert interval(np.array([np.nan, np.nan])) is None
