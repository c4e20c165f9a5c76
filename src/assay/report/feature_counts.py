"""What the table of all features says as figures: counts per reading, each score's spread, why some have none."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assay.features.reading import DEAD, PATTERNS, UNDECIDED
from assay.settings import FeatureSettings

if TYPE_CHECKING:
    import pandas as pd

UNREAD = "not read"
"""In the place of a reading, where none was made."""
LARGEST = 1e9
"""In the place of an infinite d, which two constant sets have: means and quantiles stay numbers."""
TITLES: Mapping[str, str] = {
    "interp": "InterpScore",
    "purity": "FeaturePurityScore",
    "corpus_purity": "of corpus sentences",
    "mui": "MUI",
}
"""Columns of scores, as they are shown."""


@dataclass(frozen=True)
class Kind:
    """The features of one reading."""

    name: str
    pattern: str
    """Three letters; empty for what is no firm reading."""
    n: int
    share: float
    """Of all features of the table."""
    leaning: int | None
    """Undecided features that would be of this reading by their values alone, intervals left out; None where the
    table does not say."""


@dataclass(frozen=True)
class Spread:
    """How one score is spread over the features that have it; None where none has."""

    n: int
    missing: int
    """Features without the score."""
    median: float | None
    low: float | None
    """A quarter of the features lies below."""
    high: float | None
    """A quarter lies above."""
    reach: float | None
    """Share of the scored ones at or above the line."""


def column(table: "pd.DataFrame", name: str) -> NDArray[np.float64]:
    """A column as numbers, NaN where there is none, also for a column that is not there."""
    if name not in table:
        return np.full(len(table), np.nan)
    values = table[name].to_numpy(dtype=np.float64, na_value=np.nan)
    return np.asarray(np.clip(values, -LARGEST, LARGEST))


def flags(table: "pd.DataFrame", name: str) -> int:
    """How many rows have a yes in a column."""
    return int(table[name].fillna(False).astype(bool).sum()) if name in table else 0


def line_of(score: str, settings: FeatureSettings) -> float:
    """The threshold of a column of scores."""
    lines = {"interp": settings.interp_threshold, "mui": settings.mui_threshold}
    return lines.get(score, settings.purity_threshold)


def kinds(table: "pd.DataFrame") -> list[Kind]:
    """Every reading with its number of features, firm ones first, in the order of PATTERNS.

    Readings that the table has and this version does not know stand at the end, as does ``not read``.
    """
    known = {pattern.name: letters for letters, pattern in PATTERNS.items()} | {UNDECIDED: "", DEAD: ""}
    names = _words(table, "name", UNREAD)
    found = names.value_counts()
    open_ = _words(table, "leaning", UNREAD)[names == UNDECIDED].value_counts()
    others = sorted(str(name) for name in found.index if name not in known)
    out = []
    for name in (*known, *others):
        n, letters = int(found.get(name, 0)), known.get(name, "")
        leaning = int(open_.get(name, 0)) if letters and "leaning" in table else None
        out.append(Kind(name, letters, n, n / len(table) if len(table) else 0.0, leaning))
    return out


def spread(values: NDArray[np.float64], line: float) -> Spread:
    """The spread of ``values``, NaN where unscored."""
    kept = values[np.isfinite(values)]
    missing = len(values) - len(kept)
    if not len(kept):
        return Spread(0, missing, None, None, None, None)
    low, median, high = (float(x) for x in np.quantile(kept, [0.25, 0.5, 0.75]))
    return Spread(len(kept), missing, median, low, high, float((kept >= line).mean()))


def reasons(table: "pd.DataFrame", score: str) -> list[tuple[str, int]]:
    """Why features have no ``score``, the commonest reason first."""
    lacking = table[~np.isfinite(column(table, score))]
    counted = _words(lacking, f"{score}_reason", "no reason recorded").value_counts()
    return sorted(((str(words), int(n)) for words, n in counted.items()), key=lambda row: (-row[1], row[0]))


def _words(table: "pd.DataFrame", name: str, missing: str) -> "pd.Series":
    """A column of strings with a word for what is missing, the whole column included."""
    if name not in table:
        return table.index.to_series().astype(object).map(lambda _: missing)
    given = table[name].astype(object)
    return given.where(given.notna(), missing)
