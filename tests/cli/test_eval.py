"""``assay eval`` from the command line, on tiny models and the small samples of each format."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import Result

from assay.benchmarks.names import NAMES
from assay.cli.eval import _decimal, _ends, _show_benchmarks
from assay.datasets.table import FORMATS
from assay.evals.casefile import cases_frame
from assay.evals.correlation import FEW, SAME_METRIC, SAME_SCORE, compare
from assay.evals.table import EVALUATIONS
from assay.runs.home import Home
from small import save_tiny

pytestmark = pytest.mark.slow

Assay = Callable[..., Result]

SAMPLES = Path(__file__).parent.parent / "datasets" / "samples"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("model"))


def test_the_document_holds_all_that_made_the_scores(assay: Assay, home: Home, folder: Path) -> None:
    words = (
        "eval",
        "counterfact",
        str(SAMPLES / "counterfact.json"),
        "--model",
        str(folder),
        "--known",
        "all",
    )
    result = assay(*words, "--layers", "1,2", "--variants", "r-rome,rome", "--limit", "1", "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert [(cell["layer"], cell["variant"]) for cell in document["cells"]] == [
        (1, "r-rome"),
        (1, "rome"),
        (2, "r-rome"),
        (2, "rome"),
    ]
    assert document["counts"]["run"] == 1
    assert document["counts"]["skipped"] == {"prompt template without exactly one {}": 1}
    assert document["known_rule"] is None
    assert {"dataset", "model", "options", "settings", "corpus", "timings", "provenance"} <= document.keys()
    assert len(document["dataset"]["hash"]) == len(document["model"]["hash"]) == 64
    for cell in document["cells"]:
        assert [m["id"] for m in cell["metrics"]] == [m.id for m in EVALUATIONS["counterfact"].metrics]
        assert all({"value", "interval", "n", "before"} <= metric.keys() for metric in cell["metrics"])
        assert len(cases_frame(cell["file"])) == 1
        assert Path(cell["file"]).is_relative_to(home.root)

    shown = assay(*words, "--layers", "2", "--variants", "rome")  # goes on from there
    assert shown.exit_code == 0, shown.stderr
    assert "2 cases run of 3; not known 0, not asked 0, skipped 1" in shown.stdout
    assert "skipped 1: prompt template without exactly one {}" in shown.stdout
    assert "Layer 2, rome" in shown.stdout
    for metric in ("ES", "PS", "NS", "exact_rewrite", "free_rewrite"):
        assert any(line.startswith(f"{metric} ") for line in shown.stdout.splitlines())
    assert "nothing to score: PS_pararel, PS_loose" in shown.stdout
    paths = [line for line in shown.stdout.splitlines() if "cases.jsonl" in line]
    assert all(len(line) <= 80 for line in shown.stdout.splitlines() if line not in paths)
    assert len(cases_frame(document["cells"][3]["file"])) == 2


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_has_a_command(assay: Assay, folder: Path, format: str) -> None:
    file = SAMPLES / f"{format}.json"
    result = assay(
        "eval", format, str(file), "--model", str(folder), "--known", "all", "--limit", "1", "--layers", "1"
    )
    assert result.exit_code == 0, result.stderr
    assert FORMATS[format].title in result.stdout


def test_the_thirteen_stand_beside_the_papers_metrics(assay: Assay, folder: Path) -> None:
    file = str(SAMPLES / "counterfact.json")
    words = ("eval", "counterfact", file, "--model", str(folder), "--known", "all", "--limit", "1")
    words = (*words, "--layers", "1")
    result = assay(*words, "--benchmarks", "--json")
    assert result.exit_code == 0, result.stderr
    assert "editing and scoring case by case" in result.stderr
    document = json.loads(result.stdout)
    assert document["options"]["benchmarks"] is True
    (cell,) = document["cells"]
    found = cell["benchmarks"]
    assert [row["id"] for row in found["scores"]] == list(NAMES)
    assert found["cases"] == 1
    for row in found["scores"]:
        assert [c["metric"] for c in row["correlations"]] == ["PS", "NS", "EM", "PM", "NM"]
        assert {(c["rho"], c["reason"]) for c in row["correlations"]} == {(None, FEW)}
    scores = [json.loads(line)["scores"] for line in Path(cell["file"]).read_text().splitlines()]
    assert [set(case) for case in scores] == [set(NAMES)]

    shown = assay(*words, "--benchmarks")  # only summed up
    assert shown.exit_code == 0, shown.stderr
    assert "editing and scoring" not in shown.stderr
    assert "The thirteen on the same edits, n = 1" in shown.stdout
    assert all(any(x.startswith(row.title) for x in shown.stdout.splitlines()) for row in NAMES.values())
    assert f"no rho, {FEW}: EditBench" in shown.stdout
    assert "The thirteen" not in assay(*words).stdout


def made_up(n: int) -> list[dict[str, Any]]:
    """Lines in which EditBench goes against PM, RippleBench never varies, NS neither, and LEME misses cases."""
    rng = np.random.default_rng(1)
    lines = []
    for i in range(n):
        after = {id: float(rng.normal()) for id in ("PS", "EM", "PM", "NM")} | {"NS": 1.0}
        scores: dict[str, Any] = {id: float(rng.uniform()) for id in NAMES}
        scores |= {"edit_bench": -after["PM"], "ripple_bench": 1.0, "leme": i / n if i % 4 else None}
        unscored = {} if i % 4 else {"leme": "no sentence"}
        lines.append({"after": after, "scores": scores, "unscored": unscored, "generic": i < 3})
    return lines


def test_the_table_of_correlations_fits_and_says_what_it_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    lines = made_up(40)
    lines += [{**lines[0], "generic": None}]
    found = compare(lines, EVALUATIONS["counterfact"].metrics)
    _show_benchmarks(found)
    out = capsys.readouterr().out
    shown = out.splitlines()
    assert max(map(len, shown)) <= 80
    at = shown.index("benchmark                          PS        NS        EM        PM        NM")
    ps, ns, em, pm, nm = found["scores"][0]["correlations"]
    assert (ns["rho"], pm["rho"], pm["interval"]) == (None, -1, None)
    cells = [_decimal(c["rho"]) for c in (ps, ns, em, pm, nm)]
    ends = " ".join(_ends(c["interval"]) for c in (ps, ns, em, pm, nm))
    mean = _decimal(found["scores"][0]["mean"])
    assert shown[at + 1].split() == ["EditBench", *cells]
    assert shown[at + 2].split() == ["mean", f"{mean},", "n", "40", *ends.split()]
    assert "  left out, cases with several facts: 1\n" in out
    assert "  generic probes, relation not recognised: 3\n" in out
    assert f"  no rho, {SAME_METRIC}: NS\n" in out
    assert f"  no rho, {SAME_SCORE}: RippleBench\n" in out
    assert "  LEME without 10: no sentence\n" in out


def test_metrics_with_long_names_stand_in_several_tables(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = EVALUATIONS["rippleedits"].metrics
    names = [m.id for m in metrics if m.compared]
    lines = made_up(8)
    for line in lines:
        line["after"] = {m.id: 1.0 for m in metrics} | dict.fromkeys(names, line["after"]["PM"])
    _show_benchmarks(compare(lines, metrics))
    shown = capsys.readouterr().out.splitlines()
    assert max(map(len, shown)) <= 80
    heads = [line.split()[1:] for line in shown if line.startswith("benchmark")]
    assert len(heads) > 1 and [name for head in heads for name in head] == names
    rows = [line.split()[1:] for line in shown if line.startswith("EditBench")]
    assert rows == [["-1"] * len(head) for head in heads]


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0.0, "0"), (-0.001, "0"), (0.5, ".50"), (-0.314, "-.31"), (0.996, "1"), (-1.0, "-1")],
)
def test_numbers_are_written_as_correlations_are(value: float | None, text: str) -> None:
    assert _decimal(value) == text
    assert _ends(None if value is None else [value, 0.25]) == (text if value is None else f"{text} .25")


@pytest.mark.parametrize(
    ("words", "came", "todo"),
    [
        (("zsre", "none.json"), "none.json, which cannot be read", "check the path"),
        (("zsre", str(SAMPLES / "mquake.json")), "record 0 of mquake.json, which lacks", "assay eval mquake"),
        (("zsre", str(SAMPLES / "zsre.json"), "--layers", "1,x"), "layers '1,x'", "--layers 3,5,7"),
        (("zsre", str(SAMPLES / "zsre.json"), "--layers", ","), "an empty --layers", "--layers 3,5,7"),
        (
            ("zsre", str(SAMPLES / "zsre.json"), "--variants", "r-rom"),
            "variant 'r-rom'",
            "did you mean r-rome",
        ),
        (("zsre", str(SAMPLES / "zsre.json"), "--method", "mend"), "method 'mend'", "did you mean"),
    ],
)
def test_bad_input_ends_with_two_and_says_what_to_do(
    assay: Assay, words: tuple[str, ...], came: str, todo: str
) -> None:
    result = assay("eval", *words)
    assert result.exit_code == 2
    assert came in result.stderr
    assert todo in result.stderr


def test_a_layer_that_is_not_there_and_a_model_that_knows_nothing(assay: Assay, folder: Path) -> None:
    words = ("eval", "counterfact", str(SAMPLES / "counterfact.json"), "--model", str(folder))
    result = assay(*words, "--layers", "9")
    assert (result.exit_code, "a layer from 0 to 3" in result.stderr) == (2, True)
    result = assay(*words, "--json")
    assert result.exit_code == 2
    assert "knows none" in json.loads(result.stdout)["error"]["came"]
