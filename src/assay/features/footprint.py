"""The feature footprint of an edit: which features of an autoencoder it moved, on the subject and elsewhere.

What moves is the residual stream after the autoencoder's block. A feature's change is measured by its length in
that stream, |change of activation| x length of the feature's direction, so that features whose activations have
other units can be ranked together. Means are over prompts, within a prompt over its tokens.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from jaxtyping import Float32
from torch import Tensor

from assay.edits.delta import Edit
from assay.errors import RequestError
from assay.features.known import UNKNOWN, Features, Known, Shares, shares
from assay.features.shift import shift_of
from assay.features.streams import Text, layer_of, read_twice
from assay.models.model import Model
from assay.sae.coder import SAE
from assay.settings import FeatureSettings

NOTHING: Features = {}

STATES: Mapping[tuple[bool, bool], str] = {
    (False, True): "born",
    (True, False): "silenced",
    (True, True): "active",
    (False, False): "silent",
}
"""Whether a feature is active anywhere on the subject before the edit, and after it, to what that is called."""


@dataclass(frozen=True)
class Moved:
    """One feature that the edit moved."""

    feature: int
    known: Known
    state: str
    """One of STATES."""
    subject_before: float
    """Activation at the subject's last token, mean over prompts, in the autoencoder's own unit."""
    subject_after: float
    end_before: float
    """Likewise at the last token of the prompt."""
    end_after: float
    on_subject: float
    """Length of its change, mean from the subject's last token on, in units of the residual stream."""
    elsewhere: float
    """Likewise over all tokens of the other prompts."""

    @property
    def selectivity(self) -> float:
        """1 when it moved on the subject only, 0.5 when as much elsewhere, 0 when elsewhere only."""
        return self.on_subject / (self.on_subject + self.elsewhere)

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dict, flat."""
        own = asdict(self)
        return {**own.pop("known"), **own, "selectivity": self.selectivity}


@dataclass(frozen=True)
class Totals:
    """The whole footprint in a few figures."""

    length_on_subject: float
    """Length of the residual stream's change, mean from the subject's last token on."""
    length_elsewhere: float
    """Likewise over all tokens of the other prompts."""
    relative_on_subject: float
    """Length of the change over the length of the unedited stream, token by token, then the mean."""
    relative_elsewhere: float
    explained: float | None
    """Share of the squared length of the change on the subject that the features' changes add up to. Below 0 where
    the autoencoder's error changes by more than the stream does; the rest is in that error. None when nothing
    changed."""
    cosine: float | None
    """Between the change of the stream on the subject and what the features' changes add up to; None when either
    is 0."""
    born: int
    """Features that moved by more than the setting and are active on the subject after the edit only."""
    silenced: int
    """Those that are active before the edit only."""
    moved: int
    """Those that are active in both."""
    purity: Shares | None
    """The features' changes on the subject, summed, by their purity. None when none changed."""


@dataclass(frozen=True)
class Footprint:
    """What an edit did to the features of one autoencoder, or the reason why that is undefined."""

    sae: str
    layer: int
    """The autoencoder reads after this block."""
    edit_layer: int
    """The lowest edited block."""
    n_subject: int
    """Prompts with the subject."""
    n_elsewhere: int
    reason: str | None = None
    """Why there is no footprint; then there are no totals and no features."""
    totals: Totals | None = None
    on_subject: tuple[Moved, ...] = ()
    """Those that moved most on the subject, in that order."""
    elsewhere: tuple[Moved, ...] = ()
    """Those that moved most elsewhere."""
    low_purity: float | None = None
    """Share of the change on the subject that features of low purity carry, among those of known purity; None
    where too little is known."""

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dict."""
        lists = {name: [row.to_json() for row in getattr(self, name)] for name in ("on_subject", "elsewhere")}
        return {**asdict(self), **lists}


def footprint(
    model: Model,
    edits: Sequence[Edit],
    sae: SAE,
    subject: Sequence[Text],
    elsewhere: Sequence[Text],
    known: Features = NOTHING,
    settings: FeatureSettings | None = None,
) -> Footprint:
    """Which features the edits moved, all applied together; the model is unchanged afterwards.

    ``subject`` are prompts about it (``streams.on_subject``), ``elsewhere`` neutral ones (``streams.whole``).
    An autoencoder below the edit sees nothing of it: then the footprint has a reason in the place of figures.
    Raises Mismatch for an autoencoder or edits of another model, RequestError without prompts of both kinds.
    """
    settings = settings or FeatureSettings()
    layer, lowest = layer_of(model, sae), min(edit.layer for edit in edits)
    if not subject or not elsewhere:
        raise RequestError(
            f"{len(subject)} prompts with the subject and {len(elsewhere)} others",
            "at least one of each; a prompt about the subject holds it exactly once",
            "add prompts",
        )
    about = (sae.id, layer, lowest, len(subject), len(elsewhere))
    if layer < lowest:
        return Footprint(
            *about,
            reason=f"the SAE reads block {layer}, below the edited block {lowest}: nothing that it reads can move",
        )
    before, after = read_twice(model, edits, layer, [*subject, *elsewhere])
    n = len(subject)
    here, there = shift_of(sae, before[:n], after[:n]), shift_of(sae, before[n:], after[n:])
    unit = sae.W_dec.norm(dim=1) / sae.scale
    on, off = here.change * unit, there.change * unit
    was, now = here.active_before, here.active_after
    ends = [
        torch.stack([x[at] for x in side]) for at in (0, -1) for side in (before[:n], after[:n])
    ]  # subject before, subject after, end before, end after
    means = [sae.encode(x).mean(0) for x in ends]

    def row(feature: int) -> Moved:
        return Moved(
            feature,
            known.get(feature, UNKNOWN),
            STATES[bool(was[feature]), bool(now[feature])],
            *(float(mean[feature]) for mean in (*means, on, off)),
        )

    large = on > settings.footprint_moved * here.length
    by_purity = shares(on, known)
    return Footprint(
        *about,
        totals=Totals(
            here.length,
            there.length,
            here.relative,
            there.relative,
            here.explained,
            here.cosine,
            born=int((large & ~was & now).sum()),
            silenced=int((large & was & ~now).sum()),
            moved=int((large & was & now).sum()),
            purity=by_purity,
        ),
        on_subject=tuple(row(feature) for feature in top(on, settings.footprint_top)),
        elsewhere=tuple(row(feature) for feature in top(off, settings.footprint_top)),
        low_purity=by_purity.low_of_known(settings) if by_purity else None,
    )


def top(values: Float32[Tensor, " d_sae"], n: int) -> list[int]:
    """The features of the ``n`` largest values, the largest first; features of value 0 are never among them."""
    found = values.topk(min(n, len(values)))
    return [int(i) for i, value in zip(found.indices, found.values, strict=True) if value > 0]
