"""What is measured of an autoencoder on held-out text: one record."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Evaluation:
    """Figures over the tokens of held-out documents, start tokens left out."""

    tokens: int
    """How many tokens codes were measured on."""
    l0: float
    """Active features per token, mean, tokens of outlying norm left out as in all figures that do not say otherwise."""
    l0_p5: float
    """The same, 5th percentile over tokens."""
    l0_p95: float
    """The same, 95th percentile over tokens."""
    l0_all: float
    """The mean with all tokens."""
    ev: float
    """Explained variance, 1 - FVU: squared error over squared distance from the mean, tokens of outlying norm
    left out; 1 is perfect, below 0 is worse than the mean."""
    ev_all: float
    """The same with all tokens."""
    outliers: int
    """Tokens whose norm is above ten times the median."""
    ce_tokens: int
    """How many next tokens the model's loss was measured on."""
    ce: float
    """Cross entropy of the model as it is, nats per token."""
    ce_spliced: float
    """The same with the reconstruction in the place of the residual stream."""
    ce_zero: float
    """The same with zeros there."""
    ce_mean: float
    """The same with the mean of the held-out tokens there."""
    recovered_zero: float | None
    """(ce_zero - ce_spliced) / (ce_zero - ce); None where zeros do no harm."""
    recovered_mean: float | None
    """(ce_mean - ce_spliced) / (ce_mean - ce); None where the mean does no harm."""
    dead: float
    """Share of features that fired on none of these tokens; a rare feature counts as dead when tokens are few."""
    dense: float
    """Share of features that fired on more than a tenth of them."""
    density: tuple[tuple[float, int], ...]
    """(log10 of the lower end of the bin, features in it), half a decade a bin; features that never fired are in
    no bin."""

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dict."""
        return asdict(self)
