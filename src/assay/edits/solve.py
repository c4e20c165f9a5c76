"""From keys and values to a low-rank update, in float64: ROME, its corrected form, and the joint solve."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from assay.edits.delta import Update
from assay.edits.key_value import KeyValue
from assay.edits.moments import Moments
from assay.errors import ModelError
from assay.models.model import Model
from assay.settings import MomentSettings

SAME_KEY = 1e-10
"""Relative size of a singular value of the small matrix below which keys count as linearly dependent."""


def output(model: Model, layer: int, keys: Float[Tensor, "d_mlp n"]) -> Float[Tensor, "d_model n"]:
    """W keys + b of a down-projection as it is now, float64."""
    down = model.down(layer)
    weight = down.weight.double()
    out: Tensor = (weight.T if model.family.transposed else weight) @ keys.double()
    bias = getattr(down, "bias", None)
    return out if bias is None else out + bias.double()[:, None]


def rank_one(
    model: Model,
    kv: KeyValue,
    moments: Moments,
    variant: str = "r-rome",
    ridge: float = MomentSettings.ridge,
) -> Update:
    """ROME's update: W' k = v at the key k, with the least change on the corpus' keys.

    delta_W = (v - W k) u^T / (k . u), u = C^-1 k_mean. The corrected form takes k = k_mean throughout;
    the original takes k = k_bare outside u, and explodes where k_bare . u is tiny.
    """
    k = {"r-rome": kv.k_mean, "rome": kv.k_bare}[variant].double()
    u = moments.solve(kv.layer, kv.k_mean[:, None], ridge)[:, 0]
    left = (kv.v.double() - output(model, kv.layer, k[:, None])[:, 0]) / (k @ u)
    return Update(kv.layer, left[:, None], u[:, None])


def joint(
    model: Model,
    facts: Sequence[KeyValue],
    moments: Moments,
    weight: float = 0.0,
    ridge: float = MomentSettings.ridge,
) -> Update:
    """Several facts at one layer at once: delta_W = R K^T (weight C + K K^T)^-1 (Meng et al. 2023, eq. 14).

    Written with the small matrix: R (K^T C^-1 K + weight I)^-1 K^T C^-1. With weight 0 every key gets its
    value exactly, in the way that changes the corpus' outputs least (EMMET's equality constraint). Facts with
    one and the same key cannot all have their values: they get the mean of them.
    """
    layers = {kv.layer for kv in facts}
    if len(layers) != 1:
        raise ModelError(
            f"facts at layers {sorted(layers)}", "facts at one layer", "optimise them at one layer"
        )
    layer = layers.pop()
    keys = torch.stack([kv.k_mean.double() for kv in facts], 1)
    values = torch.stack([kv.v.double() for kv in facts], 1)
    right = moments.solve(layer, keys, ridge)
    gram = keys.T @ right
    system = gram + weight * torch.eye(len(facts), dtype=torch.float64, device=gram.device)
    left = (values - output(model, layer, keys)) @ torch.linalg.pinv(system, rtol=SAME_KEY, hermitian=True)
    return Update(layer, left, right)
