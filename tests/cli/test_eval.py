"""``assay eval`` from the command line, on tiny models and the small samples of each format."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from assay.datasets.table import FORMATS
from assay.evals.casefile import cases_frame
from assay.evals.table import EVALUATIONS
from assay.runs.home import Home
from small import save_tiny

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
