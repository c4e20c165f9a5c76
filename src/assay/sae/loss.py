"""One batch's loss and gradients, by hand where nearly all codes are zero.

The loss is the squared error summed over a token's dimensions, averaged over tokens. Only the encoder's forward
product is dense: everything behind the choice of the largest activations costs what those activations cost.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from assay.sae.select import batch_topk
from assay.sae.sparse import products, weighted_sums
from assay.sae.weights import Weights


@dataclass(frozen=True, eq=False)
class Step:
    """What one batch says."""

    gradients: tuple[Tensor, Tensor, Tensor, Tensor]
    """Of the weights, in the order of ``assay.sae.weights.NAMES``."""
    error: float
    """Squared error per token, summed over dimensions."""
    l0: float
    """Active features per token."""
    fired: Bool[Tensor, " f"]
    """Which features were active at least once."""
    smallest: float
    """The least activation kept."""


@torch.no_grad()
def batchtopk_step(
    weights: Weights,
    x: Float[Tensor, "b d"],
    k: int,
    dead: Int[Tensor, " w"],
    *,
    aux: float,
    dtype: torch.dtype,
    guess: float | None = None,
) -> Step:
    """BatchTopK: the ``k * b`` largest activations of the batch reconstruct it; dead features what is left.

    ``dtype`` is the encoder's; see ``batch_topk`` for ``guess``.
    """
    features, n = len(weights.enc), len(x)
    chosen = batch_topk(x.to(dtype), weights.enc.to(dtype), weights.b_enc.to(dtype), k * n, guess, watch=dead)
    row, feature, value = chosen.row, chosen.feature, chosen.value
    error = weighted_sums(row, feature, value, weights.dec, n) + weights.b_dec - x
    g = error * (2 / n)
    d_value = products(row, feature, g, weights.dec)
    by_feature = torch.argsort(feature, stable=True)
    feature, row = feature[by_feature], row[by_feature]
    value, d_value = value[by_feature], d_value[by_feature]
    d_dec = weighted_sums(feature, row, value, g, features)
    d_enc = weighted_sums(feature, row, d_value, x, features)
    d_b_enc = torch.zeros_like(weights.b_enc).index_add_(0, feature, d_value)
    gradients = (d_enc, d_dec, d_b_enc, g.sum(0))
    if len(dead):
        _revive(weights, x, error, chosen.watched, dead, aux, dtype, gradients)
    return Step(
        gradients,
        float(error.square().sum()) / n,
        len(value) / n,
        torch.bincount(feature, minlength=features) > 0,
        chosen.smallest,
    )


def _revive(
    weights: Weights,
    x: Tensor,
    error: Tensor,
    pre: Tensor,
    dead: Tensor,
    aux: float,
    dtype: torch.dtype,
    gradients: tuple[Tensor, Tensor, Tensor, Tensor],
) -> None:
    """Add the gradients of aux-k: the d/2 strongest dead features of each token learn to write its error."""
    most = x.shape[1] // 2
    z = pre.relu()
    if len(dead) > most:
        best = z.topk(most, dim=-1, sorted=False)
        z = torch.zeros_like(z).scatter_(-1, best.indices, best.values)
    z, dec = z.to(dtype), weights.dec[dead].to(dtype)
    g = (((z @ dec).float() + error) * (2 * aux / len(x))).to(dtype)
    d_z = (g @ dec.T).where(z > 0, 0)
    d_enc, d_dec, d_b_enc, _ = gradients
    d_enc[dead] += (d_z.T @ x.to(dtype)).float()
    d_dec[dead] += (z.T @ g).float()
    d_b_enc[dead] += d_z.float().sum(0)


def relu_step(weights: Weights, x: Float[Tensor, "b d"], l1: float, *, dtype: torch.dtype) -> Step:
    """The baseline: every positive activation counts, and their sum is charged ``l1`` a unit.

    Half of all activations are positive at first, so nothing is gained by leaving the zeros out.
    """
    leaves = [tensor.detach().requires_grad_() for tensor in weights.tensors()]
    enc, dec, b_enc, b_dec = leaves
    with torch.enable_grad():
        codes = torch.addmm(b_enc.to(dtype), x.to(dtype), enc.to(dtype).T).relu()
        error = (codes @ dec.to(dtype)).float() + b_dec - x
        squared = error.square().sum() / len(x)
        loss = squared + l1 * codes.float().sum() / len(x)
    d_enc, d_dec, d_b_enc, d_b_dec = torch.autograd.grad(loss, leaves)
    active = codes.detach() > 0
    return Step(
        (d_enc, d_dec, d_b_enc, d_b_dec),
        float(squared.detach()),
        float(active.sum()) / len(x),
        active.any(0),
        0.0,
    )
