"""TEST FIXTURE: a table of features and one feature's document, drawn from a seed. Nothing here was measured."""

from typing import Any

import numpy as np
import pandas as pd

from assay.features.reading import PATTERNS, read_feature
from assay.score import Score, unscored
from assay.settings import FeatureSettings

Json = dict[str, Any]
SCORES = ["interp", "purity", "mui"]
SILENT = "the feature is silent on every sentence"
FEW = "the feature fired on 1 of 10 sentences: at least two are needed"
NEVER = "the feature never fires"
NONE_FOUND = "the feature fired on 0 of 0 sentences: at least two are needed"


def table(
    n: int = 2000, seed: int = 0, d: float = 1.1, pure: float = 0.6, used: float = -2.0
) -> pd.DataFrame:
    """``n`` features; about one in twelve is dead, and one in ten of the others lacks a score."""
    rng = np.random.default_rng(seed)
    good = rng.normal(size=n)  # what makes a feature good on all three counts
    raw = d + 0.9 * good * (d > 0.3) + rng.gamma(2.0, 0.5, n) - 1.0
    ratio = 10 ** (used + 0.5 * good + 0.7 * rng.normal(size=n))
    purity = np.clip(pure + 0.05 * good + 0.05 * rng.normal(size=n), 0.4, 0.98)
    corpus = np.clip(purity - 0.03 + 0.04 * rng.normal(size=n), 0.4, 0.98)
    dead = rng.random(n) < 0.08
    silent, few = (~dead & (rng.random(n) < 0.1) for _ in range(2))
    raw[dead | silent], purity[dead | few] = np.nan, np.nan
    corpus[dead], ratio[dead] = np.nan, np.nan
    made = pd.DataFrame(
        {"feature": np.arange(n), "label": "a label", "dead": dead, "dense": rng.random(n) < 0.01}
    )
    made.loc[dead, "label"] = None
    made["d"], made["interp"] = raw, np.clip(raw, 0, 1)
    made["interp_reason"] = np.where(dead | silent, SILENT, None)
    made["purity"], made["purity_reason"] = purity, np.where(dead | few, FEW, None)
    made["corpus_purity"], made["corpus_purity_reason"] = corpus, np.where(dead, NONE_FOUND, None)
    made["ratio"], made["mui"] = ratio, np.clip(10 * ratio, 0, 1)
    made["mui_reason"] = np.where(dead, NEVER, None)
    width = (0.12, 0.03, 0.1)
    made["pattern"] = ["".join(map(_letter, row, width)) for row in made[SCORES].to_numpy()]
    firm = ["".join(_letter(value, 0.0) for value in row) for row in made[SCORES].to_numpy()]
    made["name"] = [PATTERNS[p].name if p in PATTERNS else "undecided" for p in made["pattern"]]
    made["leaning"] = [PATTERNS[p].name if p in PATTERNS else "undecided" for p in firm]
    made.loc[dead, ["name", "leaning"]] = "dead"
    return made


def _letter(value: float, near: float) -> str:
    if np.isnan(value):
        return "-"
    return "U" if abs(value - 0.6) < near else "H" if value >= 0.6 else "L"


def sentence(text: str, value: float | None, peak: int | None) -> Json:
    """One sentence with a token a word."""
    tokens = [word if i == 0 else f" {word}" for i, word in enumerate(text.split())]
    return {
        "text": text,
        "value": value,
        "tokens": tokens,
        "activations": [0.0] * len(tokens),
        "peak": peak,
    }


def document() -> Json:
    """A scored feature, as ``assay features score --json`` gives it."""
    settings = FeatureSettings()
    interp = Score(
        "interp", 1.0, 1.84, (0.91, 1.0), 20, 0, 0.6,
        figures={
            "d": 1.84, "hedges_g": 1.76, "auroc": 0.91, "auroc_low": 0.74, "auroc_high": 0.98,
            "hard_auroc": 0.62, "hard_auroc_low": 0.41, "hard_auroc_high": 0.8, "null_mean": 0.11,
            "null_share": 0.03, "null_p": 0.042, "token_auroc": 0.8,
        },
    )  # fmt: skip
    purity = Score(
        "purity", 0.61, 0.22, (0.58, 0.64), 9, 1, 0.6,
        figures={
            "mean_cosine": 0.22, "token_purity": 0.22, "null_cosine": 0.04, "z": 3.1, "calibrated": 0.19,
            "calibrated_low": 0.13, "calibrated_high": 0.24,
        },
    )  # fmt: skip
    corpus = Score("purity_corpus", 0.66, 0.32, (0.62, 0.7), 20, 0, 0.6, figures={"calibrated": 0.29})
    mui = Score(
        "mui", 0.18, 0.018, (0.11, 0.27), 32, 0, 0.6,
        figures={
            "ratio": 0.018, "mean_kl": 0.0412, "median_kl": 0.01, "mean_entropy": 2.31, "nothing_kl": 3e-9,
            "random_ratio": 0.0056, "over_random": 3.2, "kl_per_norm": 0.002, "n_firing": 412.0, "gain": 10.0,
        },
    )  # fmt: skip
    return {
        "feature": 1234,
        "label": "capital cities of European countries",
        "label_source": "catalogue 1",
        "interp": {
            **interp.to_json(),
            "matching": [
                sentence("Paris is the capital of France, and has been for most of its history.", 6.31, 0),
                sentence("The government sits in Vienna while the courts sit elsewhere.", 8.02, 4),
                sentence("Nobody there had heard of Lisbon before.", 0.0, 0),
            ],
            "other": [
                sentence("He peeled the potatoes and threw them into the pot.", 0.0, 0),
                sentence("The village of Berlin in Ohio has a cheese factory.", 3.4, 3),
            ],
        },
        "purity": {**purity.to_json(), "corpus": {**corpus.to_json(), "sentences": []}},
        "mui": {
            **mui.to_json(),
            "percentile": 74.2,
            "positions": [
                {
                    "token": " Vienna",
                    "before": "The government sits in",
                    "activation": 8.02,
                    "kl": 0.41,
                    "entropy": 1.9,
                    "random_kl": 0.03,
                },
                {
                    "token": " Paris",
                    "before": "",
                    "activation": 6.31,
                    "kl": 0.002,
                    "entropy": 2.7,
                    "random_kl": 0.004,
                },
                {
                    "token": " Rome",
                    "before": "It is said that all roads of the old empire lead to",
                    "activation": 5.5,
                    "kl": 0.11,
                    "entropy": 3.1,
                    "random_kl": 0.01,
                },
            ],
        },
        "reading": read_feature(interp, purity, mui, settings, corpus).to_json(),
    }


def unscored_document() -> Json:
    """A feature that could not be scored at all."""
    interp, purity, mui = (
        unscored(id, words, 0.6, 20) for id, words in (("interp", SILENT), ("purity", FEW), ("mui", NEVER))
    )
    return {
        "feature": 7,
        "label": None,
        "label_source": None,
        "interp": {**interp.to_json(), "matching": [], "other": []},
        "purity": {**purity.to_json(), "corpus": None},
        "mui": {**mui.to_json(), "percentile": None, "positions": []},
        "reading": read_feature(interp, purity, mui, FeatureSettings()).to_json(),
    }
