"""Before an edit: how much of the subject's last token is carried by features of low purity.

An edit of the subject moves what stands there. A feature of low purity stands for several things, so that moving
it moves all of them.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from assay.errors import RequestError
from assay.features.footprint import NOTHING, top
from assay.features.known import UNKNOWN, Features, Known, Shares, shares
from assay.features.streams import Text, layer_of, read
from assay.models.model import Model
from assay.sae.coder import SAE
from assay.settings import FeatureSettings


@dataclass(frozen=True)
class Carrier:
    """One feature that is active at the subject's last token."""

    feature: int
    known: Known
    share: float
    """Length of its contribution to the residual stream there, of the sum over all features."""

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dict, flat."""
        own = asdict(self)
        return {**own.pop("known"), **own}


@dataclass(frozen=True)
class Carried:
    """What carries the subject in the unedited model."""

    sae: str
    layer: int
    """The autoencoder reads after this block."""
    n: int
    """Prompts with the subject; contributions are summed over them."""
    purity: Shares | None
    """The contributions by the purity of their features; None when no feature is active."""
    low_purity: float | None
    """Share of low purity among those of known purity; None where too little is known."""
    warning: str | None
    """A sentence when ``low_purity`` is above its setting."""
    reason: str | None
    """Why nothing can be said; None when it can."""
    features: tuple[Carrier, ...] = ()
    """Those that carry most, in that order."""

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dict."""
        return {**asdict(self), "features": [row.to_json() for row in self.features]}


@torch.no_grad()
def carried(
    model: Model,
    sae: SAE,
    subject: Sequence[Text],
    known: Features = NOTHING,
    settings: FeatureSettings | None = None,
) -> Carried:
    """What carries the subject's last token (the first one looked at in each text), in the model as it is.

    A feature's part is the length of its contribution, activation x length of its direction. Raises Mismatch for
    an autoencoder of another model, RequestError without prompts.
    """
    settings = settings or FeatureSettings()
    layer = layer_of(model, sae)
    if not subject:
        raise RequestError("no prompt with the subject", "one that holds it exactly once", "add one")
    last = torch.stack([x[0] for x in read(model, layer, subject)])
    parts = sae.encode(last).sum(0) * sae.W_dec.norm(dim=1) / sae.scale
    by_purity = shares(parts, known)
    low = by_purity.low_of_known(settings) if by_purity else None
    total = float(parts.sum())
    return Carried(
        sae.id,
        layer,
        len(subject),
        by_purity,
        low,
        warning=_warning(low, layer, settings),
        reason=_reason(by_purity, low, known, settings),
        features=tuple(
            Carrier(feature, known.get(feature, UNKNOWN), float(parts[feature]) / total)
            for feature in top(parts, settings.footprint_top)
        ),
    )


def _warning(low: float | None, layer: int, settings: FeatureSettings) -> str | None:
    if low is None or low <= settings.carried_low:
        return None
    return (
        f"Features of low purity carry {low:.0%} of what the SAE reads at the subject's last token after block "
        f"{layer} (a warning from {settings.carried_low:.0%} on): an edit of this subject is likely to move other "
        "things that they stand for. Look at RippleBench and the footprint."
    )


def _reason(
    by_purity: Shares | None, low: float | None, known: Features, settings: FeatureSettings
) -> str | None:
    if by_purity is None:
        return "no feature is active at the subject's last token"
    if low is not None:
        return None
    if not known:
        return "the purity of this SAE's features is not known"
    return (
        f"purity is known of features that carry {by_purity.known:.0%} of the subject's last token, "
        f"wanted {settings.carried_known:.0%}"
    )
