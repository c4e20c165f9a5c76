"""``assay sae index`` and ``assay features show`` on a tiny model: what they print, as text and as JSON."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from rich.cells import cell_len
from rich.console import Console
from test_index_codes import DEAD, DENSE, FEATURES, LAYER, tiny_sae
from typer.testing import CliRunner, Result

from assay.cli.main import app
from assay.models.bulk import bulk_dtype
from assay.models.load import load
from assay.report.feature import render_feature
from assay.sae.formats.save import save_sae
from assay.sae.formats.table import load_sae
from assay.sae.index.bank import Bank
from assay.sae.index.build import find_index
from assay.sae.index.document import feature_document
from assay.sae.rows import SHORTEST
from banked import prose
from small import save_tiny
from training import one_thread  # noqa: F401 - a fixture

pytestmark = pytest.mark.slow

Assay = Callable[..., Result]
SHOWN = ("fires on", "strength", "quantiles", "histogram", "promotes", "suppresses", "nearest")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def sae(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    made = tiny_sae(load(str(model), tmp_path_factory.mktemp("cache")))
    named = replace(made, model_id=str(model), start_token=True, context=32)
    return save_sae(named, tmp_path_factory.mktemp("sae") / "tiny")


@pytest.fixture
def assay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Assay:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "home"))
    (tmp_path / "text.txt").write_text("\n".join(prose().documents), encoding="utf-8")
    return lambda *words: CliRunner().invoke(app, [*map(str, words)])


@pytest.fixture
def made(assay: Assay, sae: Path, tmp_path: Path) -> dict[str, object]:
    result = assay("sae", "index", sae, "--corpus", tmp_path / "text.txt", "--tokens", 1500, "--json")
    assert result.exit_code == 0, result.stderr
    found: dict[str, object] = json.loads(result.stdout)
    return found


def test_index(assay: Assay, sae: Path, model: Path, made: dict[str, object], tmp_path: Path) -> None:
    assert (made["model_id"], made["layer"], made["context"]) == (str(model), LAYER, 32)
    assert (made["tokens"], made["dtype"]) == (1500, str(bulk_dtype()).removeprefix("torch."))
    index = find_index(tmp_path / "home" / "cache", load_sae(sae))
    # Of the documents that are not the bank's; a last piece too short for a row is left out.
    assert 1500 - SHORTEST < index.about.n_tokens == made["n_tokens"] <= 1500
    assert made["sae_hash"] == load_sae(sae).hash
    assert str(index.folder) == made["folder"] and index.summary() == made["summary"]
    assert index.effects is not None and index.neighbours is not None

    bank = Bank(index)
    assert bank.index.about.dtype == "float32" and len(bank) > bank.n_deciding > 0

    shown = assay("sae", "index", sae, "--corpus", tmp_path / "text.txt", "--tokens", 1500)
    assert shown.exit_code == 0, shown.stderr
    assert "codes of" not in shown.stderr  # nothing was left to run
    assert f"{index.about.n_tokens:,}  in " in shown.stdout and "features per token, mean" in shown.stdout
    assert f"of {FEATURES} features: fired on no token" in shown.stdout
    assert shown.stdout.rstrip().endswith(str(made["folder"]))
    assert all(len(line) <= 80 for line in shown.stdout.splitlines() if str(tmp_path) not in line)


def test_show(assay: Assay, sae: Path, made: dict[str, object], tmp_path: Path) -> None:
    result = assay("features", "show", 7, "--sae", sae, "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    index = find_index(tmp_path / "home" / "cache", load_sae(sae))
    assert document.pop("labels") == []
    assert document == json.loads(json.dumps(feature_document(index, 7, 10)))
    one = index.statistics(7)
    assert (document["n_tokens"], document["density"], document["max"]) == (
        one.n_tokens,
        one.density,
        one.max,
    )
    assert sum(document["histogram"]["counts"]) == one.n_tokens
    assert len(document["promoted"]) == len(document["suppressed"]) == len(document["nearest"]) == 10
    assert [s["sentence"] for s in document["top"]] == [e.sentence for e in index.top(7, 10)]
    assert len(document["deciles"]) == 10

    shown = assay("features", "show", 7, "--sae", sae, "--top", 3)
    lines = shown.stdout.splitlines()
    assert all(cell_len(line) <= 80 for line in lines)
    assert lines[0].startswith("feature 7  of 64 at layer 1, ")
    assert all(any(line.startswith(f"  {name} ") for line in lines) for name in SHOWN)
    begin = next(n for n, line in enumerate(lines) if line.startswith("Top sentences"))
    for line, sentence in zip(lines[begin + 1 : begin + 4], document["top"], strict=False):
        assert f"{sentence['value']:.2f}" in line
        assert f"⟦{sentence['tokens'][sentence['peak']].strip()}⟧" in line


@pytest.mark.parametrize(
    ("feature", "words"), [(DEAD, "fires on none of {n_tokens:,} tokens"), (DENSE, ": dense")]
)
def test_show_a_dead_and_a_dense_one(
    assay: Assay, sae: Path, made: dict[str, object], feature: int, words: str
) -> None:
    shown = assay("features", "show", feature, "--sae", sae)
    assert shown.exit_code == 0, shown.stderr
    assert words.format(**made) in shown.stdout and "promotes" in shown.stdout
    assert ("Top sentences" in shown.stdout) == (feature != DEAD)


def test_text_that_would_act_on_a_terminal_and_wide_characters(
    made: dict[str, object], tmp_path: Path
) -> None:
    """However long and wide it is, a sentence is one line of 80 columns with its peak in it."""
    folder = Path(str(made["folder"]))
    sentence = {"value": 1.5, "tokens": ["东京" * 40, " \x1b[31mred" * 3, "\n", "塔" * 90], "peak": 1}
    plain = {"value": 123456.0, "tokens": ["\n"], "peak": 0}
    document = {
        "feature": 3,
        "sae": {"id": "东京" * 50, "features": 16_384, "layer": 3},
        "corpus": {"name": "wiki", "tokens": 10},
        "n_tokens": 2,
        "density": 0.00002,
        "mean": 1e-9,
        "max": 1e9,
        "dead": False,
        "dense": False,
        "quantiles": [],
        "histogram": {"counts": [0, 1, 5]},
        "promoted": [{"token": " \x07" + "塔" * 30, "logit": 1.0}] * 9,
        "suppressed": None,
        "nearest": None,
        "top": [sentence, plain],
        "deciles": [[sentence]],
    }
    console = Console(width=80, record=True, file=(folder / "out.txt").open("w"))
    render_feature(document, console)
    console.file.close()
    lines = console.export_text().splitlines()
    assert all(cell_len(line) <= 80 for line in lines) and "\x1b" not in "".join(lines)
    assert sum("⟦␛[31mred" in line for line in lines) == 2 and any("⟦⏎⟧" in line for line in lines)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("features", "show", 64, "--sae"), "feature 64 of the SAE"),
        (("sae", "index", "--corpus", "text.txt", "--layer", 3), "layer 3 for the SAE"),
        (("sae", "index", "--corpus", "wikki"), "no text at 'wikki'"),
    ],
)
def test_what_is_said_of_wrong_arguments(
    assay: Assay,
    sae: Path,
    made: dict[str, object],
    words: tuple[object, ...],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    result = assay(*words, sae)
    assert result.exit_code == 2 and said in result.stderr


def test_without_an_index_or_a_model(assay: Assay, sae: Path, tmp_path: Path) -> None:
    result = assay("features", "show", 3, "--sae", sae)
    assert result.exit_code == 2 and f"to do:  make one: assay sae index {sae}" in result.stderr
    nameless = save_sae(replace(load_sae(sae), model_id=None), tmp_path / "nameless")
    result = assay("sae", "index", nameless, "--corpus", tmp_path / "text.txt")
    assert result.exit_code == 2 and "which does not say which model it reads" in result.stderr
