"""Labels for all features at once: the first pass, the second one, and the order in which people should look."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from assay.events import stage
from assay.features.labels.automatic import Deciding, automatic_labels
from assay.features.labels.book import Labelled
from assay.features.labels.concepts import read_label
from assay.features.labels.relabel import clipped, relabel
from assay.features.material import Material

if TYPE_CHECKING:
    import pandas as pd

QUEUE = (
    "mislabelled",
    "used but tangled",
    "too broad",
    "mislabelled and unused",
    "undecided",
    "ideal",
    "broad detector",
    "decorative",
)
"""Readings in the order of what a better label would gain; the others (dead, noise) are not looked at."""


def label_all(material: Material) -> list[Labelled]:
    """First labels of all live features that a user has not labelled; kept in the book, on top of what the second
    pass found earlier (``book.history`` has it)."""
    m = material
    found = automatic_labels(m.whole_index, m.whole_bank, m.embed, m.text, m.emit)
    held = {feature for feature in m.book if m.book[feature].source == "user"}
    new = [one for one in found if one.feature not in held]
    m.book.add(new)
    return new


def relabel_all(material: Material, features: Sequence[int] | None = None) -> list[Labelled]:
    """Better labels where the second pass finds any, of the features that a user has not labelled, by default of
    all live ones; kept. Raises Mismatch for a feature that does not exist."""
    m = material
    if features is None:
        features = np.flatnonzero(np.diff(m.whole_index.arrays["begin"]) > 0).tolist()
    for feature in features:
        m.sae.check_feature(feature)
    deciding = Deciding(m.whole_bank, m.embed)
    new = []
    with stage(m.emit, "relabel", "second pass over labels", len(features)) as tick:
        for done, feature in enumerate(features, 1):
            old = m.book.get(feature)
            if old is None or old.source != "user":
                better = relabel(m.whole_index, m.text, deciding, feature, old.label if old else None)
                new += [better] if better else []
            tick(done)
    m.book.add(new)
    return new


@dataclass(frozen=True)
class Suggested:
    """What the second pass made of one feature."""

    old: Labelled | None
    """Its label before, with its figures on the deciding sentences; None where it had none."""
    new: Labelled | None
    """The better one, which was kept; None where none was found."""

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dict; ``interp`` is the InterpScore by which the two are compared, None where there is none."""
        return {name: _figured(one) for name, one in (("old", self.old), ("new", self.new))}


def _figured(one: Labelled | None) -> dict[str, Any] | None:
    return None if one is None else {**asdict(one), "interp": clipped(one.figures.get("d"))}


def suggest(material: Material, feature: int) -> Suggested:
    """``relabel_all`` of one feature, with what the label that it had is worth on the same sentences."""
    m = material
    old = m.book.get(m.sae.check_feature(feature))
    if old is not None:
        old = replace(old, figures=Deciding(m.whole_bank, m.embed).figures(feature, read_label(old.label)))
    return Suggested(old, next(iter(relabel_all(m, [feature])), None))


def review_queue(table: "pd.DataFrame") -> "pd.DataFrame":
    """The live features in the order in which their labels deserve a look: coherent and load-bearing but mislabelled
    ones first, decorative ones last; of one reading those that the model uses most first."""
    rank = {name: place for place, name in enumerate(QUEUE)}
    live = table[table["leaning"].isin(rank)].copy()
    live["place"] = live["leaning"].map(rank)
    ordered = live.sort_values(["place", "ratio"], ascending=[True, False], kind="stable")
    return ordered.drop(columns="place")
