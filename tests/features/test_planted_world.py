"""Features whose truth is known are named rightly by the whole way from text to reading, and a wrong label is found."""

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import pytest
import torch
from planted_home import SETTINGS, planted_home
from planted_model import (
    BROAD,
    DEAD,
    DECORATIVE,
    IDEAL,
    LABELS,
    MATTERS,
    OWN,
    SWAPPED,
    planted_corpus,
    planted_model,
    planted_sae,
    words_label,
)

from assay.features.everything import score_all
from assay.features.labels.book import Labelled
from assay.features.material import Material
from assay.features.score import FeatureScores, score_feature
from assay.settings import FeatureSettings

pytestmark = pytest.mark.slow

PLANTED = {
    IDEAL: ("HHH", "ideal"),
    BROAD: ("HLH", "too broad"),
    SWAPPED: ("LHH", "mislabelled"),
    DECORATIVE: ("HHL", "decorative"),
    DEAD: ("---", "dead"),
}


@dataclass(frozen=True)
class World:
    material: Material
    scores: dict[int, FeatureScores]
    table: pd.DataFrame


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Scored one at a time before there is a table, then all at once."""
    torch.set_num_threads(1)
    home = tmp_path_factory.mktemp("planted")
    corpus = planted_corpus()
    material = planted_home(planted_model(corpus), planted_sae(), corpus, home)
    material.book.add([Labelled(feature, label, "user") for feature, label in LABELS.items()])
    scores = {feature: score_feature(material, feature) for feature in LABELS}
    return World(material, scores, pd.read_parquet(score_all(material)))


@pytest.mark.parametrize("feature", PLANTED)
def test_each_planted_feature_is_named_one_at_a_time_and_all_at_once(world: World, feature: int) -> None:
    pattern, name = PLANTED[feature]
    assert world.scores[feature].reading.pattern == pattern
    assert tuple(world.table.loc[feature, ["pattern", "name"]]) == (pattern, name)
    assert world.table.loc[feature, "reading"] == " ".join(world.scores[feature].reading.sentences)


def test_all_other_features_are_ideal(world: World) -> None:
    """They were planted as such, with their own labels."""
    others = set(LABELS) - set(PLANTED)
    assert len(others) == 4
    assert {world.scores[feature].reading.pattern for feature in others} == {"HHH"}


def test_what_is_said_of_them(world: World) -> None:
    said = {feature: " ".join(scores.reading.sentences) for feature, scores in world.scores.items()}
    assert "Its purity is that of corpus sentences" in said[SWAPPED]
    assert "it fired on none of" in said[DEAD] and "Ideal feature" in said[IDEAL]
    assert world.scores[SWAPPED].reading.next_steps[0].startswith("Relabel it first")
    assert world.scores[DEAD].interp.reason == "the feature is silent on every sentence"
    assert world.scores[DEAD].mui.reason == "the feature never fires"


def test_the_evidence_shows_what_was_planted(world: World) -> None:
    """Every activation in every sentence shown is on a word of the feature's own matter."""
    for feature, matter in enumerate(OWN):
        evidence = world.scores[feature].evidence
        words = set(MATTERS[matter][0])
        shown = [*evidence["corpus"], *evidence["matching"], *evidence["other"]]
        fired = [
            token.strip().casefold()
            for sentence in shown
            for token, value in zip(sentence["tokens"], sentence["activations"], strict=True)
            if value > 0
        ]
        assert set(fired) == words == {p["token"].strip() for p in evidence["positions"]}
        assert len(evidence["positions"]) == SETTINGS.positions


def test_only_the_unread_direction_moves_nothing(world: World) -> None:
    """A read direction does more than a random one as long; the unread one far less, though it fires as strongly."""
    over = {feature: s.mui.figures.get("over_random") for feature, s in world.scores.items()}
    assert all(over[f] > 1.2 for f in LABELS if f not in (DECORATIVE, DEAD))  # type: ignore[operator]
    assert over[DECORATIVE] is not None and over[DECORATIVE] < 0.01
    for scores in world.scores.values():
        if scores.mui.value is not None:
            assert scores.mui.figures["nothing_kl"] < 1e-6  # type: ignore[operator]


def test_the_right_label_of_the_swapped_feature_makes_it_ideal(world: World) -> None:
    found = score_feature(world.material, SWAPPED, words_label("sky"))
    assert found.reading.pattern == "HHH" and found.label_source is None
    assert world.scores[SWAPPED].interp.value == 0


def test_half_of_the_label_leaves_the_broad_one_pure_on_its_sentences_but_not_in_the_corpus(
    world: World,
) -> None:
    """The purity of matching sentences is that of the label; corpus sentences say what the feature fires on."""
    half = score_feature(world.material, BROAD, words_label("water"))
    assert half.purity.value is not None and half.corpus.value is not None
    assert half.purity.value > 0.63 > half.corpus.value


@pytest.mark.parametrize("feature", [BROAD, SWAPPED])
def test_ten_sentences_tell_the_same_or_say_that_they_cannot(world: World, feature: int) -> None:
    """The default number of sentences gives no other firm verdict."""
    few = replace(world.material, settings=FeatureSettings())
    found = score_feature(few, feature).reading.pattern
    assert all(a == b or a in "U-" for a, b in zip(found, PLANTED[feature][0], strict=True))


def test_nothing_but_the_kept_table_and_labels_is_left(world: World) -> None:
    place = world.material.place.own
    kept, *rest = sorted(path.name for path in Path(place).iterdir())
    assert kept.startswith("ablated-") and rest == ["features.parquet", "labels.jsonl"]
