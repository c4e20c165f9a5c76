"""The weights in training: float32, rows are features, and the SAE that they become."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from assay.sae.coder import SAE
from assay.settings import SaeSettings

NAMES = ("enc", "dec", "b_enc", "b_dec")


@dataclass(frozen=True, eq=False)
class Weights:
    """pre = x enc^T + b_enc and x = codes dec + b_dec, on centred and scaled activations. Changed in place."""

    enc: Float[Tensor, "f d"]
    dec: Float[Tensor, "f d"]
    """Rows of unit length."""
    b_enc: Float[Tensor, " f"]
    b_dec: Float[Tensor, " d"]

    def tensors(self) -> list[Tensor]:
        """The four, in the order of NAMES."""
        return [getattr(self, name) for name in NAMES]


def first_weights(d_in: int, settings: SaeSettings, device: torch.device | str = "cpu") -> Weights:
    """Random directions, the encoder the decoder's transpose: each feature starts by reading what it writes."""
    generator = torch.Generator().manual_seed(settings.seed)
    dec = torch.randn(settings.features, d_in, generator=generator)
    dec = (dec / dec.norm(dim=-1, keepdim=True)).to(device)
    zeros = (torch.zeros(n, device=device) for n in (settings.features, d_in))
    return Weights(dec.clone(), dec, *zeros)


@torch.no_grad()
def as_sae(
    weights: Weights,
    threshold: float | None,
    mean: Float[Tensor, " d_in"],
    scale: float,
) -> SAE:
    """The coder of the model's own activations: ``mean`` and ``scale`` of the training data moved into it.

    With a threshold it is a JumpReLU, without a ReLU.
    """
    enc, dec, b_enc, b_dec = (tensor.cpu() for tensor in weights.tensors())
    return SAE(
        id="trained",
        architecture="relu" if threshold is None else "jumprelu",
        W_enc=enc.T,
        b_enc=b_enc + enc @ b_dec,  # the coder takes b_dec from its input, training does not
        W_dec=dec,
        b_dec=b_dec + mean * scale,
        threshold=None if threshold is None else torch.full((len(enc),), threshold),
        scale=scale,
    ).folded()
