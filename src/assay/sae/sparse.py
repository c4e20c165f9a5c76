"""Products with codes of which nearly all are zero, at the cost of those that are not."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import embedding_bag

NEAR, FAR = 256, 1 << 16
"""Pairs multiplied at a time: on a processor so few that they stay in its cache, elsewhere so many that it pays."""


def weighted_sums(
    group: Int[Tensor, " n"],
    source: Int[Tensor, " n"],
    weight: Float[Tensor, " n"],
    table: Float[Tensor, "m d"],
    groups: int,
) -> Float[Tensor, "groups d"]:
    """``out[g]`` = the sum of ``weight * table[source]`` over the entries of group g; ``group`` ascends."""
    begin = torch.searchsorted(group, torch.arange(groups, device=group.device))
    return embedding_bag(source, table, begin, mode="sum", per_sample_weights=weight)


def products(
    row: Int[Tensor, " n"],
    column: Int[Tensor, " n"],
    left: Float[Tensor, "a d"],
    right: Float[Tensor, "b d"],
) -> Float[Tensor, " n"]:
    """``left[row] . right[column]`` for every pair."""
    size = NEAR if left.device.type == "cpu" else FAR
    out = torch.empty(len(row), device=left.device)
    a, b = (torch.empty(min(size, len(row)), left.shape[1], device=left.device) for _ in range(2))
    for begin in range(0, len(row), size):
        some = row[begin : begin + size]
        x = torch.index_select(left, 0, some, out=a[: len(some)])
        y = torch.index_select(right, 0, column[begin : begin + size], out=b[: len(some)])
        out[begin : begin + size] = torch.linalg.vecdot(x, y)
    return out
