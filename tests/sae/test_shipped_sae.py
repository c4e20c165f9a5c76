"""The autoencoder that comes with the package: its files belong together, and it does what its card says."""

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from assay.features.place import Place
from assay.sae.exam import examine
from assay.sae.formats.saelens import CONFIG, WEIGHTS
from assay.sae.log import FILE as LOG
from assay.sae.recipe import RECIPES
from assay.sae.schedule import dead_window
from assay.sae.shipped import open_sae, sae_folder
from assay.sae.study import RECORD
from assay.settings import ActivationSettings
from default_home import DefaultHome

FOLDER = sae_folder("smollm2")
LIMIT = 40_000_000
"""Bytes that an autoencoder in the package may have."""


@pytest.fixture(scope="module")
def record() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / RECORD).read_text())
    return found


@pytest.mark.slow
def test_it_is_small_and_what_it_is_said_to_be(record: dict[str, Any]) -> None:
    assert sum((FOLDER / name).stat().st_size for name in (CONFIG, WEIGHTS)) < LIMIT
    sae = open_sae("smollm2")
    assert (sae.d_in, sae.d_sae, sae.layer, sae.model_id) == (576, 16_384, 15, "smollm2")
    assert (sae.architecture, sae.context, sae.start_token) == ("jumprelu", 128, True)
    assert sae.hash == record["hash"]


def test_the_recipe_of_its_name_makes_it(record: dict[str, Any]) -> None:
    """A setting that its record does not know yet changes nothing for it: today's dead window is its own."""
    recipe, made = RECIPES["smollm2"], record["recipe"]
    assert [made[name] for name in ("model", "layer")] == [recipe.model, recipe.layer]
    assert made["corpora"] == list(recipe.corpora) and made["activations"] == asdict(recipe.activations)
    now = asdict(recipe.sae)
    assert set(now) - set(made["sae"]) == {"dead_share"}
    assert made["sae"] == {name: now[name] for name in made["sae"]} == record["training"]["settings"]
    assert dead_window(record["training"]["steps"], recipe.sae) == made["sae"]["dead_window"]


def test_its_log_ends_where_its_record_does(record: dict[str, Any]) -> None:
    lines = [json.loads(line) for line in (FOLDER / LOG).read_text().splitlines()]
    steps = [line["step"] for line in lines]
    assert steps == sorted(set(steps)) and steps[-1] == record["training"]["steps"]
    assert lines[-1]["ev"] == pytest.approx(record["training"]["ev_training"])
    assert lines[-1]["dead"] == record["training"]["dead_in_training"]


def test_its_card_has_the_figures_of_its_record(record: dict[str, Any]) -> None:
    card, found = (FOLDER / "README.md").read_text(), record["evaluation"]
    said = dict(re.findall(r"^\| ([^|]+?) \| (.+?) \|$", card, re.MULTILINE))
    assert said["L0"].startswith(f"{found['l0']:.1f} features")
    assert said["Explained variance"].startswith(f"{found['ev']:.3f},")
    assert said["Loss recovered"].startswith(f"{found['recovered_zero']:.3f} against zeros")
    assert said["Dead"].startswith(f"{found['dead'] * 16_384:.0f} of 16,384 ({found['dead']:.1%})")
    assert said["Dense"].startswith(f"{found['dense'] * 16_384:.0f} ")
    assert found["ev"] >= 0.83 and found["l0"] <= 50
    assert found["recovered_zero"] >= 0.95 and found["dead"] < 0.02


@pytest.mark.slow
def test_every_feature_has_a_label_and_a_row_of_scores() -> None:
    place = Place(FOLDER, None)
    labels, table = place.labels(), place.table()
    assert list(labels) == list(range(16_384))
    assert table is not None and table["feature"].tolist() == list(range(16_384))
    assert table["label"].tolist() == [labels[feature].label for feature in labels]
    live = ~table["dead"]
    for score in ("interp", "purity", "mui"):
        known = table[score].notna()
        assert table.loc[known, score].between(0, 1).all()
        assert table.loc[~known, f"{score}_reason"].notna().all(), "unscored has a reason"
    assert table.loc[live, "mui"].notna().mean() > 0.99


@pytest.mark.default_model
def test_on_text_that_it_never_saw_it_does_what_its_card_says(
    default_home: DefaultHome, tmp_path: Path, record: dict[str, Any]
) -> None:
    """On an eighth of the card's tokens, so that rare features have no time to fire and dead ones are not counted."""
    settings = ActivationSettings(evaluated=4_096, spliced=1_024)
    exam = examine("smollm2", default_home.linked(tmp_path / "cache"), settings=settings)
    found, card = exam.evaluation, record["evaluation"]
    assert exam.same_weights and found.tokens == 4_096
    assert found.l0 == pytest.approx(card["l0"], rel=0.05)
    assert found.ev == pytest.approx(card["ev"], abs=0.02)
    assert found.recovered_zero == pytest.approx(card["recovered_zero"], abs=0.005)
