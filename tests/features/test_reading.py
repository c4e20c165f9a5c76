"""The table of readings over all combinations, what decides near the line, and planted features end to end."""

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from planted_features import SEED, SETTINGS, ablated, activations, unit_vectors

from assay.features.interp import interp_score
from assay.features.mui import mui_score
from assay.features.purity import purity_score
from assay.features.reading import PATTERNS, meaning, next_step, purity_verdict, read_feature
from assay.score import Score, unscored
from assay.settings import FeatureSettings

ALL = ["".join(letters) for letters in product("HLU-", repeat=3)]
VALUES: dict[str, tuple[float, tuple[float, float]]] = {
    "H": (0.9, (0.8, 1.0)),
    "L": (0.2, (0.1, 0.3)),
    "U": (0.6, (0.4, 0.8)),
}


def score(id: str, letter: str, **figures: float) -> Score:
    if letter == "-":
        return unscored(id, "a reason", 0.6)
    value, interval = VALUES[letter]
    return Score(id, value, value, interval, 10, 0, 0.6, figures=figures)


def scores(pattern: str) -> tuple[Score, Score, Score]:
    interp, purity, mui = (score(i, x) for i, x in zip(("interp", "purity", "mui"), pattern, strict=True))
    return interp, purity, mui


def test_every_combination_has_a_sentence_of_its_own() -> None:
    assert set(PATTERNS) == {"".join(p) for p in product("HL", repeat=3)}
    assert len({meaning(pattern) for pattern in ALL}) == len(ALL) == 64
    assert len({p.name for p in PATTERNS.values()}) == len({p.step for p in PATTERNS.values()}) == 8
    assert all(next_step(pattern).endswith(".") and meaning(pattern).endswith(".") for pattern in ALL)


@pytest.mark.parametrize("pattern", ALL)
def test_scores_of_every_combination_are_read_as_such(pattern: str) -> None:
    found = read_feature(*scores(pattern), FeatureSettings())
    assert found.pattern == pattern
    assert found.sentences[0] == meaning(pattern) and found.next_steps[0] == next_step(pattern)
    for letter, title in zip(pattern, ("InterpScore", "FeaturePurityScore", "MUI"), strict=True):
        assert (f"{title} is unscored: a reason." in found.sentences) == (letter == "-")
        if letter in "U-":
            assert title in found.sentences[0]
    assert found.to_json() == {
        "pattern": pattern,
        "sentences": list(found.sentences),
        "next_steps": list(found.next_steps),
    }


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("HHH", "Ideal feature"),
        ("HHL", "Well understood but largely decorative"),
        ("HLH", "label predicts firing but is too broad"),
        ("LHH", "Coherent and causally important, but mislabelled"),
        ("LLL", "Dead or noise"),
    ],
)
def test_the_five_patterns_of_the_reference_text(pattern: str, words: str) -> None:
    assert words in meaning(pattern)


def test_open_patterns_name_what_they_leave_open() -> None:
    assert meaning("HUH") == "Undecided between ideal and too broad: FeaturePurityScore is uncertain."
    assert meaning("UH-") == (
        "Undecided between ideal, decorative, mislabelled and mislabelled and unused: "
        "InterpScore is uncertain, and MUI could not be scored."
    )
    assert meaning("UUL").endswith(": InterpScore and FeaturePurityScore are uncertain.")
    assert meaning("---") == "No reading: InterpScore and FeaturePurityScore and MUI could not be scored."


def near(value: float, spread: float = 0.001, **figures: float) -> Score:
    return Score("purity", value, 2 * value - 1, (value - spread, value + spread), 9, 0, 0.6, figures=figures)


def test_near_the_line_the_calibrated_purity_decides() -> None:
    settings = FeatureSettings(calibrated_threshold=0.3, near=0.05)
    low = {"calibrated": 0.17, "calibrated_low": 0.16, "calibrated_high": 0.18}
    high = {"calibrated": 0.4, "calibrated_low": 0.35, "calibrated_high": 0.45}
    open_ = {"calibrated": 0.4, "calibrated_low": 0.2, "calibrated_high": 0.6}
    assert near(0.61).verdict == "high"
    assert purity_verdict(near(0.61), settings) == "uncertain"
    assert purity_verdict(near(0.61, **low), settings) == "low"
    assert purity_verdict(near(0.59, **high), settings) == "high"
    assert purity_verdict(near(0.59, **open_), settings) == "uncertain"
    assert purity_verdict(near(0.59, calibrated=0.1), settings) == "low"
    assert purity_verdict(near(0.66, **low), settings) == "high", "not near the line"
    assert purity_verdict(near(0.70, 0.15, **low), settings) == "low", "its interval is"
    assert purity_verdict(unscored("purity", "none", 0.6), settings) == "unscored"
    said = read_feature(score("interp", "H"), near(0.61, **low), score("mui", "H"), settings)
    assert said.pattern == "HLH"
    assert "near its line (61%): the calibrated purity, 0.17 on a scale" in said.sentences[1]
    assert "decides (low)" in said.sentences[1]
    bare = read_feature(score("interp", "H"), near(0.61), score("mui", "H"), settings)
    assert bare.sentences[1] == (
        "FeaturePurityScore is near its line (61%), and there is no null to calibrate it by."
    )


