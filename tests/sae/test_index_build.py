"""Making an index: killed and taken up again, keyed by all that changes it, narrow where that is safe, checked."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from test_activations import in_bfloat16
from test_index_codes import CONTEXT, DENSE, FEATURES, LAYER, dense_of, indexed, louder, same, text, tiny_sae

from assay.corpus.sources import hashed
from assay.errors import InputError, Mismatch, ModelError, StoreError
from assay.models.load import load
from assay.models.model import Model
from assay.sae.index import shards
from assay.sae.index.build import build_index, find_index
from assay.sae.index.files import RECORD
from assay.sae.index.index import FeatureIndex
from assay.sae.residual import residual
from assay.settings import SaeSettings
from oracles import codes_slowly
from small import Heard, save_tiny
from tiny import tiny_model
from training import one_thread  # noqa: F401 - a fixture

HERE = Path(__file__).parent
DRIVER = """
import sys, time
from pathlib import Path
import torch
from assay.models.load import load
from assay.sae.index import shards
from test_index_codes import indexed, tiny_sae

torch.set_num_threads(1)
write, written = shards._write, 0

def stops(path, shard):
    global written
    written += 1
    if written < 3:
        return write(path, shard)
    path.with_name(f".{path.name}.1").write_bytes(b"half a shard")
    Path(sys.argv[3]).touch()
    time.sleep(600)

