"""What is said of folders that are missing, of no known kind, damaged, or dangerous to open."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from foreign import D_IN, D_SAE, Draw, standard_tensors
from foreign_libraries import (
    dictionary,
    dl_autoencoder,
    gemma_scope,
    gemma_scope_2,
    linear_tensors,
    llama_scope,
    sparsify,
)
from foreign_saelens import saelens, saelens_jumprelu, saelens_standard, v6
from refusals import refused, rewrite


def test_no_folder(tmp_path: Path) -> None:
    assert f"no folder {tmp_path / 'none'}" in refused(tmp_path / "none")
    file = saelens_standard(tmp_path, Draw()).folder / "cfg.json"
    assert "name the folder, not a file in it" in refused(file)


def test_unknown_format_says_what_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "model.bin").touch()
    message = refused(tmp_path)
    assert "no SAE of a known format, only model.bin" in message
    for looked_for in (
        "sae_weights.safetensors (SAELens)",
        "sae.safetensors (sparsify)",
        "ae.pt (dictionary_learning)",
        "params.npz (Gemma Scope)",
        "params.safetensors (Gemma Scope 2)",
        "checkpoints/final.safetensors (Llama Scope)",
    ):
        assert looked_for in message


def test_empty_folder(tmp_path: Path) -> None:
    assert "only nothing" in refused(tmp_path)


def test_a_folder_of_folders(tmp_path: Path) -> None:
    sparsify(tmp_path, Draw())
    assert "name one of the folders in it: layers.3" in refused(tmp_path)


def test_two_formats_in_one_folder(tmp_path: Path) -> None:
    folder = saelens_standard(tmp_path, Draw()).folder
    (folder / "ae.pt").touch()
    assert "weights of SAELens and of dictionary_learning in one folder" in refused(folder)


MAKERS = (saelens_standard, sparsify, dl_autoencoder, gemma_scope, gemma_scope_2, llama_scope)
WEIGHTS = (
    "sae_weights.safetensors",
    "sae.safetensors",
    "ae.pt",
    "params.npz",
    "params.safetensors",
    "checkpoints/final.safetensors",
)


@pytest.mark.parametrize("keep", [0.0, 0.02, 0.5, 0.98])
@pytest.mark.parametrize(("maker", "weights"), list(zip(MAKERS, WEIGHTS, strict=True)))
def test_weights_cut_short(tmp_path: Path, maker: Any, weights: str, keep: float) -> None:
    path = maker(tmp_path, Draw()).folder / weights
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep)])
    message = refused(path.parents[weights.count("/")])
    assert f"{path.name} cannot be read" in message
    assert "copy or download it again: it may be cut short" in message


@pytest.mark.parametrize(
    ("maker", "config"),
    [
        (saelens_standard, "cfg.json"),
        (sparsify, "cfg.json"),
        (dl_autoencoder, "config.json"),
        (llama_scope, "hyperparams.json"),
    ],
)
def test_configurations(tmp_path: Path, maker: Any, config: str) -> None:
    folder = maker(tmp_path, Draw()).folder
    (folder / config).write_text('{"d_in": 7,', encoding="utf-8")
    assert f"{config} cannot be read" in refused(folder)
    (folder / config).write_text("[1]", encoding="utf-8")
    assert f"{config} holds a list" in refused(folder)
    (folder / config).write_text("{}", encoding="utf-8")
    assert f"{config} does not say" in refused(folder)
    (folder / config).unlink()
    assert f"no {config}" in refused(folder)


def test_a_setting_of_another_kind(tmp_path: Path) -> None:
    folder = sparsify(tmp_path, Draw()).folder
    rewrite(folder / "cfg.json", lambda values: values.update(k="many"))
    assert "cfg.json says k = 'many'" in refused(folder)


def test_missing_tensor(tmp_path: Path) -> None:
    tensors = standard_tensors(Draw())
    del tensors["b_enc"]
    message = refused(saelens(tmp_path, tensors, v6("standard")))
    assert "sae_weights.safetensors has no tensor b_enc, only W_dec, W_enc, b_dec" in message


def test_shape_against_the_configuration(tmp_path: Path) -> None:
    message = refused(saelens(tmp_path, standard_tensors(Draw()), v6("standard", d_sae=16)))
    assert "W_enc in sae_weights.safetensors has shape (7, 19)" in message
    assert "wanted: (7, 16)" in message
    assert "configuration and weights are not of one SAE" in message


def test_a_decoder_turned_round(tmp_path: Path) -> None:
    tensors = standard_tensors(Draw())
    tensors["W_dec"] = tensors["W_dec"].T
    message = refused(saelens(tmp_path, tensors, v6("standard")))
    assert f"{tmp_path}: W_dec in sae_weights.safetensors has shape (7, 19)" in message
    assert "wanted: (19, 7)" in message


def test_vectors_of_another_length(tmp_path: Path) -> None:
    tensors = linear_tensors(Draw(), "b_dec") | {"threshold": torch.ones(3)}
    assert "threshold in ae.pt has shape (3,)" in refused(dictionary(tmp_path, tensors, "BatchTopKSAE"))
    tensors = linear_tensors(Draw(), "decoder_bias")
    tensors |= {"gate_bias": torch.ones(D_SAE), "mag_bias": torch.ones(D_SAE), "r_mag": torch.ones(1)}
    assert "r_mag in ae.pt has shape (1,)" in refused(dictionary(tmp_path, tensors, "GatedAutoEncoder"))
    tensors = standard_tensors(Draw()) | {"b_dec": torch.ones(3)}
    message = refused(saelens(tmp_path / "sae", tensors, v6("standard")))
    assert "b_dec of shape (3,) beside W_enc of shape (7, 19)" in message


def test_weights_that_are_not_numbers(tmp_path: Path) -> None:
    tensors = standard_tensors(Draw())
    tensors["W_enc"][0, 0] = float("nan")
    assert "W_enc holds infinite or NaN numbers" in refused(saelens(tmp_path / "a", tensors, v6("standard")))
    tensors["W_enc"] = torch.zeros(D_IN, D_SAE, dtype=torch.int8)
    assert "W_enc in sae_weights.safetensors is torch.int8" in refused(
        saelens(tmp_path / "b", tensors, v6("standard"))
    )


class Stranger:
    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return exec, ("raise SystemExit('ran a stranger's code')",)


def test_pickles_are_refused(tmp_path: Path) -> None:
    folder = dictionary(tmp_path, linear_tensors(Draw(), "bias"), "AutoEncoder")
    for payload in (
        lambda path: torch.save({"a": Stranger()}, path),
        lambda path: pickle_to(path, Stranger()),
    ):
        payload(folder / "ae.pt")
        message = refused(folder)
        assert "ae.pt is a pickle that holds more than tensors" in message
        assert "since any other pickle can run code of a stranger" in message
    torch.save(torch.zeros(3), folder / "ae.pt")
    assert "ae.pt holds a Tensor" in refused(folder)
    archive = gemma_scope(tmp_path, Draw()).folder
    np.savez(archive / "params.npz", W_enc=np.array([Stranger()], dtype=object))
    assert "params.npz is a pickle that holds more than tensors" in refused(archive)


def pickle_to(path: Path, value: object) -> None:
    path.write_bytes(pickle.dumps(value))


def test_numbers_of_an_sae_are_not_read_from_a_jumprelu_without_threshold(tmp_path: Path) -> None:
    folder = saelens_jumprelu(tmp_path, Draw()).folder
    saelens(folder, standard_tensors(Draw()), v6("jumprelu"))
    assert "no tensor threshold" in refused(folder)
