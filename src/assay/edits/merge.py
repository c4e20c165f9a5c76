"""Edits in model folders on disk: a merged copy, or in place with the original bytes kept for the way back.

In place, only the bytes of the edited tensors change: a revert gives back the very same file.
"""

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from assay.edits.delta import Update, load_edit
from assay.errors import ModelError, StoreError
from assay.models.gguf import quiet_transformers
from assay.models.load import load
from assay.models.model import Model

DTYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


def export(edit_file: Path, model_id: str, out: Path, cache: Path) -> Path:
    """Write a Hugging Face folder with the edit merged in; any tool that reads such folders can use it."""
    edit = load_edit(edit_file)
    model = load(model_id, cache)
    if out.exists() and any(out.iterdir()):
        raise StoreError(f"the folder {out} is not empty", "a new or an empty folder", "choose another --out")
    from safetensors import SafetensorError

    try:
        with edit.applied(model), quiet_transformers():
            model.module.save_pretrained(out)
            model.tokenizer.save_pretrained(out)
    except SafetensorError as error:  # how safetensors tells of a full disk
        raise StoreError(
            f"cannot write {out}: {error}", "room and permission for the whole model", "choose another --out"
        ) from error
    return out


def apply(edit_file: Path, folder: Path, cache: Path) -> None:
    """Write the edit into a local model folder in place; the original bytes go to ``.assay`` in it."""
    edit = load_edit(edit_file)
    kept = folder / ".assay"
    if any(kept.glob("*.json")):
        raise StoreError(
            f"{folder} already has an edit applied",
            "a folder with its original weights",
            "revert that edit first",
        )
    model = load(str(folder), cache)
    edit.check(model)
    places = [(update, _place(folder, model, update)) for update in edit.updates]
    # A record is whole once its .json is there; nothing is changed before all of them are.
    for number, (_, place) in enumerate(places):
        _keep(kept / f"{number}.json", place)
    for update, place in places:
        change = update.dense().T if model.family.transposed else update.dense()
        _write(place, (place.read().double() + change).to(DTYPES[place.dtype]))


def revert(edit_file: Path, folder: Path, cache: Path) -> None:
    """Put the original bytes back and check that the weights are those the edit was made for."""
    edit = load_edit(edit_file)
    kept = folder / ".assay"
    records = sorted(kept.glob("*.json"))
    if not records:
        raise StoreError(
            f"no edit is applied in {folder}", "a folder in which 'edits apply' wrote", "check the path"
        )
    for record in records:
        where = json.loads(record.read_text(encoding="utf-8"))
        place = _Place(
            folder / where["file"], where["begin"], where["end"], where["dtype"], tuple(where["shape"])
        )
        _patch(place, record.with_suffix(".bytes").read_bytes())
    edit.check(load(str(folder), cache))
    for record in records:
        record.unlink()
    shutil.rmtree(kept)


@dataclass(frozen=True)
class _Place:
    """Where a tensor's bytes lie."""

    file: Path
    begin: int
    end: int
    dtype: str
    shape: tuple[int, ...]

    def read(self) -> Tensor:
        with self.file.open("rb") as file:
            file.seek(self.begin)
            data = bytearray(file.read(self.end - self.begin))
        return torch.frombuffer(data, dtype=DTYPES[self.dtype]).view(self.shape)


def _tensors(folder: Path) -> Iterator[tuple[str, _Place]]:
    """Every tensor of a folder's safetensors files with its place."""
    for file in sorted(folder.glob("*.safetensors")):
        with file.open("rb") as opened:
            length = int.from_bytes(opened.read(8), "little")
            header = json.loads(opened.read(length))
        for name, entry in header.items():
            if name != "__metadata__":
                begin, end = (8 + length + offset for offset in entry["data_offsets"])
                yield name, _Place(file, begin, end, entry["dtype"], tuple(entry["shape"]))


def _place(folder: Path, model: Model, update: Update) -> _Place:
    """The place of the edited tensor; files may leave out the first part of its name (GPT-2's do)."""
    name = model.down_name(update.layer)
    found = [p for n, p in _tensors(folder) if n == name or name.endswith(f".{n}")]
    if len(found) != 1 or found[0].dtype not in DTYPES:
        raise ModelError(
            f"{len(found)} tensors named {name!r} in the safetensors files of {folder}",
            "exactly one, of a floating-point dtype",
            "use 'edits export' instead",
        )
    return found[0]


def _keep(record: Path, place: _Place) -> None:
    """Write the original bytes and where they belong, and see them on disk, before anything is changed."""
    record.parent.mkdir(exist_ok=True)
    where = {"file": place.file.name, "begin": place.begin, "end": place.end, "dtype": place.dtype}
    with place.file.open("rb") as file:
        file.seek(place.begin)
        original = file.read(place.end - place.begin)
    for path, data in (
        (record.with_suffix(".bytes"), original),
        (record, json.dumps({**where, "shape": place.shape}).encode()),
    ):
        with path.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())


def _write(place: _Place, tensor: Tensor) -> None:
    _patch(place, tensor.contiguous().view(torch.uint8).numpy().tobytes())


def _patch(place: _Place, data: bytes) -> None:
    with place.file.open("r+b") as file:
        file.seek(place.begin)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
