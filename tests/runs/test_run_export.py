import csv
import json
from dataclasses import fields
from pathlib import Path

import pytest

from assay.benchmarks.result import ProbeResult
from assay.errors import StoreError
from assay.runs.compare import compare
from assay.runs.export import export, load_run, probes_df, probes_table, runs_df
from assay.runs.home import Home
from assay.runs.recording import recording
from assay.runs.store import Store
from run_events import OPTIONS, REQUEST, WHOLE, bench


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    with Store(home) as store:
        run_id = store.create_run("edit", REQUEST.to_json(), OPTIONS)
        with recording(store, run_id) as run:
            for kind, data in WHOLE:
                run.emit(kind, data)
    return home


def test_a_run_loads_from_its_id_its_folder_and_its_file(home: Home) -> None:
    by_id = load_run("last", home)
    folder = home.run(by_id["run_id"])
    assert load_run(folder) == load_run(folder / "run.json") == by_id


@pytest.mark.parametrize("text", ["{", "[]", '{"run_id": 1}'])
def test_a_file_that_is_no_run_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(StoreError, match="which is not a run"):
        load_run(tmp_path)


def test_the_probes_have_the_same_columns_and_types_in_every_run(home: Home) -> None:
    run = load_run("last", home)
    table = probes_table(run)
    assert table.column_names == [
        "run_id",
        "benchmark",
        "index",
        *(field.name for field in fields(ProbeResult)),
    ]
    assert probes_table({**run, "benchmarks": []}).schema == table.schema
    assert table.column("value").to_pylist() == [0.9, None, 0.9, None]
    assert "null" not in {str(kind) for kind in table.schema.types}


def test_exports_hold_the_same_numbers_and_leave_what_is_not_known_empty(home: Home, tmp_path: Path) -> None:
    import pandas as pd

    run = load_run("last", home)
    parquet, probes, benchmarks = export(run, tmp_path / "out")
    pd.testing.assert_frame_equal(pd.read_parquet(parquet), probes_df(run))
    with probes.open(newline="") as file:
        values = [row["value"] for row in csv.DictReader(file)]
    assert values == ["0.9", "", "0.9", ""]
    with benchmarks.open(newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["score"], first["passed"], json.loads(first["figures"])) == ("0.9", "True", {"leak": None})
    assert (second["score"], second["low"], second["reason"]) == ("", "", "the edit was not held")


@pytest.mark.slow
def test_runs_are_a_table_with_verdicts_counted(home: Home) -> None:
    (row,) = runs_df(home).to_dict("records")
    assert (row["status"], row["high"], row["unscored"], row["low"]) == ("committed", 1, 1, 0)
    assert list(runs_df(Home(home.root / "empty")).columns)[:2] == ["id", "kind"]


def test_runs_compare_by_benchmark_and_say_what_may_be_chance(home: Home) -> None:
    a = load_run("last", home)
    b = {**a, "benchmarks": [bench("edit_bench", 0.2), bench("leme", 0.7)]}
    rows = {row["id"]: row for row in compare(a, b)["benchmarks"]}
    assert list(rows) == ["edit_bench", "zsre", "leme"]
    assert rows["edit_bench"]["delta"] == pytest.approx(-0.7)
    assert rows["edit_bench"]["change"] == "worse"
    assert (rows["zsre"]["delta"], rows["zsre"]["change"]) == (None, "not run in B")
    assert rows["leme"]["change"] == "not run in A"
    near = compare(a, {**a, "benchmarks": [bench("edit_bench", 0.93), bench("zsre", 0.5)]})["benchmarks"]
    assert [row["change"] for row in near] == ["better, may be chance", "unscored"]
