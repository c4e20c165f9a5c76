"""The half of a coder in which libraries differ most; the gated kind in JumpReLU's words, centred inputs folded in."""

from dataclasses import dataclass, replace

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


def centred(encoder: Encoder, b_dec: Float[Tensor, " d_in"] | None) -> Encoder:
    """The encoder that makes of x what this one makes of x less its mean over the d_in coordinates.

    With P for "less its mean", ``(P x - b_dec) W + b`` is ``(x - b_dec) P W + b - mean(b_dec) sum(W)``; ``b_dec`` is
    None where it is not taken from the input.
    """
    W_enc, b_enc = encoder.W_enc.double(), encoder.b_enc.double()
    if b_dec is not None:
        b_enc = b_enc - b_dec.double().mean() * W_enc.sum(dim=0)
    return replace(encoder, W_enc=(W_enc - W_enc.mean(dim=0)).float(), b_enc=b_enc.float())
