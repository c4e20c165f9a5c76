"""Where every feature's MUI is measured: real firings, most of them in rows that all features share."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from assay.features import positions as module
from assay.features.positions import LEAST, Positions, measured_positions
from assay.sae.index.index import FeatureIndex
from assay.settings import FeatureSettings
from banked import DEAD, banked, random_sae
from embedding import embedder
from small import Heard
from tiny import tiny_model

pytestmark = pytest.mark.slow

SETTINGS = FeatureSettings(positions=10, firing=0.2)
SHARED = 12
"""Rows that all features share here, of some hundred."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    model = tiny_model("llama")
    return banked(model, tmp_path_factory.mktemp("index"), embedder(), random_sae(model, 40)).folder


@pytest.fixture
def index(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FeatureIndex:
    """A copy of one's own, beside which positions are kept."""
    monkeypatch.setattr(module, "ROWS", SHARED)
    return FeatureIndex(shutil.copytree(made, tmp_path / "index"))


def triples(found: Positions, feature: int) -> list[tuple[int, int, float]]:
    own = found.of(feature)
    return list(zip(own.rows.tolist(), own.positions.tolist(), own.activations.tolist(), strict=True))


def loud(index: FeatureIndex, feature: int) -> list[tuple[int, int, float]]:
    """All firings above the threshold, one at a time."""
    found = index.firing(feature)
    top = max(found.activations.tolist(), default=0.0)
    every = zip(found.rows.tolist(), found.positions.tolist(), found.activations.tolist(), strict=True)
    return [one for one in every if one[2] > SETTINGS.firing * top]


def shared_rows(index: FeatureIndex, seed: int) -> set[int]:
    return set(np.random.default_rng(seed).permutation(index.about.n_rows)[:SHARED].tolist())


def same(a: Positions, b: Positions) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in vars(a))


def test_all_are_real_firings_above_the_threshold(index: FeatureIndex) -> None:
    found, rows = measured_positions(index, SETTINGS, 0), shared_rows(index, 0)
    rare, left_out = 0, 0
    for feature in range(index.about.d_sae):
        own, every = triples(found, feature), loud(index, feature)
        assert len(set(own)) == len(own) <= SETTINGS.positions and set(own) <= set(every)
        assert found.n_firing[feature] == len(every)
        left_out += len(index.firing(feature).rows) - len(every)
        inside = [one for one in every if one[0] in rows]
        if len(inside) >= LEAST:
            assert {one[0] for one in own} <= rows
            assert len(own) == min(len(inside), SETTINGS.positions)
        else:
            rare += len(every) > len(inside)
            assert set(inside) <= set(own) and len(own) == min(LEAST, len(every))
    assert rare > 3 and left_out > 0 and len(triples(found, DEAD)) == found.n_firing[DEAD] == 0
    assert found.begin[-1] == len(found.rows) and (found.positions > 0).all()


def test_few_rows_are_opened_beside_the_shared_ones(index: FeatureIndex) -> None:
    """Rare features prefer rows that others have opened."""
    found, rows = measured_positions(index, SETTINGS, 0), shared_rows(index, 0)
    opened = set(rows)
    for feature in range(index.about.d_sae):
        own = triples(found, feature)
        outside = {one[0] for one in own} - rows
        waiting = {one[0] for one in loud(index, feature)} & opened - rows
        if outside - opened:
            assert waiting <= outside, "no new row while one that is open would do"
        opened |= outside


def test_as_many_positions_as_the_setting_says_where_that_is_less_than_a_rare_one_gets(
    index: FeatureIndex,
) -> None:
    found = measured_positions(index, replace(SETTINGS, positions=2), 0)
    assert np.diff(found.begin).max() == 2
    assert np.diff(found.begin).tolist() == [min(2, n) for n in found.n_firing.tolist()]


def test_they_are_spread_over_the_activations(index: FeatureIndex) -> None:
    """Of a feature that fires often, the weakest tenth and the strongest both have one."""
    found, rows = measured_positions(index, SETTINGS, 0), shared_rows(index, 0)
    often = [f for f in range(index.about.d_sae) if len([o for o in loud(index, f) if o[0] in rows]) >= 40]
    assert often
    for feature in often:
        inside = sorted(one[2] for one in loud(index, feature) if one[0] in rows)
        own = sorted(one[2] for one in triples(found, feature))
        tenth = -(-len(inside) // SETTINGS.positions)
        assert own[0] <= inside[tenth - 1] and own[-1] >= inside[-tenth]


def test_the_same_seed_gives_the_same_and_a_file_that_is_there_is_read(index: FeatureIndex) -> None:
    first, heard = measured_positions(index, SETTINGS, 0), Heard()
    (path,) = index.folder.glob("positions-*")
    assert same(measured_positions(index, SETTINGS, 0, heard), first) and heard.events == []
    path.unlink()
    assert same(measured_positions(index, SETTINGS, 0, heard), first)
    assert heard.of("stage_started")[0]["stage"] == "positions"
    with path.open("wb") as file:
        np.savez(file, **{**vars(first), "n_firing": first.n_firing + 1})
    assert (measured_positions(index, SETTINGS, 0).n_firing == first.n_firing + 1).all()


def test_another_seed_or_setting_has_a_file_of_its_own(index: FeatureIndex) -> None:
    first = measured_positions(index, SETTINGS, 0)
    assert not same(measured_positions(index, SETTINGS, 1), first)
    assert not same(measured_positions(index, replace(SETTINGS, positions=9), 0), first)
    assert not same(measured_positions(index, replace(SETTINGS, firing=0.5), 0), first)
    assert len(list(index.folder.glob("positions-*"))) == 4
    assert same(measured_positions(index, SETTINGS, 0), first)
