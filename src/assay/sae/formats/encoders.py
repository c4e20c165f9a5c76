"""The half of a coder in which libraries differ most, and the gated kind in JumpReLU's words."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from assay.sae.coder import Architecture


@dataclass(frozen=True, eq=False)
class Encoder:
    """The encoder's fields of an ``SAE``, which proves their shapes."""

    architecture: Architecture
    W_enc: Tensor
    b_enc: Tensor
    threshold: Tensor | None = None
    k: int | None = None


def gated(
    W_enc: Float[Tensor, "d_in d_sae"],
    r_mag: Float[Tensor, " d_sae"],
    b_mag: Float[Tensor, " d_sae"],
    b_gate: Float[Tensor, " d_sae"],
) -> Encoder:
    """The JumpReLU encoder that is the same function of x: with z = x @ W_enc, the magnitude
    ``exp(r_mag) z + b_mag`` passes where the gate ``z + b_gate`` is positive, that is where the magnitude exceeds
    ``b_mag - exp(r_mag) b_gate``.

    The two can differ where a gate is within rounding of 0.
    """
    gain = r_mag.exp()
    return Encoder("jumprelu", W_enc * gain, b_mag, threshold=b_mag - gain * b_gate)
