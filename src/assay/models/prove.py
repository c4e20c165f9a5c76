"""Prove a family row on the loaded model, by shape and by cause, before anyone relies on it.

Six short forwards: cheap beside loading, and the only thing between a wrong row and a wrong edit.
"""

from typing import Any

import torch
from torch import Tensor

from assay.errors import ModelError
from assay.models.families import module_at
from assay.models.forward import Batch, forward, hooks, pack
from assay.models.model import Model
from assay.models.resume import resume

TOLERANCE = 2e-3
"""Relative difference allowed between two ways to compute the same thing (bfloat16 gets 30 times more)."""


def prove(model: Model) -> None:
    """Raise ModelError unless the row's paths, orientation, causes and arithmetic all hold."""
    for path in (model.family.norm, model.family.head, model.family.embed):
        module_at(model.module, path, model.family)
    _prove_shapes(model)
    with torch.no_grad():
        _prove_causes(model)


def _fail(model: Model, came: str, wanted: str) -> ModelError:
    return ModelError(
        f"{model.id}: {came}",
        f"{wanted} (family row {model.family.name!r})",
        "this checkpoint differs from its family's row: correct or add the row in assay/models/families.py",
    )


def _prove_shapes(model: Model) -> None:
    config = model.module.config.get_text_config()
    width = config.hidden_size
    for layer in range(model.n_layers):
        model.attention(layer)
        model.post_norm(layer)
        shape = tuple(model.down(layer).weight.shape)
        residual = shape[1] if model.family.transposed else shape[0]
        if len(shape) != 2 or residual != width:
            side = "(d_mlp, d_model)" if model.family.transposed else "(d_model, d_mlp)"
            raise _fail(
                model, f"down-projection of layer {layer} has shape {shape}", f"{side} with d_model {width}"
            )
    if model.n_layers != config.num_hidden_layers:
        raise _fail(
            model, f"{model.n_layers} blocks at {model.family.blocks}", f"{config.num_hidden_layers} blocks"
        )


def _close(model: Model, a: Tensor, b: Tensor) -> bool:
    slack = TOLERANCE * (1 if model.dtype == torch.float32 else 30)
    scale = b.float().abs().max().item() + 1e-12
    return (a.float() - b.float()).abs().max().item() <= slack * scale


def _prove_causes(model: Model) -> None:
    """Perturb one place; see that what must move moves, and that what must not does not."""
    layer, at = model.n_layers // 2, 2
    last = model.n_layers - 1
    vocabulary = model.module.get_input_embeddings().weight.shape[0]
    generator = torch.Generator().manual_seed(0)
    ids = [int(i) for i in torch.randint(0, vocabulary, (5,), generator=generator)]
    batch, _ = pack(model, [ids])
    clean = forward(
        model,
        batch,
        block_in=[layer],
        block_out=[layer, last],
        down_in=[layer],
        down_out=[layer],
        calls=True,
        keep_prefix=True,
    )
    key, out = clean.down_in[layer], clean.down_out[layer]
    weight, bias = model.down(layer).weight, getattr(model.down(layer), "bias", None)
    product = key @ (weight if model.family.transposed else weight.T)
    if not _close(model, product if bias is None else product + bias, out):
        raise _fail(model, f"W k + b is not the output of {model.family.down}", "its stored orientation")

    if not _close(model, model.logits(clean.block_out[last]), model.module(batch.ids).logits):
        raise _fail(model, "norm and head do not give the model's logits", "logits = head(norm(residual))")

    nudge = torch.randn(out.shape[-1], generator=generator).to(out) * out.abs().mean() * 10

    def push(value: Tensor) -> Tensor:
        moved = value.clone()
        moved[:, at] += nudge
        return moved

    pushed = forward(model, batch, block_out=[layer, last], patch_down=(layer, push))
    norm = model.post_norm(layer)
    shift = nudge if norm is None else norm(push(out)[:, at]) - norm(out[:, at])
    if not _close(model, pushed.block_out[layer][:, at], clean.block_out[layer][:, at] + shift):
        raise _fail(
            model, f"the output of {model.family.down} is not added to the residual stream", "a plain sum"
        )
    before, after = clean.block_out[last], pushed.block_out[last]
    if not torch.equal(before[:, :at], after[:, :at]):
        raise _fail(model, "a change at one token moved an earlier token", "a causal model")
    if torch.equal(before[:, at], after[:, at]):
        raise _fail(model, f"changing {model.family.down} moved nothing", "a module on the way to the logits")

    again = resume(model, clean, layer, clean.block_in[layer][:, at:], start=at)
    if not _close(model, again, before[:, at:]):
        raise _fail(
            model, "a pass resumed from the middle gives other activations", "blocks that can be resumed"
        )

    _prove_parallel(model, layer, batch, key)


def _prove_parallel(model: Model, layer: int, batch: Batch, key: Tensor) -> None:
    """Attention moves the same block's key exactly when the residual is not parallel."""
    flag = model.family.parallel
    parallel = bool(getattr(model.module.config, flag)) if isinstance(flag, str) else flag

    def push(module: object, args: object, output: Tensor | tuple[Any, ...]) -> object:
        first = output[0] if isinstance(output, tuple) else output
        moved = first + torch.linspace(1, 2, first.shape[-1]).to(first)
        return (moved, *output[1:]) if isinstance(output, tuple) else moved

    with hooks([model.attention(layer).register_forward_hook(push)]):
        moved = forward(model, batch, down_in=[layer], stop=layer).down_in[layer]
    if torch.equal(moved, key) != parallel:
        found = "does not feed" if torch.equal(moved, key) else "feeds"
        raise _fail(model, f"attention {found} the MLP of its block", f"parallel residual = {parallel}")
