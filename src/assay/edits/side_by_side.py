"""Several edits in one batch: each row sees the weights with its own edits, and the weights stay as they are.

Small batches are bound by reading the weights, so that five states of a model cost little more than one when their
rows run together. An edit is low-rank: what it adds to a down-projection's output is two thin products. The
slow obvious version applies one edit after another (``Edit.applied``).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from assay.edits.delta import Edit
from assay.models.forward import hooks
from assay.models.model import Model

Stack = tuple[Edit, ...]
"""Edits that hold at the same time; none for the unedited model."""


@contextmanager
def side_by_side(model: Model, stacks: Sequence[Stack]) -> Iterator[None]:
    """Inside, row i of every batch runs with the edits of ``stacks[i]``; batches have ``len(stacks)`` rows.

    The factors are added in the model's dtype, where ``Edit.applied`` rounds the sum of weight and change: in
    float32 log-probabilities agree to about 1e-5 nats.
    """
    edits = {id(edit): edit for stack in stacks for edit in stack}
    handles = []
    for edit in edits.values():
        edit.check(model)
    for layer in sorted({update.layer for edit in edits.values() for update in edit.updates}):
        factors = [
            (key, update) for key, edit in edits.items() for update in edit.updates if update.layer == layer
        ]
        left = torch.cat([u.left.to(model.device, model.dtype) for _, u in factors], 1)
        right = torch.cat([u.right.to(model.device, model.dtype) for _, u in factors], 1)
        owner = [key for key, u in factors for _ in range(u.left.shape[1])]
        mine = torch.tensor([[float(key in {id(e) for e in stack}) for key in owner] for stack in stacks])
        handles.append(
            model.down(layer).register_forward_hook(_adding(left, right, mine.to(left)[:, None, :]))
        )
    with hooks(handles):
        yield


def _adding(left: Tensor, right: Tensor, mine: Tensor) -> Any:
    """A hook: output + left (mine * right^T input), row by row. Some families hand rows and columns over in
    one dimension, rows first."""

    def hook(module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> Tensor:
        rows = len(mine)
        keys = args[0].view(rows, -1, args[0].shape[-1])
        return output + (((keys @ right) * mine) @ left.T).view_as(output)

    return hook
