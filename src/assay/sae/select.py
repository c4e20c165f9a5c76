"""BatchTopK's choice: of all activations of a batch, the n largest, without sorting them.

The encoder runs over a few hundred tokens at a time. What lies above a floor, a little under the last batch's
n-th largest value, is kept as candidates, and the exact n-th largest is found among those few. A floor that
let too few through is lowered and the batch is encoded again, so the result never depends on it.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

BLOCK = 512
"""Tokens encoded at a time: its block of activations stays near the processor."""
MARGIN = 0.93
"""Floor over the last batch's n-th largest value."""


@dataclass(frozen=True, eq=False)
class Chosen:
    """The activations that a batch keeps, ordered by token and then by feature."""

    row: Int[Tensor, " n"]
    feature: Int[Tensor, " n"]
    value: Float[Tensor, " n"]
    """Positive, float32."""
    smallest: float
    """The least value kept; 0 when nothing is."""
    watched: Float[Tensor, "batch w"]
    """All activations, before the choice, of the features that were asked for."""


def batch_topk(
    x: Float[Tensor, "batch d"],
    w: Float[Tensor, "f d"],
    b: Float[Tensor, " f"],
    n: int,
    guess: float | None,
    watch: Int[Tensor, " w"],
) -> Chosen:
    """The ``n`` largest of relu(x w^T + b), equal ones in order of place; all positive ones if there are fewer.

    ``guess`` is about the n-th largest value: it changes the speed, not the result. The computation is in the
    dtype of ``x``.
    """
    floor = max(0.0, MARGIN * guess) if guess is not None else _first_guess(x, w, b, n)
    while True:
        place, value, watched = _candidates(x, w, b, floor, watch)
        if len(value) >= n or floor == 0:
            break
        floor = floor * 0.8 if floor > 1e-3 else 0.0
    if len(value) > n:
        cut = value.topk(n, sorted=False).values.min()
        keep = value > cut
        ties = (value == cut).nonzero()[:, 0][: n - int(keep.sum())]
        keep[ties] = True
        place, value = place[keep], value[keep]
    smallest = float(value.min()) if len(value) else 0.0
    return Chosen(place // len(w), place % len(w), value, smallest, watched)


def _candidates(
    x: Tensor, w: Tensor, b: Tensor, floor: float, watch: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """(flat place, value) of everything above the floor, and the watched columns."""
    features = len(w)
    block = torch.empty(min(BLOCK, len(x)), features, dtype=x.dtype, device=x.device)
    above = torch.empty_like(
        block
    )  # 0 or 1: torch compares several times faster into the same dtype than to bool
    places, values, watched = [], [], []
    for begin in range(0, len(x), BLOCK):
        part = x[begin : begin + BLOCK]
        out, mask = block[: len(part)], above[: len(part)]
        torch.addmm(b, part, w.T, out=out)
        torch.gt(out, floor, out=mask)
        place = _nonzero(mask.view(-1))
        places.append(place + begin * features)
        values.append(out.view(-1)[place].float())
        watched.append(out[:, watch].float())
    return torch.cat(places), torch.cat(values), torch.cat(watched)


def _nonzero(mask: Tensor) -> Tensor:
    """Places of the numbers that are not 0, looked for 8 bytes at a time: nearly all are 0."""
    several = 8 // mask.element_size()
    if len(mask) % several:
        return mask.nonzero()[:, 0]
    word = mask.view(torch.int64).nonzero()[:, 0]
    inside = mask.view(-1, several)[word].nonzero()
    return word[inside[:, 0]] * several + inside[:, 1]


def _first_guess(x: Tensor, w: Tensor, b: Tensor, n: int) -> float:
    """A floor from a few tokens, for the first batch."""
    some = x[:: max(1, len(x) // 32)]
    pre = torch.addmm(b, some, w.T).float().flatten()
    rank = min(pre.numel(), max(1, round(1.3 * n * len(some) / len(x))))
    return max(0.0, float(pre.topk(rank, sorted=False).values.min()))
