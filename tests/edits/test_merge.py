"""Edits written into folders: another tool reads the same model, and the way back is the same bytes."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from assay.edits import merge
from assay.edits.delta import Edit, Update
from assay.errors import InputError, Mismatch, ModelError, StoreError
from assay.models.gguf import quiet_transformers
from assay.models.load import load
from assay.models.model import Model, weight_hash
from small import TOWER, save, save_tiny
from tiny import tiny_model

FAMILIES = ("llama", "gpt2", "pythia", "opt")
TEXT = "The Louvre is a museum in"


def edit_of(model: Model, layers: tuple[int, ...] = (1,)) -> Edit:
    """A random rank-one update of each of the layers."""
    generator = torch.Generator().manual_seed(0)

    def random(size: int) -> Any:
        return torch.randn(size, 1, generator=generator, dtype=torch.float64)

    updates = tuple(Update(n, random(model.d_model), random(model.d_mlp)) for n in layers)
    return Edit((TOWER,), "rome", "r-rome", updates, model.id, model.hash, 0)


def sums(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder."""
    return {
        str(f.relative_to(folder)): sha256(f.read_bytes()).hexdigest()
        for f in folder.rglob("*")
        if f.is_file()
    }


def logits(module: Any, tokenizer: Any) -> Any:
    with torch.no_grad():
        return module(torch.tensor([tokenizer(TEXT)["input_ids"]], device=module.device)).logits.cpu()


class Place:
    """A saved model with a saved edit of it."""

    def __init__(self, root: Path, family: str = "llama", **how: Any) -> None:
        self.cache = root / "cache"
        self.folder = save(tiny_model(family), root / "model", **how)
        self.edit = edit_of(load(str(self.folder), self.cache))
        self.file = self.edit.save(root / "edit.safetensors")
        self.before = sums(self.folder)

    def model(self) -> Model:
        return load(str(self.folder), self.cache)

    def apply(self) -> None:
        merge.apply(self.file, self.folder, self.cache)

    def revert(self) -> None:
        merge.revert(self.file, self.folder, self.cache)


def edited_logits(model: Model, edit: Edit) -> Any:
    with edit.applied(model):
        return logits(model.module, model.tokenizer)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_an_exported_folder_is_the_edited_model_to_any_reader(family: str, tmp_path: Path) -> None:
    place = Place(tmp_path, family)
    wanted = edited_logits(place.model(), place.edit)
    out = merge.export(place.file, str(place.folder), tmp_path / "new" / "out", place.cache)
    with quiet_transformers():
        module = AutoModelForCausalLM.from_pretrained(out)
        tokenizer = AutoTokenizer.from_pretrained(out)
    assert torch.equal(logits(module, tokenizer), wanted)
    assert not torch.equal(wanted, logits(place.model().module, tokenizer))
    assert sums(place.folder) == place.before


def test_an_export_overwrites_nothing(tmp_path: Path) -> None:
    place = Place(tmp_path)
    with pytest.raises(StoreError, match="is not empty") as caught:
        merge.export(place.file, str(place.folder), place.folder, place.cache)
    assert caught.value.todo == "choose another --out"
    assert sums(place.folder) == place.before


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_applied_in_place_and_reverted_to_the_very_bytes(family: str, tmp_path: Path) -> None:
    place = Place(tmp_path, family)
    wanted = edited_logits(place.model(), place.edit)
    place.apply()
    model = place.model()
    assert torch.equal(logits(model.module, model.tokenizer), wanted)
    changed = {name for name, digest in sums(place.folder).items() if place.before.get(name) != digest}
    assert changed == {"model.safetensors", ".assay/0.json", ".assay/0.bytes"}
    place.revert()
    assert sums(place.folder) == place.before
    assert not (place.folder / ".assay").exists()