def test_the_low_purity_of_the_reference_text_is_low_once_calibrated() -> None:
    """61%, above the threshold; random sentences of the factbook have a mean cosine of 0.11."""
    null = np.full(9, 0.11)
    low, high = (purity_score(unit_vectors(4, c), SETTINGS, SEED, null=null) for c in (0.21, 0.81))
    assert (low.verdict, purity_verdict(low, SETTINGS)) == ("high", "low")
    assert purity_verdict(high, SETTINGS) == "high"


CASES: list[tuple[str, dict[str, Any], str]] = [
    ("HLH", {"purity": {"token_purity": 0.8}}, "a feature of a token rather than a mixed one"),
    ("HHH", {"mui": {"over_random": 0.9}}, "Random directions of the same length do as much"),
    ("HHH", {"interp": {"null_share": 0.3}}, "Other features' labels predict it as well (30% of them)"),
    ("HHH", {"interp": {"hard_auroc_low": 0.4}}, "not shown to tell its label from those of its nearest"),
]
HARMLESS: list[tuple[str, dict[str, Any]]] = [
    ("HLH", {"purity": {"token_purity": 0.2}}),
    ("HHH", {"purity": {"token_purity": 0.8}}),
    ("HHH", {"mui": {"over_random": 30.0}, "interp": {"null_share": 0.01, "hard_auroc_low": 0.8}}),
    ("LHL", {"mui": {"over_random": 0.5}, "interp": {"null_share": 0.5, "hard_auroc_low": 0.1}}),
]


def with_figures(pattern: str, figures: dict[str, Any]) -> tuple[Score, Score, Score]:
    a, b, c = (replace(s, figures=figures.get(s.id, {})) for s in scores(pattern))
    return a, b, c


@pytest.mark.parametrize(("pattern", "figures", "words"), CASES)
def test_side_figures_qualify(pattern: str, figures: dict[str, Any], words: str) -> None:
    found = read_feature(*with_figures(pattern, figures), FeatureSettings())
    assert found.sentences[0] == meaning(pattern) and words in found.sentences[1]


@pytest.mark.parametrize(("pattern", "figures"), HARMLESS)
def test_side_figures_that_say_nothing_are_not_mentioned(pattern: str, figures: dict[str, Any]) -> None:
    assert read_feature(*with_figures(pattern, figures), FeatureSettings()).sentences == (meaning(pattern),)


@pytest.mark.parametrize(
    ("made", "found", "words"),
    [("H", "L", "covers a part of what it does"), ("L", "H", "belong together, unlike")],
)
def test_two_sources_of_purity_that_disagree(made: str, found: str, words: str) -> None:
    pattern = f"H{made}H"
    said = read_feature(*scores(pattern), FeatureSettings(), score("purity_corpus", found))
    assert said.pattern == pattern and words in said.sentences[1] and len(said.next_steps) == 2
    same = read_feature(*scores(pattern), FeatureSettings(), score("purity_corpus", made))
    assert same.sentences == (meaning(pattern),)


@pytest.mark.parametrize("pattern", ["".join(p) for p in product("HL", repeat=3)])
def test_planted_features_are_read_from_their_arrays(pattern: str) -> None:
    labelled, pure, used = (letter == "H" for letter in pattern)
    interp = interp_score(activations(40, 9, 0), activations(40, 0 if labelled else 9, 1), SETTINGS, SEED)
    vectors = unit_vectors(20, 0.7 if pure else 0.05)
    purity = purity_score(vectors, SETTINGS, SEED, null=np.full(9, 0.05))
    mui = mui_score(ablated(30, 0.15 if used else 0.004), SETTINGS, SEED)
    assert read_feature(interp, purity, mui, SETTINGS).pattern == pattern


def test_a_silent_feature_is_said_to_be_silent() -> None:
    interp = interp_score(np.zeros(10), np.zeros(10), SETTINGS, SEED)
    purity = purity_score(np.zeros((0, 4)), SETTINGS, SEED, n_silent=10)
    mui = mui_score(ablated(0, 0.1), SETTINGS, SEED)
    found = read_feature(interp, purity, mui, SETTINGS)
    assert found.pattern == "---"
    assert "InterpScore is unscored: the feature is silent on every sentence." in found.sentences
    assert "MUI is unscored: the feature never fires." in found.sentences
