"""Forward passes that keep what later stages reuse.

Masks and positions are always explicit: a 4-D additive mask means that padding, several answers after
one prompt and frozen prefixes are all the same thing to the model's own code. ``forward`` runs that code
once and notes the arguments each block was called with; ``resume.py`` calls the blocks again with those
arguments, so nothing about rotary embeddings or mask types is written twice.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial, update_wrapper
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from assay.models.model import Model


@dataclass(frozen=True)
class Batch:
    """Token rows of one forward pass."""

    ids: Int[Tensor, "b t"]
    positions: Int[Tensor, "b t"]
    """Position of each token in its own row, whatever the padding."""
    allowed: Bool[Tensor, "b t t"]
    """[b, q, k]: whether the token in column q may look at column k."""

    def mask(self, dtype: torch.dtype) -> Float[Tensor, "b 1 t t"]:
        """The additive mask the model's attention takes."""
        zero = torch.zeros((), dtype=dtype, device=self.ids.device)
        lowest = torch.full_like(zero, torch.finfo(dtype).min)
        return torch.where(self.allowed, zero, lowest).unsqueeze(1)


@dataclass
class Tape:
    """What one forward pass left behind; each dict is keyed by layer."""

    block_in: dict[int, Tensor] = field(default_factory=dict)
    """Residual stream entering the block, (b, t, d_model)."""
    block_out: dict[int, Tensor] = field(default_factory=dict)
    """Residual stream leaving the block, (b, t, d_model)."""
    down_in: dict[int, Tensor] = field(default_factory=dict)
    """Input of the down-projection, ROME's key, (b, t, d_mlp)."""
    down_out: dict[int, Tensor] = field(default_factory=dict)
    """Output of the down-projection, (b, t, d_model)."""
    calls: dict[int, dict[str, Any]] = field(default_factory=dict)
    """The arguments each block was called with, hidden states left out."""
    prefix: Any = None
    """Keys and values of all layers (a transformers Cache), where asked for."""


def pack(
    model: Model, rows: Sequence[Sequence[int]], anchors: Sequence[int] | None = None
) -> tuple[Batch, list[int]]:
    """Rows of ids as one padded causal batch, and the column at which each row starts.

    Without ``anchors`` rows are padded on the right. With them, ``anchors[i]`` (an index into row i) of
    every row lands in the same column, which is what a frozen prefix needs.
    """
    lead = max(anchors) if anchors is not None else 0
    starts = [lead - a for a in anchors] if anchors is not None else [0] * len(rows)
    width = max(s + len(r) for s, r in zip(starts, rows, strict=True))
    filler = model.start or 0
    ids = torch.full((len(rows), width), filler)
    positions = torch.zeros((len(rows), width), dtype=torch.long)
    real = torch.zeros((len(rows), width), dtype=torch.bool)
    for i, (s, row) in enumerate(zip(starts, rows, strict=True)):
        ids[i, s : s + len(row)] = torch.tensor(row)
        positions[i, s : s + len(row)] = torch.arange(len(row))
        real[i, s : s + len(row)] = True
    causal = torch.ones(width, width, dtype=torch.bool).tril()
    allowed = causal & real[:, None, :]
    device = model.device
    return Batch(ids.to(device), positions.to(device), allowed.to(device)), starts


