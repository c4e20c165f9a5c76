"""All features at once against one at a time: the same numbers, kept piece by piece, nothing left over."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from assay.features import everything
from assay.features.everything import score_all
from assay.features.labels.book import Labelled
from assay.features.material import Material
from assay.features.opened import material_of
from assay.features.score import FeatureScores, score_feature
from assay.features.table import FIGURES, NAMES
from assay.features.text import IndexedText
from assay.models.model import Model
from assay.sae.coder import SAE
from assay.score import Score
from assay.settings import FeatureSettings
from banked import DEAD, DENSE, WEAK, banked, random_sae, silent
from embedding import embedder
from tiny import tiny_model

pytestmark = pytest.mark.slow

SETTINGS = FeatureSettings(sentences=6, positions=8, resamples=200, null_draws=50)
COLUMNS = [
    "feature",
    "label",
    "label_source",
    "density",
    "n_tokens",
    "max",
    "dead",
    "dense",
    "interp",
    "interp_low",
    "interp_high",
    "interp_n",
    "interp_reason",
    "d",
    "hedges_g",
    "auroc",
    "auroc_low",
    "auroc_high",
    "hard_auroc",
    "null_share",
    "null_p",
    "token_auroc",
    "purity",
    "purity_low",
    "purity_high",
    "purity_n",
    "purity_reason",
    "calibrated",
    "token_purity",
    "corpus_purity",
    "corpus_purity_low",
    "corpus_purity_high",
    "corpus_purity_n",
    "corpus_purity_reason",
    "corpus_calibrated",
    "corpus_token_purity",
    "mui",
    "mui_low",
    "mui_high",
    "mui_n",
    "mui_reason",
    "ratio",
    "mean_kl",
    "mean_entropy",
    "over_random",
    "pattern",
    "name",
    "leaning",
    "reading",
    "mui_percentile",
]
TEXT = {"label", "label_source", "pattern", "name", "leaning", "reading"}
LABELS = {
    0: 'the word "market"',
    1: "numbers",
    2: 'the word "river"',
    3: 'the word "paris"',
    4: 'words ending in "-er"',
    5: 'the word "sailor"',
    6: 'the words "ben" or "tower"',
    7: 'the word "unheard"',
}
"""The second claims every sentence, the last one none; all features after it have no label."""
NOTHING = 1e-6
"""Nats per nat; below this the ratio of a feature that writes nothing is rounding."""


def opened(folder: Path, sae: SAE | None = None) -> Material:
    torch.set_num_threads(1)
    model: Model = tiny_model("llama")
    sae = sae or random_sae(model)
    index = banked(model, folder / "cache", embedder(), sae)
    _ = IndexedText(index, embedder()).vectors  # as labelling has made them before
    return material_of(model, sae, folder / "home", folder / "cache", settings=SETTINGS)


@pytest.fixture(scope="module", autouse=True)
def small_parts() -> Iterator[None]:
    """Rows and features in portions so small that there are several."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(everything, "ROWS", 16)
        patch.setattr(everything, "FEATURES", 7)
        yield


@pytest.fixture(autouse=True)
def one_thread() -> None:
    """As in the fixtures that tests share: sums over two threads differ in their last digit."""
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Material:
    return opened(tmp_path_factory.mktemp("everything"))


@pytest.fixture
def material(shared: Material, tmp_path: Path) -> Material:
    """With a place of its own."""
    return labelled(replace(shared, place=replace(shared.place, own=tmp_path / "place")))


def labelled(material: Material) -> Material:
    material.book.add([Labelled(feature, label, "user") for feature, label in LABELS.items()])
    return material


@dataclass(frozen=True)
class Scored:
    material: Material
    alone: list[FeatureScores]
    table: pd.DataFrame


@pytest.fixture(scope="module")
def scored(shared: Material) -> Scored:
    """Every feature alone, before there is a table, then all of them."""
    labelled(shared)
    alone = [score_feature(shared, feature) for feature in range(shared.sae.d_sae)]
    return Scored(shared, alone, pd.read_parquet(score_all(shared)))


def check(table: pd.DataFrame, row: int, name: str, score: Score) -> None:
    """One score in the table; KL to 1e-4 relative, as batches differ, and what follows from it."""
    loose = {"rel": 1e-4, "abs": 1e-4} if name == "mui" else {"rel": 1e-5, "abs": 1e-6}
    low, high = score.interval or (None, None)
    wanted: dict[str, float | None] = {
        name: score.value,
        f"{name}_low": low,
        f"{name}_high": high,
        **{column: score.figures.get(figure) for column, figure in FIGURES[name].items()},
    }
    assert table.at[row, f"{name}_n"] == score.n
    found_reason = table.at[row, f"{name}_reason"]
    assert (found_reason if isinstance(found_reason, str) else None) == score.reason
    for column, value in wanted.items():
        found = float(table.at[row, column])
        if value is None:
            assert np.isnan(found), column
        elif column in ("ratio", "mean_kl"):
            assert found == pytest.approx(value, rel=1e-4, abs=NOTHING), column
        elif column == "over_random" and row == WEAK:
            continue  # nothing over nothing
        else:
            assert found == pytest.approx(value, nan_ok=True, **loose), column


