"""The residual stream that an autoencoder reads: only the blocks up to its layer run."""

from collections.abc import Sequence

import torch
from jaxtyping import Float32
from torch import Tensor

from assay.errors import InputError, ModelError
from assay.models.forward import forward, pack
from assay.models.model import Model
from assay.sae.coder import SAE


def layer_read(model: Model, sae: SAE, layer: int | None = None) -> int:
    """The layer that the autoencoder reads in this model: its own word, else ``layer``.

    Raises InputError where nobody says, Mismatch where the two do not fit, ModelError for a layer that the
    model has not.
    """
    chosen = sae.layer if layer is None else layer
    if chosen is None:
        raise InputError(
            f"the SAE {sae.id}, which does not say which layer it reads",
            "the number of a block, counted from 0",
            "name it with --layer",
        )
    sae.check(model.d_model, chosen)
    return model.check_layer(chosen)


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