def block_arguments(block: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """A block's call as keyword arguments by name, whatever way the model's code passed them."""
    signature = inspect.signature(block.forward)
    bound = signature.bind(*args, **kwargs).arguments
    rest = next((p.name for p in signature.parameters.values() if p.kind is p.VAR_KEYWORD), None)
    return {**{k: v for k, v in bound.items() if k != rest}, **(bound.get(rest, {}) if rest else {})}


def hidden_of(output: Any) -> Tensor:
    """The residual stream of a block's output, which is a tensor or a tuple that starts with one."""
    hidden: Tensor = output[0] if isinstance(output, tuple) else output
    return hidden


def _hand_on(sample: Callable[[], Any], *args: Any, **kwargs: Any) -> Any:
    hidden = kwargs["hidden_states"] if "hidden_states" in kwargs else args[0]
    return (hidden, None) if isinstance(sample(), tuple) else hidden


@contextmanager
def passing_through(blocks: Sequence[nn.Module], sample: Callable[[], Any]) -> Iterator[None]:
    """Blocks that hand on what they are given: the model's code still calls them, so their arguments
    are still seen, but they cost nothing. ``sample()`` tells how a real block packs its output."""

    kept = [(block, block.__dict__.get("forward")) for block in blocks]
    try:
        for block in blocks:
            block.forward = update_wrapper(partial(_hand_on, sample), block.forward)
        yield
    finally:
        for block, own in kept:
            block.__dict__.pop("forward", None)
            if own is not None:
                block.forward = own


@contextmanager
def hooks(handles: list[Any]) -> Iterator[None]:
    """Remove every hook on any exit."""
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


Patch = Callable[[Tensor], Tensor]
"""Takes a module's output (b, t, d) and returns what should stand in its place."""


@dataclass(frozen=True)
class _Recorder:
    """The hooks of one pass: they note on its tape what was asked for."""

    tape: Tape
    shape: torch.Size
    """(b, t); some models flatten both for their MLP."""
    block_in: Sequence[int]
    block_out: Sequence[int]
    down_in: Sequence[int]
    down_out: Sequence[int]
    calls: bool
    stop: int | None
    patch_down: tuple[int, Patch] | None
    last: list[Any] = field(default_factory=list)
    """What the last block that really runs gave, as it gave it."""

    def enter(self, layer: int, block: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        named = block_arguments(block, args, kwargs)
        hidden = named.pop("hidden_states")
        if layer in self.block_in:
            self.tape.block_in[layer] = hidden
        if self.calls:
            self.tape.calls[layer] = named

    def leave(self, layer: int, block: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        if layer in self.block_out:
            self.tape.block_out[layer] = hidden_of(output)
        if layer == self.stop:
            self.last.append(output)

    def down(self, layer: int, module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> Tensor | None:
        if layer in self.down_in:
            self.tape.down_in[layer] = args[0].view(*self.shape, -1)
        if layer in self.down_out:
            self.tape.down_out[layer] = output.view(*self.shape, -1)
        if self.patch_down and self.patch_down[0] == layer:
            return self.patch_down[1](output.view(*self.shape, -1)).view_as(output)
        return None

    def install(self, model: Model) -> list[Any]:
        """Handles of all hooks, each where it is needed."""
        handles: list[Any] = []
        patched = self.patch_down[0] if self.patch_down else None
        for layer, block in enumerate(model.blocks):
            if self.calls or layer in self.block_in:
                hook = partial(self.enter, layer)
                handles.append(block.register_forward_pre_hook(hook, with_kwargs=True))
            if layer in self.block_out or layer == self.stop:
                handles.append(block.register_forward_hook(partial(self.leave, layer)))
            if layer in self.down_in or layer in self.down_out or layer == patched:
                handles.append(model.down(layer).register_forward_hook(partial(self.down, layer)))
        return handles


def forward(
    model: Model,
    batch: Batch,
    *,
    block_in: Sequence[int] = (),
    block_out: Sequence[int] = (),
    down_in: Sequence[int] = (),
    down_out: Sequence[int] = (),
    calls: bool = False,
    keep_prefix: bool = False,
    stop: int | None = None,
    patch_down: tuple[int, Patch] | None = None,
    patch_embed: Patch | None = None,
) -> Tape:
    """Run the model's body (no head) once and keep what was asked for.

    ``stop`` is the last block that really runs. ``patch_down`` replaces the output of one down-projection,
    ``patch_embed`` that of the token embedding. The caller decides about gradients.
    """
    tape = Tape()
    recorder = _Recorder(
        tape, batch.ids.shape, block_in, block_out, down_in, down_out, calls, stop, patch_down
    )
    handles = recorder.install(model)
    if patch_embed:
        embed_patch = patch_embed
        handles.append(model.embed.register_forward_hook(lambda module, args, output: embed_patch(output)))
    if keep_prefix:
        from transformers import DynamicCache

        tape.prefix = DynamicCache()
    unused = model.blocks[stop + 1 :] if stop is not None else []
    with hooks(handles), passing_through(unused, lambda: recorder.last[0]):
        model.module.base_model(
            input_ids=batch.ids,
            attention_mask=batch.mask(model.dtype),
            position_ids=batch.positions,
            past_key_values=tape.prefix,
            use_cache=keep_prefix,
        )
    return tape