def test_every_column_is_that_of_the_feature_scored_alone(scored: Scored) -> None:
    material, alone, table = scored.material, scored.alone, scored.table
    assert all(scores.percentile is None for scores in alone), "there was no table yet"
    assert table["feature"].tolist() == list(range(material.sae.d_sae))
    for feature, one in enumerate(alone):
        row = table.loc[feature]
        statistics = material.index.statistics(feature)
        assert (row["label"] if feature in LABELS else None) == one.label
        assert (row["label_source"] if feature in LABELS else None) == one.label_source
        assert pd.isna(row["label"]) == (feature not in LABELS)
        for name, score in (
            ("interp", one.interp),
            ("purity", one.purity),
            ("corpus_purity", one.corpus),
            ("mui", one.mui),
        ):
            check(table, feature, name, score)
        assert (row["density"], row["n_tokens"], row["max"]) == (
            statistics.density,
            statistics.n_tokens,
            statistics.max,
        )
        assert (row["dead"], row["dense"]) == (feature == DEAD, statistics.dense)
        assert row["pattern"] == one.reading.pattern and row["name"] in NAMES
        assert row["reading"] == " ".join(one.reading.sentences)
    assert table.loc[DENSE, "dense"] and table.loc[DEAD, "name"] == "dead"
    # The table that is there now gives each feature its percentile; its ratio there differs in the last digits.
    step = 100 / (~table["dead"]).sum()
    for feature in (3, 20):
        found = score_feature(material, feature).percentile
        assert found == pytest.approx(table.at[feature, "mui_percentile"], abs=step)


def test_what_could_not_be_scored_says_why(scored: Scored) -> None:
    table = scored.table
    reason = {feature: table.at[feature, "interp_reason"] for feature in (DEAD, 1, 7, 20)}
    assert reason == {
        DEAD: "the feature is silent on every sentence",
        1: "0 non-matching sentences: at least two are needed",
        7: "0 matching sentences: at least two are needed",
        20: "it has no label",
    }
    assert table.at[7, "purity_reason"].startswith("the feature fired on 0 of 0 sentences")
    assert table.at[DEAD, "mui_reason"] == "the feature never fires"
    assert table.at[DEAD, "corpus_purity_reason"].startswith("the feature fired on 0 of 0 sentences")
    for name in FIGURES:
        missing = table[name].isna()
        assert (missing == table[f"{name}_reason"].notna()).all() and missing.any()
    assert set(table.loc[[DEAD, 20], "leaning"]) == {"dead", "undecided"}


def test_the_percentile_is_among_the_live_features(scored: Scored) -> None:
    material, table = scored.material, scored.table
    ratios = table["ratio"].dropna().tolist()
    assert len(ratios) == material.sae.d_sae - 1
    for _, row in table.iterrows():
        if row["dead"]:
            assert np.isnan(row["mui_percentile"])
            continue
        below = sum(other < row["ratio"] for other in ratios)
        same = sum(other == row["ratio"] for other in ratios)
        assert row["mui_percentile"] == pytest.approx(100 * (below + same / 2) / len(ratios))
    assert table.loc[table["ratio"].idxmin(), "mui_percentile"] == pytest.approx(50 / len(ratios))


def test_the_file_opens_in_pandas_with_stable_columns(scored: Scored) -> None:
    material, table = scored.material, scored.table
    path = material.place.table_path
    read = pd.read_parquet(path)
    assert read.columns.tolist() == COLUMNS
    pd.testing.assert_frame_equal(read, table, check_exact=True)
    for column in COLUMNS:
        if column in TEXT or column.endswith("_reason"):
            continue
        kind = {"feature": "i", "n_tokens": "i", "dead": "b", "dense": "b"}.get(column, "f")
        assert read[column].dtype.kind == ("i" if column.endswith("_n") else kind), column
    kept, *rest = sorted(p.name for p in material.place.own.iterdir())
    assert kept.startswith("ablated-") and rest == ["features.parquet", "labels.jsonl"]
    held = material.place.table()
    assert held is not None and held.equals(read)


class Stop(Exception):
    """What a user's interruption stands for."""


def stopping(stage: str, least: int) -> Any:
    def emit(kind: str, data: Mapping[str, Any]) -> None:
        if kind == "stage_progress" and data["stage"] == stage and data["done"] >= least:
            raise Stop

    return emit


