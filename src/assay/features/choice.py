"""Some rows of the table of all features: filtered, searched, sorted."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from assay.errors import InputError
from assay.features.labelling import review_queue
from assay.features.table import NAMES

if TYPE_CHECKING:
    import pandas as pd

NOISE = ("dead", "dead or noise")
"""Readings that are left out unless they are asked for."""


def chosen_features(
    table: "pd.DataFrame",
    *,
    sort: str = "mui",
    reading: str | None = None,
    search: str | None = None,
    review: bool = False,
    noise: bool = False,
) -> "pd.DataFrame":
    """Rows in the order of a column, the largest value first and missing ones last, or in that of the review queue.

    ``reading`` keeps one reading, ``search`` labels that hold a text (letter case aside). Raises InputError for a
    column or a reading that does not exist.
    """
    known("column", sort, list(table.columns))
    found = table
    if reading is not None:
        known("reading", reading, NAMES)
        found = found[found["name"] == reading]
    elif not noise:
        found = found[~found["name"].isin(NOISE)]
    if search is not None:
        found = found[small(found["label"]).str.contains(search.lower(), regex=False)]
    if review:
        return review_queue(found)
    return found.sort_values(sort, ascending=False, na_position="last", kind="stable")


def known(what: str, name: str, names: Sequence[str]) -> str:
    """The name itself, or InputError unless it is one of these."""
    if name in names:
        return name
    near = get_close_matches(name[:200], names, n=1, cutoff=0.4)
    raise InputError(
        f"{what} {name[:200]!r}",
        "one of " + ", ".join(names),
        f"did you mean {near[0]}?" if near else "choose one of these",
    )


def small(labels: "pd.Series") -> "pd.Series":
    """Labels in lower case, as they are searched; an empty one where there is none."""
    return labels.astype("string").fillna("").str.lower()
