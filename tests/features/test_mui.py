"""MUI: the reference text's arithmetic, controls of the same batch, intervals, and no value."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from planted_features import SEED, SETTINGS, ablated

from assay.errors import InputError
from assay.features.firing import Firing
from assay.features.mui import Ablated, ablate_features, mui_score, percentile
from assay.models.model import Model
from assay.settings import FeatureSettings
from oracles import ablate_slowly

ROWS = [[5, 60, 200, 31, 8, 77, 120], [5, 9, 300, 41], [5, 33, 34, 35, 36, 37, 38, 39, 40]]
FIRINGS = [
    Firing(np.array([0, 2, 0]), np.array([3, 8, 1]), np.array([4.0, 2.0, 1.0])),
    Firing(np.array([0]), np.array([3]), np.array([0.5])),
    Firing(np.array([], dtype=np.int64), np.array([], dtype=np.int64), np.array([])),
    Firing(np.array([1, 2]), np.array([2, 4]), np.array([3.0, 6.0])),
]


def directions(model: Model, seed: int = 0) -> torch.Tensor:
    drawn = torch.randn(4, model.d_model, generator=torch.Generator().manual_seed(seed))
    return drawn / drawn.norm(dim=1, keepdim=True)


def test_the_reference_text_s_worked_example() -> None:
    """Mean KL 0.1752 over entropy 2.3104 is 0.0758, shown as 76%."""
    kl = np.array([0.2841, 0.1503, 0.0912])
    example = replace(ablated(3, 0.1), kl=kl, entropy=np.full(3, 2.3104), squared_norm=np.full(3, 2.0))
    found = mui_score(example, FeatureSettings(), SEED)
    assert round(found.figures["mean_kl"], 4) == 0.1752
    assert round(found.raw, 4) == round(0.1752 / 2.3104, 4) == 0.0758 == round(found.figures["ratio"], 4)
    assert f"{found.value:.0%}" == "76%" and found.figures["gain"] == 10
    assert found.figures["median_kl"] == 0.1503
    assert found.figures["kl_per_norm"] == pytest.approx(0.1752 / 2)


def test_every_number_is_that_of_one_whole_forward(any_model: Model) -> None:
    found = ablate_features(any_model, 1, ROWS, FIRINGS, directions(any_model), SEED)
    assert [len(f.kl) for f in found] == [3, 1, 0, 2]
    for feature, (one, firing) in enumerate(zip(found, FIRINGS, strict=True)):
        for i in range(len(firing.rows)):
            row, position = ROWS[firing.rows[i]], int(firing.positions[i])
            delta = float(firing.activations[i]) * directions(any_model)[feature]
            kl, entropy = ablate_slowly(any_model, 1, row, position, delta)
            assert one.kl[i] == pytest.approx(kl, rel=1e-4) and one.entropy[i] == pytest.approx(
                entropy, rel=1e-5
            )
            assert one.squared_norm[i] == pytest.approx(firing.activations[i] ** 2, rel=1e-5)
            assert one.documents[i] == firing.rows[i]
        assert (one.nothing_kl < 1e-7).all() and (one.random_kl > one.nothing_kl).all()


def test_controls_do_not_depend_on_the_company(llama: Model) -> None:
    together = ablate_features(llama, 1, ROWS, FIRINGS, directions(llama), SEED)
    alone = ablate_features(llama, 1, ROWS, FIRINGS[3:], directions(llama)[3:], SEED)[0]
    assert alone.random_kl == pytest.approx(together[3].random_kl, rel=1e-4)
    again = ablate_features(llama, 1, ROWS, FIRINGS, directions(llama), SEED)
    assert all(
        (getattr(a, f) == getattr(b, f)).all() for a, b in zip(together, again, strict=True) for f in vars(a)
    )
    other = ablate_features(llama, 1, ROWS, FIRINGS, directions(llama), SEED + 1)
    assert (other[0].random_kl != together[0].random_kl).all()


def test_a_feature_that_never_fires_and_no_feature_at_all(llama: Model) -> None:
    silent = ablate_features(llama, 1, ROWS, FIRINGS[2:3], directions(llama)[:1], SEED)[0]
    found = mui_score(silent, SETTINGS, SEED)
    assert (found.verdict, found.reason, found.n_unscored) == ("unscored", "the feature never fires", 0)
    assert ablate_features(llama, 1, ROWS, [], directions(llama)[:0], SEED) == []


def test_one_direction_a_feature(llama: Model) -> None:
    with pytest.raises(InputError, match="4 directions for 2 features\n  wanted: one direction a feature"):
        ablate_features(llama, 1, ROWS, FIRINGS[:2], directions(llama), SEED)


@given(st.integers(1, 40), st.floats(0, 0.5), st.integers(0, 9))
def test_bounds(n: int, ratio: float, seed: int) -> None:
    example = ablated(n, ratio, seed)
    found = mui_score(example, FeatureSettings(resamples=50), seed)
    assert found.raw == pytest.approx(example.kl.sum() / example.entropy.sum())
    assert found.value == pytest.approx(min(10 * found.raw, 1))
    assert (found.interval is None) == (n == 1)
    if found.interval:
        assert 0 <= found.interval[0] <= found.interval[1] <= 1


@given(st.permutations(range(9)), st.floats(0.1, 5))
def test_order_does_not_matter_and_ratios_have_no_unit(order: list[int], unit: float) -> None:
    example = ablated(9, 0.03)
    same = Ablated(**{name: column[order] for name, column in vars(example).items()})
    assert mui_score(same, SETTINGS, SEED).raw == pytest.approx(mui_score(example, SETTINGS, SEED).raw)
    bits = replace(example, kl=example.kl * unit, entropy=example.entropy * unit)
    assert mui_score(bits, SETTINGS, SEED).raw == pytest.approx(mui_score(example, SETTINGS, SEED).raw)


def test_the_gain_is_a_setting() -> None:
    example = ablated(20, 0.03)
    assert mui_score(example, FeatureSettings(gain=1.0), SEED).value == pytest.approx(0.03, rel=0.1)
    assert mui_score(example, FeatureSettings(gain=100.0), SEED).value == 1


def test_one_position_where_the_model_is_certain_does_not_decide() -> None:
    """The mean of ratios would be 25 here."""
    example = replace(ablated(4, 0.01), kl=np.array([0.01] * 4), entropy=np.array([2.0, 2.0, 2.0, 1e-4]))
    assert mui_score(example, SETTINGS, SEED).raw == pytest.approx(0.04 / 6.0001)


def test_positions_of_a_document_are_drawn_together() -> None:
    """Two documents, one in which the feature does much: the interval spans both, however many positions."""
    strong, weak = ablated(50, 0.08), ablated(50, 0.01, 1)
    both = Ablated(
        **{name: np.concatenate([getattr(strong, name), getattr(weak, name)]) for name in vars(strong)}
    )
    apart = mui_score(both, SETTINGS, SEED).interval
    grouped = mui_score(replace(both, documents=np.repeat([0, 1], 50)), SETTINGS, SEED).interval
    single = mui_score(replace(both, documents=np.zeros(100, np.int64)), SETTINGS, SEED).interval
    assert apart is not None and grouped is not None and single is not None
    assert grouped[1] - grouped[0] > 3 * (apart[1] - apart[0])
    assert single == pytest.approx(apart, abs=0.05)
    assert mui_score(both, SETTINGS, SEED) == mui_score(both, SETTINGS, SEED)
    assert mui_score(both, SETTINGS, SEED).interval != mui_score(both, SETTINGS, SEED + 1).interval


def test_controls_and_counts_are_figures() -> None:
    example = ablated(10, 0.05, random_ratio=0.01)
    found = mui_score(example, SETTINGS, SEED, n_firing=400).figures
    assert found["random_ratio"] == pytest.approx(0.01)
    assert found["over_random"] == pytest.approx(found["ratio"] / 0.01)
    assert found["nothing_kl"] == 1e-10 and found["n_firing"] == 400
    assert mui_score(ablated(3, 0.1, random_ratio=0), SETTINGS, SEED).figures["over_random"] is None
    nothing = replace(example, squared_norm=np.zeros(10))
    assert mui_score(nothing, SETTINGS, SEED).figures["kl_per_norm"] is None


def test_positions_without_a_distribution_are_left_out_and_counted() -> None:
    example = ablated(6, 0.05)
    example.kl[2] = np.nan
    found = mui_score(example, SETTINGS, SEED)
    assert (found.n, found.n_unscored) == (5, 1)
    lost = mui_score(replace(example, kl=np.full(6, np.nan)), SETTINGS, SEED)
    assert (
        lost.reason == "the model gives no finite distribution at any of 6 positions" and lost.n_unscored == 6
    )


def test_a_model_without_a_doubt() -> None:
    found = mui_score(replace(ablated(4, 0.1), entropy=np.zeros(4)), SETTINGS, SEED)
    assert (found.verdict, found.n_unscored) == ("unscored", 4)
    assert found.reason == "the model is certain wherever the feature fires"


def test_percentile_among_live_features() -> None:
    assert percentile(3.0, np.array([1.0, 2.0, 3.0, 4.0])) == 62.5
    assert percentile(0.5, np.array([1.0, 2.0])) == 0 and percentile(9.0, np.array([1.0, 2.0])) == 100