@pytest.mark.parametrize(
    ("stage", "least", "files"), [("mui", 40, "ablated-*.npy"), ("score", 14, "scored-*")]
)
def test_interrupted_it_goes_on_to_the_same_table(
    material: Material, scored: Scored, stage: str, least: int, files: str
) -> None:
    stopped = replace(material, emit=stopping(stage, least))
    with pytest.raises(Stop):
        score_all(stopped)
    work = stopped.place.own / "unfinished"
    kept = {path: path.stat().st_mtime_ns for path in work.glob(files)}
    assert kept and not stopped.place.table_path.exists()
    with pytest.raises(Stop):  # one that is stopped at the same place again has made nothing twice
        score_all(stopped)
    assert all(path.stat().st_mtime_ns == at for path, at in kept.items())
    pd.testing.assert_frame_equal(pd.read_parquet(score_all(material)), scored.table, check_exact=True)
    assert not work.exists()


def test_what_was_kept_is_what_goes_into_the_table(material: Material) -> None:
    """A kept part with other numbers shows up: it was not made again."""
    stopped = replace(material, emit=stopping("mui", 1))
    with pytest.raises(Stop):
        score_all(stopped)
    (part,) = (material.place.own / "unfinished").glob("ablated-*.npy")
    columns = np.load(part)
    columns[everything.COLUMNS.index("kl")] = 1e9
    np.save(part, columns)
    n = columns.shape[1]
    table = pd.read_parquet(score_all(material))
    assert (table["mean_kl"] * table["mui_n"]).sum() == pytest.approx(1e9 * n, rel=1e-3)


def test_another_label_or_seed_does_not_take_what_was_kept(material: Material) -> None:
    with pytest.raises(Stop):
        score_all(replace(material, emit=stopping("score", 1)))
    material.book.add([Labelled(3, "numbers", "user")])
    table = pd.read_parquet(score_all(material))
    assert table.at[3, "label"] == "numbers"
    check(table, 3, "interp", score_feature(material, 3).interp)
    other = pd.read_parquet(score_all(replace(material, seed=1)))
    assert (other["over_random"] != table["over_random"])[~table["dead"]].mean() > 0.9


def test_ablations_are_made_once_for_all_labels(material: Material) -> None:
    first = pd.read_parquet(score_all(material))
    material.book.add([Labelled(3, "numbers", "user")])
    again = pd.read_parquet(score_all(replace(material, emit=stopping("mui", 0))))  # that stage would raise
    assert again.at[3, "label"] == "numbers" and first.at[3, "label"] != "numbers"
    columns = ["mui", "ratio", "over_random", "mui_percentile"]
    pd.testing.assert_frame_equal(again[columns], first[columns], check_exact=True)
    sampled = pd.read_parquet(score_all(replace(material, emit=stopping("mui", 0)), 5)).set_index("feature")
    assert sampled["ratio"].equals(again.set_index("feature").loc[sampled.index, "ratio"])
    (kept,) = material.place.own.glob("ablated-*.npy")
    score_all(replace(material, seed=1))
    (other,) = material.place.own.glob("ablated-*.npy")
    assert other != kept


def test_without_labels_numbers_are_still_numbers(shared: Material, tmp_path: Path) -> None:
    bare = replace(shared, place=replace(shared.place, own=tmp_path / "bare"))
    score_all(bare)
    table = pd.read_parquet(bare.place.table_path)
    assert table["interp"].dtype == table["purity"].dtype == np.float64
    assert table["label"].isna().all() and table["interp"].isna().all()
    assert set(table["interp_reason"]) == {"it has no label"}


def test_an_sae_whose_features_are_all_dead(tmp_path: Path) -> None:
    model = tiny_model("llama")
    material = opened(tmp_path, silent(random_sae(model)))
    table = pd.read_parquet(score_all(material))
    assert (
        set(table["name"]) == {"dead"}
        and table["ratio"].isna().all()
        and table["mui_percentile"].isna().all()
    )
    assert table["mui"].dtype == np.float64


def test_a_sample_has_the_rows_of_the_whole_table(material: Material, scored: Scored) -> None:
    path = score_all(material, 5)
    found = pd.read_parquet(path)
    assert path.name == "features-5.parquet" and len(found) == 5 and found["feature"].is_monotonic_increasing
    assert not material.place.table_path.exists()
    whole = scored.table.set_index("feature").loc[found["feature"]].reset_index()[list(found.columns)]
    apart = "mui_percentile"  # of those that were scored
    pd.testing.assert_frame_equal(
        found.drop(columns=apart), whole.drop(columns=apart), check_exact=False, rtol=1e-4
    )
    assert pd.read_parquet(score_all(material, 10**6)).shape[0] == material.sae.d_sae
