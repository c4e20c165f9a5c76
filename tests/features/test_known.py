"""What is known of features: the tables and labels of the user, and those that came with an autoencoder."""

from pathlib import Path

import pandas as pd
import pytest
import torch
from slow_footprint import axes_sae

from assay.errors import Mismatch, StoreError
from assay.features.known import Features, Known, Shares, read_known, shares
from assay.features.labels.book import FILE, LabelBook, Labelled
from assay.features.place import TABLE, Place
from assay.settings import FeatureSettings

SAE_ = axes_sae(3, 0)
SETTINGS = FeatureSettings()


def table(folder: Path, **changed: list[object]) -> None:
    columns: dict[str, list[object]] = {
        "feature": [0, 1, 2, 3, 5],
        "label": ["rivers", None, "towns", "verbs", "dead"],
        "purity": [0.75, 0.5, 0.61, 0.75, float("nan")],
        "interp": [0.9, 0.1, 0.5, 0.5, float("nan")],
        "mui": [0.9, 0.1, 0.5, 0.5, float("nan")],
        "name": ["ideal", "dead or noise", None, "too broad", None],
        "pattern": ["HHH", "LLL", "HUH", "HLH", "---"],
    }
    pd.DataFrame({name: values for name, values in (columns | changed).items() if values}).to_parquet(
        folder / TABLE
    )


def known(folder: Path, settings: FeatureSettings = SETTINGS) -> Features:
    return read_known(Place(folder, None), SAE_, settings)


def test_labels_readings_and_verdicts_are_read(tmp_path: Path) -> None:
    table(tmp_path)
    assert known(tmp_path) == {
        0: Known("rivers", 0.75, "ideal", "high"),
        1: Known(None, 0.5, "dead or noise", "low"),
        2: Known("towns", 0.61, None, "uncertain"),
        3: Known(
            "verbs", 0.75, "too broad", "low"
        ),  # the pattern has seen the calibration, the value has not
        5: Known("dead", None, None, "unscored"),
    }


def test_without_patterns_the_threshold_decides(tmp_path: Path) -> None:
    table(tmp_path, pattern=[], label=[], name=[])
    found = known(tmp_path)
    verdicts = {feature: one.verdict for feature, one in found.items()}
    assert verdicts == {0: "high", 1: "low", 2: "high", 3: "high", 5: "unscored"}
    assert found[0] == Known(None, 0.75, None, "high")
    stern = known(tmp_path, FeatureSettings(purity_threshold=0.7))
    assert stern[2].verdict == "low"


def test_no_table_is_nothing_known(tmp_path: Path) -> None:
    assert known(tmp_path) == {}


def test_the_users_own_table_goes_before_the_one_that_came_along(tmp_path: Path) -> None:
    own, shipped = tmp_path / "own", tmp_path / "shipped"
    own.mkdir(), shipped.mkdir()
    table(shipped)
    place = Place(own, shipped)
    assert read_known(place, SAE_, SETTINGS)[0] == Known("rivers", 0.75, "ideal", "high")
    table(own, pattern=["HLH", "LLL", "HUH", "HLH", "---"], label=["lakes", None, "towns", "verbs", "dead"])
    assert read_known(place, SAE_, SETTINGS)[0] == Known("lakes", 0.75, "ideal", "low")


def test_a_label_given_since_the_scores_takes_the_reading_and_leaves_the_purity_of_the_corpus(
    tmp_path: Path,
) -> None:
    corpus: list[object] = [0.55, 0.75, 0.61, 0.61, None]
    low: list[object] = [0.5, 0.7, 0.55, 0.58, None]
    high: list[object] = [0.58, 0.8, 0.7, 0.64, None]
    table(
        tmp_path,
        corpus_purity=corpus,
        corpus_purity_low=low,
        corpus_purity_high=high,
        corpus_calibrated=[0.0, 0.5, 0.1, 0.4, None],
    )
    before = known(tmp_path)
    given = {0: "lakes", 1: "names", 2: "cities", 3: "verbs", 4: "doors", 5: "alive"}
    LabelBook(tmp_path / FILE).add([Labelled(feature, label, "user") for feature, label in given.items()])
    found = known(tmp_path)
    assert found[3] == before[3], "the label that it was scored by"
    assert found[0] == Known("lakes", 0.55, None, "low")
    assert found[1] == Known("names", 0.75, None, "high")
    assert found[2] == Known("cities", 0.61, None, "low"), "near the threshold the calibrated purity decides"
    assert found[4] == Known("doors"), "never scored"
    assert found[5] == Known("alive"), "silent: no sentence to read"


def test_a_table_that_is_none_is_explained(tmp_path: Path) -> None:
    (tmp_path / TABLE).write_bytes(b"PAR1 not really")
    with pytest.raises(
        StoreError, match=r"features\.parquet cannot be read: (.|\n)*\n  wanted: a table with"
    ):
        known(tmp_path)
    table(tmp_path, purity=[])
    with pytest.raises(StoreError, match=r"features\.parquet without a column purity"):
        known(tmp_path)


def test_a_table_of_another_autoencoder_is_refused(tmp_path: Path) -> None:
    table(tmp_path, feature=[0, 1, 2, 3, 6])
    with pytest.raises(Mismatch, match=r"with a feature 6, for an SAE of 6\n  wanted: features from 0 to 5"):
        known(tmp_path)


def test_shares_sum_to_one() -> None:
    some = {0: Known(verdict="high"), 1: Known(verdict="low"), 2: Known(verdict="uncertain")}
    found = shares(torch.tensor([1.0, 2.0, 4.0, 1.0, 0.0, 0.0]), some)
    assert found == Shares(high=0.125, low=0.25, uncertain=0.5, unscored=0.125)
    assert found.known == 0.875 and found.low_of_known(SETTINGS) == pytest.approx(2 / 7)
    assert found.low_of_known(FeatureSettings(carried_known=0.9)) is None
    assert shares(torch.zeros(6), some) is None
    unknown = shares(torch.ones(6), {})
    assert unknown is not None and unknown.low_of_known(FeatureSettings(carried_known=0.0)) is None
