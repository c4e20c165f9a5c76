"""The residual stream of text after a block, for training, evaluation and the index: no later block runs."""

from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float32
from torch import Tensor

from assay.errors import ModelError
from assay.models.forward import forward, pack
from assay.models.model import Model
from assay.settings import SaeSettings


@torch.no_grad()
def residual(model: Model, layer: int, rows: Sequence[Sequence[int]]) -> Float32[Tensor, "n d_model"]:
    """The residual stream after a block, of all tokens of some rows in turn.

    ``rows`` come without the start token: it is put in front here, and its own vector is left out.
    """
    lead = [] if model.start is None else [model.start]
    whole = [[*lead, *row] for row in rows]
    batch, _ = pack(model, whole)
    hidden = forward(model, batch, block_out=(layer,), stop=layer).block_out[layer]
    x = torch.cat([hidden[i, len(lead) : len(row)] for i, row in enumerate(whole)]).float()
    if not torch.isfinite(x).all():
        raise ModelError(
            f"{model.id} gives activations that are not finite at layer {layer}",
            "finite numbers",
            f"load it in another dtype than {model.dtype}, or check its weights",
        )
    return x


def ordinary_tokens(x: Float32[Tensor, "n d_model"]) -> Bool[Tensor, " n"]:
    """Which vectors are not of outlying norm: at most ten times (``SaeSettings.outlier``) the median of all given.

    The others are attention sinks, not text: an autoencoder is not trained on them, and thousands of its features
    fire on each, many times as strongly as on any word.
    """
    norms: Tensor = torch.linalg.vector_norm(x, dim=-1)
    return norms <= SaeSettings.outlier * norms.median()
