"""Written in SAELens 6's format: whole or not at all, small enough, and the same numbers when read again."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import safetensors.torch
import torch
from foreign import D_IN, Draw
from test_coder import sae_of, vectors

from assay.errors import InputError, StoreError
from assay.sae.coder import SAE
from assay.sae.formats.save import save_sae
from assay.sae.formats.table import load_sae


def test_the_folder(tmp_path: Path) -> None:
    sae = sae_of("topk", layer=3, hook="model.layers.3", model_id="gpt2", start_token=True, context=128)
    folder = save_sae(replace(sae, metadata={"tokens": 5, "k": "not the coder's"}), tmp_path / "a" / "sae")
    assert sorted(p.name for p in folder.iterdir()) == ["cfg.json", "sae_weights.safetensors"]
    config = json.loads((folder / "cfg.json").read_text(encoding="utf-8"))
    assert config["metadata"] == {
        "sae_lens_version": "6.54.12",
        "model_name": "gpt2",
        "hook_name": "blocks.3.hook_resid_post",
        "hf_hook_name": "model.layers.3",
        "prepend_bos": True,
        "context_size": 128,
        "tokens": 5,
        "k": "not the coder's",
    }
    assert (config["architecture"], config["k"], config["apply_b_dec_to_input"]) == ("topk", 4, True)
    again = load_sae(folder)
    assert again.hash == sae.hash
    assert again.metadata["tokens"] == 5
    assert (again.layer, again.start_token, again.context) == (3, True, 128)


def test_another_place_keeps_its_name(tmp_path: Path) -> None:
    again = load_sae(save_sae(sae_of(hook="blocks.3.hook_mlp_out"), tmp_path))
    assert (again.hook, again.layer) == ("blocks.3.hook_mlp_out", None)


@pytest.mark.parametrize(("dtype", "close"), [(torch.float16, 1e-3), (torch.bfloat16, 8e-3)])
def test_half_precision_rounds_the_matrices_only(tmp_path: Path, dtype: torch.dtype, close: float) -> None:
    sae, x = sae_of("jumprelu"), vectors()
    again = load_sae(save_sae(sae, tmp_path, dtype))
    assert again.threshold is not None and sae.threshold is not None
    assert torch.equal(again.threshold, sae.threshold) and torch.equal(again.b_enc, sae.b_enc)
    assert torch.equal(again.W_enc, sae.W_enc.to(dtype).float())
    assert (again.pre(x) - sae.pre(x)).abs().max() < close * sae.pre(x).abs().max()
    assert load_sae(save_sae(again, tmp_path / "twice", dtype)).hash == again.hash


@pytest.mark.slow
def test_the_default_size_fits_in_40_mb(tmp_path: Path) -> None:
    draw = Draw()
    sae = SAE(
        id="big",
        architecture="jumprelu",
        W_enc=draw(576, 16_384),
        b_enc=draw(16_384),
        W_dec=draw(16_384, 576),
        b_dec=draw(576),
        threshold=draw.positive(16_384),
    )
    folder = save_sae(sae, tmp_path, torch.float16)
    assert sum(p.stat().st_size for p in folder.iterdir()) < 40_000_000


def test_too_large_for_half_precision(tmp_path: Path) -> None:
    sae = replace(sae_of(), W_dec=sae_of().W_dec * 1e6)
    with pytest.raises(InputError) as error:
        save_sae(sae, tmp_path / "sae", torch.float16)
    assert "W_dec does not fit into torch.float16" in str(error.value)
    assert "numbers up to 65504" in str(error.value)
    assert not (tmp_path / "sae").exists()


def test_no_room(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot write"):
        save_sae(sae_of(), tmp_path / "file" / "sae")


def test_an_old_sae_survives_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = sae_of(seed=0), sae_of(seed=1)
    save_sae(old, tmp_path)

    def full(tensors: object, path: Path, metadata: object) -> None:
        path.write_bytes(b"the first part")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(safetensors.torch, "save_file", full)
    with pytest.raises(StoreError, match="No space left on device"):
        save_sae(new, tmp_path)
    assert load_sae(tmp_path).hash == old.hash
    assert len(list(tmp_path.iterdir())) == 2


def test_stopped_between_the_two_files_nothing_is_mixed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_sae(sae_of(seed=0), tmp_path)
    whole = Path.replace

    def stops(self: Path, target: Path) -> Path:
        if target.name == "cfg.json":
            raise KeyboardInterrupt
        return whole(self, target)

    monkeypatch.setattr(Path, "replace", stops)
    with pytest.raises(KeyboardInterrupt):
        save_sae(sae_of(seed=1), tmp_path)
    monkeypatch.undo()
    with pytest.raises(InputError, match=r"no cfg\.json"):
        load_sae(tmp_path)
    assert load_sae(save_sae(sae_of(seed=1), tmp_path)).d_in == D_IN
