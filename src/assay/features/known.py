"""What is known of an autoencoder's features: labels, purity and readings, from its table and its labels."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jaxtyping import Float
from torch import Tensor

from assay.errors import Mismatch, StoreError
from assay.features.place import Place
from assay.features.reading import purity_verdict
from assay.sae.coder import SAE
from assay.score import LETTERS, Score, Verdict
from assay.settings import FeatureSettings

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

COLUMNS = (
    *("feature", "label", "purity", "name", "pattern", "corpus_purity", "corpus_purity_low"),
    *("corpus_purity_high", "corpus_purity_n", "corpus_calibrated"),
)
"""Of a table: what is read here, a fifth of all."""


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


def read_known(place: Place, sae: SAE, settings: FeatureSettings) -> dict[int, Known]:
    """The user's own table before the one that the autoencoder brought, with the newest labels of both; empty where
    nothing was ever scored or labelled.

    A feature that got another label after it was scored has no reading, and the purity of corpus sentences, which no
    label has chosen. Raises StoreError for a file that cannot be read, Mismatch for a table of features that the
    autoencoder has not.
    """
    file = place.table_file()
    rows = {} if file is None else {int(row["feature"]): row for row in _rows(file)}
    foreign = [feature for feature in rows if not 0 <= feature < sae.d_sae]
    if foreign:
        raise Mismatch(
            f"{file} with a feature {foreign[0]}, for an SAE of {sae.d_sae}",
            f"features from 0 to {sae.d_sae - 1}",
            "keep each table beside the weights that it was made for",
        )
    labels = place.labels()
    found = {feature: _known(row, settings) for feature, row in rows.items()}
    for feature in labels:
        label = labels[feature].label
        if feature not in found or found[feature].label != label:
            found[feature] = _relabelled(label, rows.get(feature, {}), settings)
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
    table = table[[name for name in COLUMNS if name in table]]
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


def _relabelled(label: str, row: Mapping[str, Any], settings: FeatureSettings) -> Known:
    value = row.get("corpus_purity")
    if value is None:
        return Known(label)
    low, high = row.get("corpus_purity_low"), row.get("corpus_purity_high")
    purity = Score(
        id="corpus_purity",
        value=value,
        raw=None,
        interval=None if low is None or high is None else (low, high),
        n=int(row.get("corpus_purity_n") or 0),
        n_unscored=0,
        threshold=settings.purity_threshold,
        figures={"calibrated": row.get("corpus_calibrated")},
    )
    return Known(label, value, None, purity_verdict(purity, settings))
