"""Which tokens a feature promotes and suppresses when what it writes goes straight to the unembedding.

The logit weights of feature f are ``W_U (gain * W_dec[f])``, as the field computes them: the gain of the final
norm is in it, the norm's division is not, since that depends on everything else in the residual stream; nor are
a soft cap and the head's bias. They are centred over the vocabulary, because what is added to all logits alike
changes nothing.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float32, Int32
from torch import Tensor

from assay.edits.tensors import write_tensors
from assay.errors import StoreError
from assay.events import Emit, stage
from assay.models.families import module_at
from assay.models.model import Model
from assay.sae.coder import CHUNK, SAE

FILE = "effects.safetensors"
KEPT = 20
"""Tokens kept at either end."""


@dataclass(frozen=True, eq=False)
class Effects:
    """For every feature the tokens at both ends of its logit weights, the outermost first."""

    promoted: Int32[Tensor, "f n"]
    """Token ids."""
    promoted_by: Float32[Tensor, "f n"]
    """Logits per unit of activation, over the mean of all tokens."""
    suppressed: Int32[Tensor, "f n"]
    suppressed_by: Float32[Tensor, "f n"]
    """Likewise; negative."""
    texts: Mapping[int, str]
    """The text of each token that occurs."""


@torch.no_grad()
def logit_weights(model: Model, directions: Float32[Tensor, "f d_model"]) -> Float32[Tensor, "f vocab"]:
    """Logits that each direction adds, centred over the tokens that the tokenizer has."""
    return (directions * norm_gain(model)) @ _centred_head(model).T


def norm_gain(model: Model) -> Float32[Tensor, " d_model"]:
    """The factor of each coordinate in the final norm.

    Measured, not read, since families keep it in different ways (Gemma's is 1 more than its weight): a vector of
    +1 and -1 in turn is its own normalised form, in LayerNorm as in RMSNorm.
    """
    norm = module_at(model.module, model.family.norm, model.family)
    x = torch.ones(1, model.d_model, device=model.device, dtype=model.dtype)
    x[:, 1::2] = -1
    gain: Tensor = ((norm(x) - norm(-x)) / (2 * x))[0].float()
    return gain


def make(model: Model, sae: SAE, folder: Path, emit: Emit) -> Effects:
    """The table of all features, in blocks, kept in the folder."""
    found = _compute(model, sae, emit)
    tensors = {field.name: getattr(found, field.name) for field in fields(Effects) if field.name != "texts"}
    write_tensors(
        folder / FILE,
        tensors,
        ("texts", json.dumps(dict(found.texts))),
        "room and permission for a few megabytes",
        "free space, or set ASSAY_HOME to a folder on another disk",
    )
    return found


def read(folder: Path) -> Effects | None:
    """The table as it is kept in a folder, or None. Raises StoreError for a damaged file."""
    from safetensors import SafetensorError, safe_open

    path = folder / FILE
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            texts = {int(id): text for id, text in json.loads(file.metadata()["texts"]).items()}
            return Effects(**{name: file.get_tensor(name) for name in file.keys()}, texts=texts)  # noqa: SIM118
    except SafetensorError as error:
        raise StoreError(
            f"{path} cannot be read: {error}", "the whole file", "delete it and run assay sae index again"
        ) from error


@torch.no_grad()
def _compute(model: Model, sae: SAE, emit: Emit) -> Effects:
    directions = (sae.W_dec / sae.scale).to(model.device) * norm_gain(model)
    head = _centred_head(model)
    kept, size = min(KEPT, len(head)), max(1, CHUNK // len(head))
    ends: list[tuple[Tensor, ...]] = []
    with stage(emit, "effects", "tokens of every feature", len(directions)) as tick:
        for at in range(0, len(directions), size):
            weights = directions[at : at + size] @ head.T
            high, low = weights.topk(kept), weights.topk(kept, largest=False)
            ends.append((high.indices.int(), high.values, low.indices.int(), low.values))
            tick(min(at + size, len(directions)))
    up, by, down, down_by = (torch.cat(column).cpu() for column in zip(*ends, strict=True))
    ids = sorted({*up.flatten().tolist(), *down.flatten().tolist()})
    return Effects(up, by, down, down_by, {id: _text(model, id) for id in ids})


def _centred_head(model: Model) -> Float32[Tensor, "vocab d_model"]:
    """Rows of the unembedding less their mean; rows that only fill the matrix up are left out."""
    head: Any = module_at(model.module, model.family.head, model.family)
    rows: Tensor = head.weight[: min(len(head.weight), len(model.tokenizer))].float()
    return rows - rows.mean(0)


def _text(model: Model, id: int) -> str:
    """A token as it stands in text, the space in front included, which some decoders take away."""
    text = str(model.tokenizer.decode([id], clean_up_tokenization_spaces=False))
    raw = str(model.tokenizer.convert_ids_to_tokens(id))
    return f" {text}" if raw.startswith("▁") and not text.startswith(" ") else text
