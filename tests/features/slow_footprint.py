"""The footprint the slow way: one whole forward a prompt, edits added to a copy of the weights, loops in float64."""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from statistics import mean
from typing import Any

import torch
from torch import Tensor

from assay.edits.delta import Edit, Update
from assay.generators.plan import Request
from assay.models.model import Model
from assay.models.tokens import encode
from assay.sae.coder import SAE

SUBJECT = "The Eiffel Tower"
ABOUT = (
    "The Eiffel Tower is located in the city of",
    "In Paris, they say, the Eiffel Tower stands in",
    "People walked to the Eiffel Tower",
)
NEUTRAL = ("Water boils at a high", "The river runs through the old town, and she", "Big Ben stands in")
REQUEST = Request(ABOUT[0], SUBJECT, "Berlin")


def random_sae(model: Model, layer: int | None = 2, d_sae: int = 48, seed: int = 0, **other: Any) -> SAE:
    """A coder of random directions of different lengths, with a factor on its input."""
    draw = torch.Generator().manual_seed(seed)
    d_in = model.d_model
    dec = torch.randn(d_sae, d_in, generator=draw) * (0.2 + torch.rand(d_sae, 1, generator=draw))
    given: dict[str, Any] = {
        "id": "random",
        "architecture": "jumprelu",
        "W_enc": torch.randn(d_in, d_sae, generator=draw),
        "b_enc": torch.randn(d_sae, generator=draw),
        "W_dec": dec,
        "b_dec": torch.randn(d_in, generator=draw) * 0.1,
        "threshold": torch.full((d_sae,), 4.0),
        "scale": 0.5,
        "layer": layer,
    }
    return SAE(**(given | other))


def axes_sae(d: int, layer: int) -> SAE:
    """Feature j is coordinate j where positive, feature d + j the same coordinate where negative: nothing is lost."""
    both = torch.cat([torch.eye(d), -torch.eye(d)])
    return SAE("axes", "relu", both.T, torch.zeros(2 * d), both, torch.zeros(d), layer=layer)


def edit_of(model: Model, left: Tensor, right: Tensor, layer: int = 1) -> Edit:
    update = Update(layer, left.double()[:, None], right.double()[:, None])
    return Edit((REQUEST,), "rome", "r-rome", (update,), model.id, model.hash, 0)


def random_edit(model: Model, layer: int = 1, seed: int = 0, size: float = 0.3) -> Edit:
    draw = torch.Generator().manual_seed(seed)
    left = torch.randn(model.d_model, generator=draw) * size
    return edit_of(model, left, torch.randn(model.d_mlp, generator=draw), layer)


def stream(model: Model, prompt: str, layer: int) -> Tensor:
    """The residual stream after a block at every token of a prompt, (t, d): the model's own forward and a hook."""
    seen: list[Tensor] = []

    def note(block: Any, args: Any, output: Any) -> None:
        seen.append((output[0] if isinstance(output, tuple) else output).clone())

    handle = model.blocks[layer].register_forward_hook(note)
    try:
        with torch.no_grad():
            model.module(torch.tensor([encode(model, prompt)]))
    finally:
        handle.remove()
    return seen[0].reshape(-1, model.d_model)


def edited(model: Model, edits: Sequence[Edit]) -> Model:
    """A copy of the model with the edits in its weights."""
    other = replace(model, module=deepcopy(model.module))
    for edit in edits:
        for update in edit.updates:
            change = update.dense().float()
            other.down(update.layer).weight.data += change.T if model.family.transposed else change
    return other


def subject_at(model: Model, prompt: str) -> int:
    """The first token after which everything up to the subject's end has been read."""
    end = prompt.lower().index(SUBJECT.lower()) + len(SUBJECT)
    offsets = model.tokenizer(prompt, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    return next(i for i, (_, b) in enumerate(offsets) if b >= end) + (model.start is not None)


def footprint_slowly(model: Model, edits: Sequence[Edit], sae: SAE) -> dict[str, Any]:
    """Every figure of the footprint of ABOUT against NEUTRAL, for all features."""
    assert sae.layer is not None
    other = edited(model, edits)
    sides: dict[str, list[tuple[Tensor, Tensor]]] = {"on": [], "off": []}
    for prompt in ABOUT:
        x, y = stream(model, prompt, sae.layer), stream(other, prompt, sae.layer)
        at = subject_at(model, prompt)
        sides["on"].append((x[at:], y[at:]))
    for prompt in NEUTRAL:
        x, y = stream(model, prompt, sae.layer), stream(other, prompt, sae.layer)
        at = int(model.start is not None)
        sides["off"].append((x[at:], y[at:]))
    codes = {name: [(sae.encode(x), sae.encode(y)) for x, y in side] for name, side in sides.items()}
    length = [float(row.double().norm()) / sae.scale for row in sae.W_dec]
    out: dict[str, Any] = {}
    for name in ("on", "off"):
        out[name] = [
            mean(
                mean(abs(float(b - a)) for a, b in zip(old[:, f], new[:, f], strict=True))
                for old, new in codes[name]
            )
            * length[f]
            for f in range(sae.d_sae)
        ]
        out[f"length_{name}"] = mean(
            mean(float((b - a).norm()) for a, b in zip(x, y, strict=True)) for x, y in sides[name]
        )
        out[f"relative_{name}"] = mean(
            mean(float((b - a).norm() / a.norm()) for a, b in zip(x, y, strict=True)) for x, y in sides[name]
        )
    lost, total, along, own = [], [], [], []
    for (x, y), (old, new) in zip(sides["on"], codes["on"], strict=True):
        told = (sae.decode(new) - sae.decode(old)).double()
        lost.append(mean((y - x - told).double().square().sum(1).tolist()))
        total.append(mean((y - x).double().square().sum(1).tolist()))
        along.append(mean(((y - x).double() * told).sum(1).tolist()))
        own.append(mean(told.square().sum(1).tolist()))
    out["explained"] = 1 - mean(lost) / mean(total)
    out["cosine"] = mean(along) / (mean(total) * mean(own)) ** 0.5
    out["was"] = [any(bool((old[:, f] > 0).any()) for old, _ in codes["on"]) for f in range(sae.d_sae)]
    out["is"] = [any(bool((new[:, f] > 0).any()) for _, new in codes["on"]) for f in range(sae.d_sae)]
    for end, at in (("subject", 0), ("end", -1)):
        for when, side in (("before", 0), ("after", 1)):
            out[f"{end}_{when}"] = [
                mean(float(c[side][at, f]) for c in codes["on"]) for f in range(sae.d_sae)
            ]
    return out