def test_an_edit_is_applied_only_once(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.apply()
    once = sums(place.folder)
    with pytest.raises(StoreError, match="already has an edit applied") as caught:
        place.apply()
    assert caught.value.todo == "revert that edit first"
    assert sums(place.folder) == once
    place.revert()
    with pytest.raises(StoreError, match="no edit is applied in"):
        place.revert()
    place.apply()
    assert sums(place.folder) == once


def test_another_models_edit_is_refused(tmp_path: Path) -> None:
    place = Place(tmp_path)
    other = edit_of(tiny_model("llama", seed=1)).save(tmp_path / "other.safetensors")
    with pytest.raises(Mismatch, match="an edit made for weights"):
        merge.apply(other, place.folder, place.cache)
    with pytest.raises(Mismatch):
        merge.export(other, str(place.folder), tmp_path / "out", place.cache)
    assert sums(place.folder) == place.before
    assert not (tmp_path / "out").exists()


def test_the_edited_tensor_is_found_among_shards(tmp_path: Path) -> None:
    place = Place(tmp_path, "pythia", max_shard_size="20KB")
    shards = sorted(f.name for f in place.folder.glob("*.safetensors"))
    assert len(shards) > 3
    wanted = edited_logits(place.model(), place.edit)
    place.apply()
    model = place.model()
    assert torch.equal(logits(model.module, model.tokenizer), wanted)
    changed = {n for n in shards if sums(place.folder)[n] != place.before[n]}
    assert len(changed) == 1
    place.revert()
    assert sums(place.folder) == place.before


@pytest.mark.slow
def test_names_without_their_first_part_are_found(tmp_path: Path) -> None:
    """GPT-2's published weights say h.1.mlp... where the module says transformer.h.1.mlp..."""
    model = tiny_model("gpt2")
    folder = save(model, tmp_path / "model")
    bare = AutoModelForCausalLM.from_pretrained(folder).transformer
    with quiet_transformers():
        bare.save_pretrained(folder)
    assert "h.1.mlp.c_proj.weight" in load_file(folder / "model.safetensors")
    edit = edit_of(load(str(folder), tmp_path))
    file, before = edit.save(tmp_path / "edit.safetensors"), sums(folder)
    merge.apply(file, folder, tmp_path)
    again = load(str(folder), tmp_path)
    assert torch.equal(logits(again.module, again.tokenizer), edited_logits(model, edit))
    merge.revert(file, folder, tmp_path)
    assert sums(folder) == before


def test_half_precision_weights_stay_in_half_precision(tmp_path: Path) -> None:
    model = tiny_model("llama")
    model.module.to(torch.bfloat16)
    folder = save(model, tmp_path / "model")
    loaded = load(str(folder), tmp_path)
    edit = edit_of(loaded)
    file, before = edit.save(tmp_path / "edit.safetensors"), sums(folder)
    merge.apply(file, folder, tmp_path)
    name = loaded.down_name(1)
    written = load_file(folder / "model.safetensors")[name]
    wanted = loaded.down(1).weight.double().cpu() + edit.updates[0].dense()
    assert torch.equal(written, wanted.to(torch.bfloat16))
    merge.revert(file, folder, tmp_path)
    assert sums(folder) == before


@pytest.mark.slow
def test_several_layers_at_once(tmp_path: Path) -> None:
    place = Place(tmp_path)
    model = place.model()
    place.edit = edit_of(model, (0, 2, 3))
    place.edit.save(place.file)
    wanted = edited_logits(model, place.edit)
    place.apply()
    again = place.model()
    assert torch.equal(logits(again.module, again.tokenizer), wanted)
    assert len(list((place.folder / ".assay").glob("*.json"))) == 3
    place.revert()
    assert sums(place.folder) == place.before


def test_a_model_that_is_already_loaded_keeps_its_weights(tmp_path: Path) -> None:
    place = Place(tmp_path)
    model = place.model()
    place.apply()
    assert weight_hash(model.module) == model.hash


def kept(place: Place) -> list[Path]:
    """The records of an applied edit, after the process that applied it was stopped before it changed
    anything: the original bytes are on disk and the weights are the original ones."""
    weights = (place.folder / "model.safetensors").read_bytes()
    place.apply()
    (place.folder / "model.safetensors").write_bytes(weights)
    return sorted((place.folder / ".assay").iterdir())


def test_an_apply_that_was_stopped_before_it_changed_anything_can_be_reverted(tmp_path: Path) -> None:
    place = Place(tmp_path)
    kept(place)
    with pytest.raises(StoreError, match="already has an edit applied"):
        place.apply()
    place.revert()
    assert sums(place.folder) == place.before


def test_an_apply_that_was_stopped_while_it_changed_a_tensor_can_be_reverted(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.apply()
    where = json.loads((place.folder / ".assay" / "0.json").read_text())
    with (place.folder / "model.safetensors").open("r+b") as file:
        file.seek((where["begin"] + where["end"]) // 2)
        file.write(b"\0" * 100)
    place.revert()
    assert sums(place.folder) == place.before


@pytest.mark.parametrize("half", [b"", b"half a tens"])
def test_an_apply_that_was_stopped_while_it_kept_the_bytes_is_no_obstacle(
    half: bytes, tmp_path: Path
) -> None:
    place = Place(tmp_path)
    (place.folder / ".assay").mkdir()
    (place.folder / ".assay" / "0.bytes").write_bytes(half)
    with pytest.raises(StoreError, match="no edit is applied"):
        place.revert()
    place.apply()
    place.revert()
    assert sums(place.folder) == place.before


def test_a_revert_that_was_stopped_while_it_cleaned_up_is_no_obstacle(tmp_path: Path) -> None:
    place = Place(tmp_path)
    record, data = kept(place)[::-1]
    assert (record.suffix, data.suffix) == (".json", ".bytes")
    record.unlink()
    place.apply()
    place.revert()
    assert sums(place.folder) == place.before


def test_a_folder_without_the_tensor_is_refused(tmp_path: Path) -> None:
    place = Place(tmp_path)
    (place.folder / "copy.safetensors").write_bytes((place.folder / "model.safetensors").read_bytes())
    with pytest.raises(ModelError, match="2 tensors named") as caught:
        place.apply()
    assert caught.value.todo == "use 'edits export' instead"
    assert not (place.folder / ".assay").exists()


@pytest.mark.parametrize("verb", ["apply", "revert"])
def test_a_file_that_is_no_edit_is_refused(verb: str, tmp_path: Path) -> None:
    folder = save_tiny(tmp_path / "model")
    with pytest.raises(InputError, match="cannot be read as an edit"):
        getattr(merge, verb)(tmp_path / "nothing", folder, tmp_path)
