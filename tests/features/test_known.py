"""The table of features beside an autoencoder's weights."""

from pathlib import Path

import pandas as pd
import pytest
import torch
from slow_footprint import axes_sae

from assay.errors import Mismatch, StoreError
from assay.features.known import FILE, Known, Shares, read_known, shares
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
        folder / FILE
    )


def test_labels_readings_and_verdicts_are_read(tmp_path: Path) -> None:
    table(tmp_path)
    assert read_known(tmp_path, SAE_, SETTINGS) == {
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
    found = read_known(tmp_path, SAE_, SETTINGS)
    verdicts = {feature: known.verdict for feature, known in found.items()}
    assert verdicts == {0: "high", 1: "low", 2: "high", 3: "high", 5: "unscored"}
    assert found[0] == Known(None, 0.75, None, "high")
    stern = read_known(tmp_path, SAE_, FeatureSettings(purity_threshold=0.7))
    assert stern[2].verdict == "low"


def test_no_table_is_nothing_known(tmp_path: Path) -> None:
    assert read_known(tmp_path, SAE_, SETTINGS) == {}


def test_a_table_that_is_none_is_explained(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"PAR1 not really")
    with pytest.raises(
        StoreError, match=r"features\.parquet cannot be read: (.|\n)*\n  wanted: a table with"
    ):
        read_known(tmp_path, SAE_, SETTINGS)
    table(tmp_path, purity=[])
    with pytest.raises(StoreError, match=r"features\.parquet without a column purity"):
        read_known(tmp_path, SAE_, SETTINGS)


def test_a_table_of_another_autoencoder_is_refused(tmp_path: Path) -> None:
    table(tmp_path, feature=[0, 1, 2, 3, 6])
    with pytest.raises(Mismatch, match=r"with a feature 6, for an SAE of 6\n  wanted: features from 0 to 5"):
        read_known(tmp_path, SAE_, SETTINGS)


def test_shares_sum_to_one() -> None:
    known = {0: Known(verdict="high"), 1: Known(verdict="low"), 2: Known(verdict="uncertain")}
    found = shares(torch.tensor([1.0, 2.0, 4.0, 1.0, 0.0, 0.0]), known)
    assert found == Shares(high=0.125, low=0.25, uncertain=0.5, unscored=0.125)
    assert found.known == 0.875 and found.low_of_known(SETTINGS) == pytest.approx(2 / 7)
    assert found.low_of_known(FeatureSettings(carried_known=0.9)) is None
    assert shares(torch.zeros(6), known) is None
    unknown = shares(torch.ones(6), {})
    assert unknown is not None and unknown.low_of_known(FeatureSettings(carried_known=0.0)) is None
