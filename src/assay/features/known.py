"""What is known of an autoencoder's features: labels, purity and readings, from the table beside its weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jaxtyping import Float
from torch import Tensor

from assay.errors import Mismatch, StoreError
from assay.sae.coder import SAE
from assay.score import LETTERS, Verdict
from assay.settings import FeatureSettings

FILE = "features.parquet"
"""The table, beside the weights: feature, label, purity, interp, mui, name, pattern."""

VERDICTS: Mapping[str, Verdict] = {letter: verdict for verdict, letter in LETTERS.items()}


@dataclass(frozen=True)
class Known:
    """What is known of one feature; None for what is not."""

    label: str | None = None
    purity: float | None = None
    """FeaturePurityScore, in [0, 1]."""
    name: str | None = None
    """Its reading in a few words (``ideal``, ``too broad``)."""
    verdict: Verdict = "unscored"
    """On its purity."""


Features = Mapping[int, Known]
"""Feature to what is known of it; features that are missing are unknown."""

UNKNOWN = Known()


@dataclass(frozen=True)
class Shares:
    """How something that features add up to is divided by the verdict on their purity; sums to 1."""

    high: float
    low: float
    uncertain: float
    unscored: float
    """Features whose purity is not known."""

    @property
    def known(self) -> float:
        """The share of features whose purity is known."""
        return self.high + self.low + self.uncertain

    def low_of_known(self, settings: FeatureSettings) -> float | None:
        """The share of low purity among what is known; None where too little is (``carried_known``)."""
        return self.low / self.known if self.known > 0 and self.known >= settings.carried_known else None


def shares(weights: Float[Tensor, " d_sae"], known: Features) -> Shares | None:
    """How weights (0 or more), one a feature, are divided by purity; None where all are 0."""
    total = float(weights.double().sum())
    if total <= 0:
        return None
    parts: dict[Verdict, float] = dict.fromkeys(LETTERS, 0.0)
    for feature, weight in enumerate(weights.tolist()):
        parts[known.get(feature, UNKNOWN).verdict] += weight / total
    return Shares(**{str(verdict): part for verdict, part in parts.items()})


def read_known(folder: Path, sae: SAE, settings: FeatureSettings) -> dict[int, Known]:
    """The table of an autoencoder's folder; empty where there is none.

    Raises StoreError for a file that is no such table, Mismatch for a table of features that the autoencoder has
    not.
    """
    file = folder / FILE
    if not file.is_file():
        return {}
    rows = _rows(file)
    found = {int(row["feature"]): _known(row, settings) for row in rows}
    foreign = [feature for feature in found if not 0 <= feature < sae.d_sae]
    if foreign:
        raise Mismatch(
            f"{file} with a feature {foreign[0]}, for an SAE of {sae.d_sae}",
            f"features from 0 to {sae.d_sae - 1}",
            "keep each table beside the weights that it was made for",
        )
    return found


def _rows(file: Path) -> list[dict[str, Any]]:
    import pandas
    import pyarrow

    wanted = "a table with the columns feature, label, purity, name and pattern"
    todo = "score the features anew, or take the file away: purities then count as unknown"
    try:
        table = pandas.read_parquet(file)
    except (OSError, ValueError, pyarrow.ArrowException) as error:
        raise StoreError(f"{file} cannot be read: {str(error)[:160]}", wanted, todo) from error
    missing = {"feature", "purity"} - set(table.columns)
    if missing:
        raise StoreError(f"{file} without a column {min(missing)}", wanted, todo)
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def _known(row: Mapping[str, Any], settings: FeatureSettings) -> Known:
    purity = row["purity"]
    pattern = row.get("pattern")
    verdict: Verdict = "unscored"
    if pattern and len(pattern) == len("HHH"):
        # The second letter of a pattern is purity's, and has seen its calibration.
        verdict = VERDICTS.get(pattern[1], "unscored")
    elif purity is not None:
        verdict = "high" if purity >= settings.purity_threshold else "low"
    return Known(row.get("label"), None if purity is None else float(purity), row.get("name"), verdict)
