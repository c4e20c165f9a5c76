"""What assay must know about a model family: one row each, proved when a model loads.

A row names modules by dotted path; nothing is ever guessed from a shape or from a model's name.
"""

from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from torch import nn

from assay.errors import ModelError


@dataclass(frozen=True)
class Family:
    """Where a family keeps the parts that editing and probing touch."""

    name: str
    model_types: tuple[str, ...]
    """``config.model_type`` values that this row covers."""
    blocks: str
    """The list of transformer blocks, from the top module."""
    attention: str
    """The attention module inside a block."""
    down: str
    """The MLP down-projection inside a block; its input is ROME's key."""
    norm: str
    """The final norm, from the top module."""
    head: str
    """The unembedding, from the top module."""
    embed: str
    """The token embedding, from the top module."""
    transposed: bool = False
    """True for Conv1D, which stores its weight as (in, out) instead of Linear's (out, in)."""
    parallel: bool | str = False
    """Whether attention and MLP read the same residual; a string names the config flag that says so."""
    post_norm: str | None = None
    """A norm inside the block between the down-projection and the residual stream."""
    softcap: str | None = None
    """Config field with the cap c of final logits c * tanh(logits / c)."""


def _llama_like(name: str, *model_types: str, **more: Any) -> Family:
    return Family(
        name=name,
        model_types=model_types,
        blocks="model.layers",
        attention="self_attn",
        down="mlp.down_proj",
        norm="model.norm",
        head="lm_head",
        embed="model.embed_tokens",
        **more,
    )


FAMILIES: tuple[Family, ...] = (
    _llama_like("llama", "llama", "mistral", "qwen2", "qwen3", "gemma", "smollm3", "olmo"),
    _llama_like(
        "gemma-post-norm",
        "gemma2",
        "gemma3_text",
        post_norm="post_feedforward_layernorm",
        softcap="final_logit_softcapping",
    ),
    Family(
        name="gpt2",
        model_types=("gpt2",),
        blocks="transformer.h",
        attention="attn",
        down="mlp.c_proj",
        norm="transformer.ln_f",
        head="lm_head",
        embed="transformer.wte",
        transposed=True,
    ),
    Family(
        name="gptj",
        model_types=("gptj",),
        blocks="transformer.h",
        attention="attn",
        down="mlp.fc_out",
        norm="transformer.ln_f",
        head="lm_head",
        embed="transformer.wte",
        parallel=True,
    ),
    Family(
        name="gpt_neox",
        model_types=("gpt_neox",),
        blocks="gpt_neox.layers",
        attention="attention",
        down="mlp.dense_4h_to_h",
        norm="gpt_neox.final_layer_norm",
        head="lm_head",
        embed="gpt_neox.embed_in",
        parallel="use_parallel_residual",
    ),
    Family(
        name="opt",
        model_types=("opt",),
        blocks="model.decoder.layers",
        attention="self_attn",
        down="fc2",
        norm="model.decoder.final_layer_norm",
        head="lm_head",
        embed="model.decoder.embed_tokens",
    ),
)


def family_of(model_type: str) -> Family:
    """The row for ``config.model_type``, or an error that says how to add one."""
    for row in FAMILIES:
        if model_type in row.model_types:
            return row
    known = sorted(t for row in FAMILIES for t in row.model_types)
    near = get_close_matches(model_type, known, 1)
    raise ModelError(
        f"model type {model_type!r} is not in the family table",
        f"one of: {', '.join(known)}" + (f" (nearest: {near[0]})" if near else ""),
        "add a row to FAMILIES in assay/models/families.py with the dotted paths of its blocks, attention, "
        "down-projection, final norm, head and embedding; loading a model then proves the row",
    )


def module_at(root: nn.Module, path: str, family: Family) -> nn.Module:
    """The module at a dotted path, or an error that names the family's row and what does exist."""
    here: Any = root
    walked = ""
    for part in path.split("."):
        inner = here[int(part)] if part.isdigit() else getattr(here, part, None)
        if not isinstance(inner, nn.Module):
            raise ModelError(
                f"{type(root).__name__} has no module {path!r}: {part!r} is missing below {walked or 'the top'!r}",
                f"the paths of family {family.name!r}; what is there: {', '.join(dict(here.named_children()))}",
                "this checkpoint is laid out differently: correct or add its row in assay/models/families.py",
            )
        here, walked = inner, f"{walked}.{part}".strip(".")
    module: nn.Module = here
    return module