shards._write, shards.ROWS_PER_SHARD = stops, 16
model = load(sys.argv[1], Path(sys.argv[2]))
indexed(model, tiny_sae(model), Path(sys.argv[2]))
"""


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shards, "ROWS_PER_SHARD", 16)


@pytest.mark.slow
def test_a_process_killed_between_shards(small_shards: None, tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "model")
    words = [sys.executable, "-c", DRIVER, *map(str, (folder, tmp_path / "killed", tmp_path / "paused"))]
    paths = f"{HERE.parent}:{HERE}"
    with subprocess.Popen(words, env={**os.environ, "PYTHONPATH": paths}) as child:
        try:
            while not (tmp_path / "paused").exists():
                assert child.poll() is None, "the process ended early"
                time.sleep(0.05)
        finally:
            child.send_signal(signal.SIGKILL)
    model = load(str(folder), tmp_path)
    sae = tiny_sae(model)
    with pytest.raises(InputError, match="of which there is no index"):
        find_index(tmp_path / "killed", sae)
    whole, heard = indexed(model, sae, tmp_path / "whole"), Heard()
    again = build_index(model, sae, text(), tmp_path / "killed", tokens=2_000, context=CONTEXT, emit=heard)
    assert same(whole, again)
    kept = int(whole.arrays["rows"][2 * 16])
    assert heard.of("stage_started")[0]["total"] == whole.about.n_tokens - kept
    assert not (again.folder / "shards").exists()


@pytest.mark.parametrize(("stage", "done"), [("codes", 500), ("sort", 1)])
def test_a_pass_interrupted_anywhere(
    small_shards: None, llama: Model, tmp_path: Path, stage: str, done: int
) -> None:
    sae = tiny_sae(llama)

    def stop(kind: str, data: Mapping[str, Any]) -> None:
        if kind == "stage_progress" and data["stage"] == stage and data["done"] >= done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_index(llama, sae, text(), tmp_path / "stopped", tokens=2_000, context=CONTEXT, emit=stop)
    (folder,) = (tmp_path / "stopped" / "indexes").iterdir()
    with pytest.raises(StoreError, match="no finished index in"):
        FeatureIndex(folder)
    assert same(indexed(llama, sae, tmp_path / "stopped"), indexed(llama, sae, tmp_path / "whole"))


def test_a_damaged_shard_is_made_again(small_shards: None, llama: Model, tmp_path: Path) -> None:
    sae = tiny_sae(llama)
    whole = indexed(llama, sae, tmp_path / "whole")
    damaged = tmp_path / "damaged" / "indexes" / whole.folder.name / "shards"
    damaged.mkdir(parents=True)
    (damaged / "00001.safetensors").write_bytes(b"\0" * 4096)
    assert same(indexed(llama, sae, tmp_path / "damaged"), whole)


def test_what_is_finished_is_not_made_again(llama: Model, tmp_path: Path) -> None:
    sae, heard = tiny_sae(llama), Heard()
    first = indexed(llama, sae, tmp_path)
    again = build_index(llama, sae, text(), tmp_path, tokens=2_000, context=CONTEXT, emit=heard)
    assert again.folder == first.folder == find_index(tmp_path, sae).folder and heard.events == []


@pytest.mark.slow
def test_another_folder_for_other_numbers(llama: Model, tmp_path: Path) -> None:
    sae = tiny_sae(llama)
    free = replace(sae, layer=None)
    base = indexed(llama, sae, tmp_path).folder
    assert build_index(
        llama, free, text(), tmp_path, tokens=2_000, context=CONTEXT, layer=LAYER
    ).folder == base  # fmt: skip
    others = [
        build_index(llama, free, text(), tmp_path, tokens=2_000, context=CONTEXT, layer=2),
        build_index(llama, sae, text(), tmp_path, tokens=1_000, context=CONTEXT),
        build_index(llama, sae, text(), tmp_path, tokens=2_000, context=CONTEXT + 1),
        indexed(llama, sae, tmp_path, text(23)),
        indexed(llama, louder(sae, 2), tmp_path),
        indexed(in_bfloat16(llama), sae, tmp_path),
        indexed(tiny_model("llama", 1), sae, tmp_path),
        indexed(replace(llama, start=None), sae, tmp_path),
    ]
    assert len({one.folder for one in others} | {base}) == 1 + len(others)
    assert find_index(tmp_path, louder(sae, 2)).folder == others[4].folder


def test_bfloat16_is_close_to_float32(some_model: Model, tmp_path: Path) -> None:
    """Rounded to 8 bits in every operation of two blocks: nine in ten postings are the same tokens, and there the
    activations are 2% off on average."""
    sae = tiny_sae(some_model)
    exact = dense_of(indexed(some_model, sae, tmp_path / "fp32"))
    rough = dense_of(indexed(in_bfloat16(some_model), sae, tmp_path / "bf16"))
    both, either = (exact > 0) & (rough > 0), (exact > 0) | (rough > 0)
    assert both.sum() > 0.9 * either.sum()
    assert np.abs(rough[both] / exact[both] - 1).mean() < 0.02


def test_two_bytes_a_value_unless_one_is_too_large(llama: Model, tmp_path: Path) -> None:
    """Times a power of two, every activation is the same number again: in float32 none of them has changed."""
    sae = tiny_sae(llama)
    narrow = indexed(llama, sae, tmp_path)
    factor = float(2 ** np.ceil(np.log2(70_000 / narrow.statistics(DENSE).max)))
    wide = indexed(llama, louder(sae, factor), tmp_path)
    assert narrow.arrays["values"].dtype == np.float16 and wide.arrays["values"].dtype == np.float32
    assert 65_504 < wide.statistics(DENSE).max < np.inf
    assert np.array_equal(narrow.arrays["places"], wide.arrays["places"])
    rounded = (wide.arrays["values"] / np.float32(factor)).astype(np.float16)
    assert np.array_equal(narrow.arrays["values"], rounded)


@pytest.mark.slow
def test_features_that_two_bytes_cannot_tell_apart(llama: Model, tmp_path: Path) -> None:
    sae = tiny_sae(llama, features=(1 << 16) + 5)
    index = build_index(llama, sae, text(1), tmp_path, tokens=40, context=CONTEXT)
    wanted = np.concatenate([codes_slowly(llama, sae, LAYER, row) for row in index.rows])
    fired = np.flatnonzero((wanted > 0).any(0))
    assert fired.max() >= 1 << 16
    for feature in fired[-200:].tolist():
        column, found = wanted[:, feature], index.postings(feature)
        assert found.places.tolist() == np.flatnonzero(column > 0).tolist()
        assert found.values == pytest.approx(column[column > 0], rel=1e-3)


def test_an_sae_that_never_fires(llama: Model, tmp_path: Path) -> None:
    sae = tiny_sae(llama)
    index = indexed(llama, replace(sae, b_enc=torch.full((FEATURES,), -1e6)), tmp_path)
    assert index.summary() == {"l0": 0, "live": 0, "dead": FEATURES, "dense": 0}
    assert index.top(3, 4) == [] and index.firing(3).rows.tolist() == [] and index.peaks(3).values.size == 0


def test_what_does_not_fit(llama: Model, tmp_path: Path) -> None:
    sae = tiny_sae(llama)
    with pytest.raises(InputError, match="no usable text in corpus 'short'"):
        indexed(llama, sae, tmp_path, hashed("short", ["Hi."]))
    with pytest.raises(InputError, match="rows of 5 tokens\n  wanted: at least 9"):
        build_index(llama, sae, text(), tmp_path, tokens=100, context=5)
    with pytest.raises(
        InputError, match="which does not say which layer it reads\n  wanted: the number of a"
    ):
        indexed(llama, replace(sae, layer=None), tmp_path)
    with pytest.raises(Mismatch, match="layer 2 for the SAE tiny, which was trained after block 1"):
        build_index(llama, sae, text(), tmp_path, tokens=100, layer=2)
    with pytest.raises(ModelError, match="a layer from 0 to 3"):
        indexed(llama, replace(sae, layer=4), tmp_path)
    with pytest.raises(Mismatch, match="vectors of width 32 for the SAE toy"):
        wide = torch.ones(33, 4)
        build_index(
            llama, replace(sae, id="toy", W_enc=wide, W_dec=wide.T, b_enc=wide[0], b_dec=wide[:, 0],
                           threshold=wide[0]), text(), tmp_path, tokens=100,
        )  # fmt: skip
    llama.embed.weight.data[:] = torch.nan
    with pytest.raises(ModelError, match="activations that are not finite at layer 1"):
        indexed(replace(llama, hash="other"), sae, tmp_path)


def test_of_another_sae_or_model(llama: Model, tmp_path: Path) -> None:
    sae = tiny_sae(llama)
    about = indexed(llama, sae, tmp_path).about
    about.check(sae, llama)
    about.check(sae, replace(in_bfloat16(llama), hash="of the rounded weights"))
    with pytest.raises(Mismatch) as error:
        about.check(louder(sae, 2))
    assert error.value.came.startswith(f"an index of the SAE tiny ({sae.hash[:12]}) for the SAE tiny (")
    assert error.value.wanted == "an index of the same weights"
    for other in (tiny_model("llama", 1), replace(in_bfloat16(llama), id="other", hash="other")):
        with pytest.raises(Mismatch, match=r"an index of the model tiny-llama .* for the model") as error:
            about.check(model=other)
        assert "assay sae index" in error.value.todo


@pytest.mark.parametrize("name", ["ids", "text", "rows", "begin", "places", "values"])
def test_files_cut_short(llama: Model, tmp_path: Path, name: str) -> None:
    folder = indexed(llama, tiny_sae(llama), tmp_path).folder
    path = folder / f"{name}.npy"
    whole = path.read_bytes()
    for rest in (whole[:-1], whole[:40], b""):
        path.write_bytes(rest)
        with pytest.raises(StoreError) as error:
            FeatureIndex(folder)
        assert str(path) in error.value.came and "cannot be read" in error.value.came
        assert error.value.todo == f"delete the folder {folder} and make the index again"
    np.save(path, np.zeros(3, np.int32))
    with pytest.raises(StoreError, match=r"holds int32 of shape \(3,\), not"):
        FeatureIndex(folder)
    path.unlink()
    with pytest.raises(StoreError, match="cannot be read"):
        FeatureIndex(folder)


def test_a_damaged_record(llama: Model, tmp_path: Path) -> None:
    folder = indexed(llama, tiny_sae(llama), tmp_path).folder
    held = json.loads((folder / RECORD).read_text())
    for words in ("{", "[]", json.dumps({**held, "n_codes": None}), json.dumps({"layer": 1})):
        (folder / RECORD).write_text(words)
        with pytest.raises(StoreError):
            FeatureIndex(folder)


def test_tokens_of_outlying_norm_have_no_codes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SaeSettings, "outlier", 1.1)
    model = tiny_model("llama")
    sae = tiny_sae(model)
    index = indexed(model, sae, tmp_path)
    x = residual(model, LAYER, [row[1:] for row in index.rows])
    ordinary = (x.norm(dim=1) <= 1.1 * x.norm(dim=1).median()).numpy()
    dense = dense_of(index)
    assert 0 < (~ordinary).sum() < len(x) / 2 and not dense[~ordinary].any()
    assert np.abs(dense - sae.encode(x).numpy())[ordinary].max() <= 2**-10 * dense.max()
