"""Some rows of the table of all features: filtered, searched, sorted."""

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
    if sort not in table:
        near = get_close_matches(sort, table.columns, n=1, cutoff=0.4)
        raise InputError(
            f"column {sort!r}",
            "one of " + ", ".join(table.columns),
            f"did you mean {near[0]}?" if near else "choose one of these",
        )
    found = table
    if reading is not None:
        if reading not in NAMES:
            near = get_close_matches(reading, NAMES, n=1, cutoff=0.4)
            raise InputError(
                f"reading {reading!r}",
                "one of " + ", ".join(NAMES),
                f"did you mean {near[0]}?" if near else "choose one of these",
            )
        found = found[found["name"] == reading]
    elif not noise:
        found = found[~found["name"].isin(NOISE)]
    if search is not None:
        found = found[found["label"].fillna("").str.contains(search, case=False, regex=False)]
    if review:
        return review_queue(found)
    return found.sort_values(sort, ascending=False, na_position="last", kind="stable")
