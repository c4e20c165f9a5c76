"""Start again from any layer and column of a taped forward pass, on frozen keys and values before it."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from assay.models.forward import Tape, hidden_of
from assay.models.model import Model


class FrozenPrefix:
    """A read-only cache: keys and values of the columns before ``start``, put in front of new ones."""

    def __init__(self, cache: Any, start: int, rows: Tensor | None = None) -> None:
        self.cache = cache
        self.start = start
        self.rows = rows

    def update(
        self, keys: Tensor, values: Tensor, layer_idx: int, *args: Any, **kw: Any
    ) -> tuple[Tensor, Tensor]:
        """What an attention module calls: (b, heads, t - start, d) in, (b, heads, t, d) out."""
        layer = self.cache.layers[layer_idx]
        old_keys, old_values = layer.keys[:, :, : self.start], layer.values[:, :, : self.start]
        if self.rows is not None:
            old_keys, old_values = old_keys[self.rows], old_values[self.rows]
        return torch.cat([old_keys, keys], 2), torch.cat([old_values, values], 2)

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """Number of frozen columns."""
        return self.start


CACHE_NAMES = ("past_key_values", "layer_past", "past_key_value")
"""What blocks call their cache argument."""


def _from_column(name: str, value: Any, start: int, width: int, rows: Tensor | None) -> Any:
    """A block argument for ``width`` columns from ``start`` on, and for the chosen rows."""
    if value is None:
        return None
    if name == "attention_mask":
        return _columns(value, 2, start, width, rows)[..., : start + width]
    if name == "position_ids":
        return _columns(value, 1, start, width, rows)
    if name == "position_embeddings":
        return tuple(_columns(part, 1, start, width, rows) for part in value)
    return value


def _columns(tensor: Tensor, dim: int, start: int, width: int, rows: Tensor | None) -> Tensor:
    cut = tensor.narrow(dim, start, width)
    return cut[rows] if rows is not None and cut.shape[0] > 1 else cut


def resume(
    model: Model,
    tape: Tape,
    layer: int,
    hidden: Float[Tensor, "b t_rest d_model"],
    *,
    start: int = 0,
    stop: int | None = None,
    rows: Int[Tensor, " b"] | None = None,
    keep: Callable[[int, Tensor], None] | None = None,
) -> Float[Tensor, "b t_rest d_model"]:
    """Run blocks ``layer`` to ``stop`` (default: the last) on ``hidden``, its columns from ``start`` on.

    ``hidden`` may end before the taped columns do: no token sees a later one. Columns before ``start`` are
    taken, unchanged, from the tape's prefix; ``rows`` chooses rows of the taped pass (repeats allowed).
    ``keep(layer, hidden)`` sees the residual stream after each block.
    """
    frozen = FrozenPrefix(tape.prefix, start, rows) if start else None
    last = model.n_layers - 1 if stop is None else stop
    for index in range(layer, last + 1):
        arguments = {
            name: frozen if name in CACHE_NAMES else _from_column(name, value, start, hidden.shape[1], rows)
            for name, value in tape.calls[index].items()
        }
        hidden = hidden_of(model.blocks[index](hidden_states=hidden, **arguments))
        if keep:
            keep(index, hidden)
    return hidden
