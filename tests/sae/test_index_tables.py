"""Tokens promoted and suppressed against a direct product, nearest features against all cosines, both kept."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from test_index_codes import FEATURES, ZERO, indexed, louder, tiny_sae

from assay.errors import Mismatch, StoreError
from assay.events import ignore
from assay.models.model import Model
from assay.sae.index import effects, neighbours
from assay.sae.index.effects import logit_weights, norm_gain
from assay.sae.index.index import FeatureIndex
from assay.sae.index.neighbours import nearest
from oracles import cosines_slowly, logit_weights_slowly
from small import Heard
from tiny import tiny_model
from training import one_thread  # noqa: F401 - a fixture


def test_logit_weights_are_the_direct_product(some_model: Model) -> None:
    """Relative to the largest: the norm's epsilon is in the measured gain, 5e-6 of it."""
    directions = tiny_sae(some_model).W_dec[:6]
    found = logit_weights(some_model, directions).numpy()
    for row, direction in zip(found, directions.double().numpy(), strict=True):
        wanted = logit_weights_slowly(some_model, direction)
        assert np.abs(row - wanted).max() <= 1e-4 * max(np.abs(wanted).max(), 1e-12)


def test_the_gain_is_that_of_the_norm(some_model: Model) -> None:
    x = torch.randn(3, some_model.d_model, generator=torch.Generator().manual_seed(0))
    x = x - x.mean(-1, keepdim=True)
    zero = torch.zeros(1, some_model.d_model)
    norm = some_model.module.get_submodule(some_model.family.norm)
    wanted = norm(x) - norm(zero)
    length = x.square().mean(-1, keepdim=True).sqrt()
    torch.testing.assert_close(x / length * norm_gain(some_model), wanted, rtol=1e-4, atol=1e-4)


def test_both_ends_of_every_feature(llama: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sae = tiny_sae(llama)
    monkeypatch.setattr(effects, "CHUNK", 7 * 400)  # blocks of 7 features, the last of one
    found = effects.make(llama, sae, tmp_path, ignore)
    kept = effects.KEPT
    for feature in (0, 6, 7, 13, FEATURES - 1):
        wanted = logit_weights_slowly(llama, sae.W_dec[feature].double().numpy())
        order = np.argsort(-wanted, kind="stable")
        assert found.promoted[feature].tolist() == order[:kept].tolist()
        assert found.suppressed[feature].tolist() == order[::-1][:kept].tolist()
        assert found.promoted_by[feature].numpy() == pytest.approx(wanted[order[:kept]], rel=1e-3, abs=1e-5)
        assert found.suppressed_by[feature].numpy() == pytest.approx(
            wanted[order[::-1][:kept]], rel=1e-3, abs=1e-5
        )
    ids = set(found.promoted.flatten().tolist()) | set(found.suppressed.flatten().tolist())
    assert found.texts == {id: llama.tokenizer.decode([id]) for id in ids}


def test_a_scale_counts(llama: Model, tmp_path: Path) -> None:
    """What a unit of activation adds is in the model's own scale."""
    sae = tiny_sae(llama)
    scaled = effects.make(llama, replace(sae, scale=4.0), tmp_path, ignore)
    plain = effects.make(llama, sae, tmp_path, ignore)
    torch.testing.assert_close(scaled.promoted_by * 4, plain.promoted_by)


@pytest.mark.parametrize("chunk", [1, 7 * FEATURES, 1 << 24])
def test_nearest_features(llama: Model, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    sae = tiny_sae(llama)
    monkeypatch.setattr(neighbours, "CHUNK", chunk)
    found = nearest(sae, ignore)
    cosines = cosines_slowly(sae.W_dec.numpy())
    np.fill_diagonal(cosines, -np.inf)
    for feature in range(FEATURES):
        mine = found.features[feature].tolist()
        assert len(set(mine)) == neighbours.KEPT and feature not in mine
        assert found.cosines[feature].numpy() == pytest.approx(cosines[feature][mine], abs=1e-6)
        best = np.sort(cosines[feature])[::-1][: neighbours.KEPT]
        assert found.cosines[feature].numpy() == pytest.approx(best, abs=1e-6)
    assert not found.cosines[ZERO].any()


def test_fewer_features_than_neighbours(llama: Model) -> None:
    found = nearest(tiny_sae(llama, features=8), ignore)
    assert found.features.shape == (8, 7)


def test_tables_are_made_once_and_kept(llama: Model, tmp_path: Path) -> None:
    sae = tiny_sae(llama)
    index = indexed(llama, sae, tmp_path)
    assert index.effects is None and index.neighbours is None
    index.complete(llama, sae)
    heard, again = Heard(), FeatureIndex(index.folder)
    again.complete(llama, sae, heard)
    assert heard.events == []
    assert again.effects is not None and index.effects is not None
    assert again.neighbours is not None and index.neighbours is not None
    assert torch.equal(again.effects.promoted, index.effects.promoted)
    assert torch.equal(again.effects.suppressed_by, index.effects.suppressed_by)
    assert again.effects.texts == index.effects.texts
    assert torch.equal(again.neighbours.features, index.neighbours.features)
    for model, other in ((tiny_model("llama", 1), sae), (llama, louder(sae, 2))):
        with pytest.raises(Mismatch):
            FeatureIndex(index.folder).complete(model, other)


@pytest.mark.parametrize("name", [effects.FILE, neighbours.FILE])
def test_a_table_cut_short(llama: Model, tmp_path: Path, name: str) -> None:
    sae = tiny_sae(llama)
    index = indexed(llama, sae, tmp_path)
    index.complete(llama, sae)
    path = index.folder / name
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(StoreError) as error:
        FeatureIndex(index.folder)
    assert error.value.came.startswith(f"{path} cannot be read: ")
    assert error.value.todo == "delete it and run assay sae index again"
