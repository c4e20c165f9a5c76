"""The table of all features: one row per feature, one column per figure; its columns are stable."""

from typing import TYPE_CHECKING, Any

from assay.features.mui import percentile
from assay.features.reading import DEAD, PATTERNS, UNDECIDED
from assay.score import Score

if TYPE_CHECKING:
    import pandas as pd

FIGURES = {
    "interp": {
        "d": "d",
        "hedges_g": "hedges_g",
        "auroc": "auroc",
        "auroc_low": "auroc_low",
        "auroc_high": "auroc_high",
        "hard_auroc": "hard_auroc",
        "null_share": "null_share",
        "null_p": "null_p",
        "token_auroc": "token_auroc",
    },
    "purity": {"calibrated": "calibrated", "token_purity": "token_purity"},
    "corpus_purity": {"corpus_calibrated": "calibrated", "corpus_token_purity": "token_purity"},
    "mui": {
        "ratio": "ratio",
        "mean_kl": "mean_kl",
        "mean_entropy": "mean_entropy",
        "over_random": "over_random",
    },
}
"""Score to its side figures that the table keeps: column to figure."""
NUMBERS = tuple(
    column for name, figures in FIGURES.items() for column in (name, f"{name}_low", f"{name}_high", *figures)
)
"""Columns that are numbers even where all of them are missing."""
TEXTS = ("label", "label_source", *(f"{name}_reason" for name in FIGURES))
"""Likewise columns of text."""


def score_columns(name: str, score: Score) -> dict[str, Any]:
    """One score as columns: ``name`` is its value, missing where it is unscored, with ``name_reason`` why."""
    low, high = score.interval or (None, None)
    return {
        name: score.value,
        f"{name}_low": low,
        f"{name}_high": high,
        f"{name}_n": score.n,
        f"{name}_reason": score.reason,
        **{column: score.figures.get(figure) for column, figure in FIGURES[name].items()},
    }


def finished(rows: "pd.DataFrame") -> "pd.DataFrame":
    """The rows in the order of the features, with what only all of them together tell."""
    import numpy as np

    table = rows.sort_values("feature").reset_index(drop=True)
    ratios = table["ratio"].to_numpy(np.float64)
    known = ratios[np.isfinite(ratios)]
    table["mui_percentile"] = [percentile(r, known) if np.isfinite(r) else None for r in ratios]
    kinds = dict.fromkeys((*NUMBERS, "mui_percentile"), "float64") | dict.fromkeys(TEXTS, "string")
    return table.astype(kinds)


NAMES = (*dict.fromkeys(pattern.name for pattern in PATTERNS.values()), UNDECIDED, DEAD)
"""What stands in the column ``name``."""
