"""How far features moved between two readings of the residual stream at the same tokens."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from assay.sae.coder import CHUNK, SAE


@dataclass(frozen=True, eq=False)
class Shift:
    """Every feature's change over some texts; each text counts alike, and in it each token."""

    change: Float32[Tensor, " d_sae"]
    """Mean |change of activation|, in the coder's own unit."""
    active_before: Bool[Tensor, " d_sae"]
    """Active at any of the tokens."""
    active_after: Bool[Tensor, " d_sae"]
    length: float
    """Mean length of the residual stream's change."""
    relative: float
    """Mean of that length over the length of the stream before."""
    explained: float | None
    """1 - |change of the stream - what the features' changes add up to|^2 / |change of the stream|^2, both means;
    None when the stream did not change."""
    cosine: float | None
    """Between the change of the stream and what the features' changes add up to, over all tokens: whether the two
    point the same way, whatever their lengths. None when either is 0."""


@torch.no_grad()
def shift_of(
    sae: SAE,
    before: Sequence[Float32[Tensor, "_ d_in"]],
    after: Sequence[Float32[Tensor, "_ d_in"]],
) -> Shift:
    """From ``before`` to ``after``, a pair of tensors for each text with a row for each token.

    Works through the tokens in blocks, so the memory it needs does not grow with their number.
    """
    weights = torch.cat([torch.full((len(x),), 1 / (len(before) * len(x))) for x in before]).to(sae.W_dec)
    x, y = torch.cat(list(before)), torch.cat(list(after))
    change = torch.zeros(sae.d_sae, device=x.device)
    active = torch.zeros(2, sae.d_sae, dtype=torch.bool, device=x.device)
    error, along, own = (torch.empty(len(x), device=x.device) for _ in range(3))
    rows = max(1, CHUNK // (2 * sae.d_sae))
    for at in range(0, len(x), rows):
        some = slice(at, at + rows)
        old, new = sae.encode(x[some]), sae.encode(y[some])
        moved = new - old
        change += weights[some] @ moved.abs()
        active[0] |= (old > 0).any(0)
        active[1] |= (new > 0).any(0)
        told = moved @ sae.W_dec / sae.scale
        whole = y[some] - x[some]
        error[some] = (whole - told).square().sum(-1)
        along[some], own[some] = (whole * told).sum(-1), told.square().sum(-1)
    length = (y - x).norm(dim=-1)
    energy = float(weights @ length.square())
    sizes = energy * float(weights @ own)
    return Shift(
        change,
        active[0],
        active[1],
        length=float(weights @ length),
        relative=float(weights @ (length / x.norm(dim=-1))),
        explained=1 - float(weights @ error) / energy if energy > 0 else None,
        cosine=float(weights @ along) / sizes**0.5 if sizes > 0 else None,
    )
