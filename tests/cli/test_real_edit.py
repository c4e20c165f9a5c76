"""``assay edit`` and what follows it, for real, on tiny models saved as folders."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoModelForCausalLM, BloomConfig
from typer.testing import Result

from assay.models.gguf import quiet_transformers
from assay.models.load import load
from assay.options import Options
from assay.pipeline import run_edit
from assay.runs.home import Home
from assay.runs.recording import recording
from assay.runs.store import Store
from small import LENIENT, TOWER, save_tiny
from tiny import tiny_tokenizer

pytestmark = pytest.mark.slow

Assay = Callable[..., Result]

FACT = ("--prompt", TOWER.prompt, "--subject", TOWER.subject)
EDIT = ("edit", *FACT, "--target", "Berlin")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("model"))


def strict(text: str) -> Any:
    """One JSON document without NaN."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    return json.loads(text, parse_constant=refuse)


def test_an_edit_that_does_not_validate_ends_with_one_and_is_rolled_back(assay: Assay, folder: Path) -> None:
    result = assay(*EDIT, "--model", str(folder), "--layer", "1", "--no-trace", "--json")
    assert result.exit_code == 1
    run = strict(result.stdout)
    assert (run["status"], run["edit"], run["benchmarks"]) == ("rolled_back", None, [])
    assert run["validation"]["passed"] is False
    assert [check["id"] for check in run["validation"]["checks"]] == [
        "paraphrases",
        "behaviour",
        "representation",
    ]
    assert "Rolled back at layer 1" in result.stderr
    assert strict(assay("edits", "list", "--json").stdout) == {"edits": []}
    assert assay("bench", "last").exit_code == 2
    assert "rolled" in assay("runs", "show", "last").stdout.lower()


def test_a_trace_edits_nothing(assay: Assay, folder: Path) -> None:
    result = assay("trace", *FACT, "--old", "Paris", "--model", str(folder), "--json")
    assert result.exit_code == 0
    assert sorted(strict(result.stdout)["trace"]["ranking"]) == [0, 1, 2, 3]


@pytest.fixture
def committed(home: Home, folder: Path) -> str:
    """A run with a committed edit of the folder, not yet measured."""
    options = Options(model=str(folder), layer=1, bench=False, trace=False)
    with Store(home) as store:
        run_id = store.create_run("edit", TOWER.to_json(), asdict(options))
        with recording(store, run_id) as run:
            run.finish(run_edit(TOWER, options, run.emit, home.cache, run.save, LENIENT).status)
    return run_id


def test_a_committed_edit_is_measured_exported_applied_and_reverted(
    assay: Assay, committed: str, home: Home, folder: Path, tmp_path: Path
) -> None:
    measured = assay("bench", "last", "--only", "zsre,edit_bench", "--json")
    assert measured.exit_code == 0, measured.stderr
    run = strict(measured.stdout)
    assert [result["id"] for result in run["benchmarks"]] == ["edit_bench", "zsre"]
    assert (home.run(run["run_id"]) / "report.html").is_file()

    before = (folder / "model.safetensors").read_bytes()
    out = tmp_path / "out"
    assert assay("edits", "export", committed, "--out", str(out)).exit_code == 0
    edited = load(str(out), tmp_path)
    assert assay("edits", "export", committed, "--out", str(out)).exit_code == 2
    assert assay("edits", "apply", committed, str(folder)).exit_code == 0
    again = assay("edits", "apply", committed, str(folder))
    assert (again.exit_code, "already has an edit applied" in again.stderr) == (2, True)
    assert load(str(folder), tmp_path).hash == edited.hash
    assert assay("edits", "revert", committed, str(folder)).exit_code == 0
    assert (folder / "model.safetensors").read_bytes() == before


def test_an_edit_is_not_applied_to_another_model(assay: Assay, committed: str, tmp_path: Path) -> None:
    other = save_tiny(tmp_path / "other", seed=1)
    result = assay("edits", "apply", committed, str(other), "--json")
    assert result.exit_code == 2
    assert strict(result.stdout)["error"]["kind"] == "Mismatch"
    assert not (other / ".assay").exists()


def test_an_edit_whose_model_has_changed_is_not_measured(assay: Assay, home: Home, tmp_path: Path) -> None:
    model = save_tiny(tmp_path / "model")
    options = Options(model=str(model), layer=1, bench=False, trace=False)
    with Store(home) as store:
        run_id = store.create_run("edit", TOWER.to_json(), asdict(options))
        with recording(store, run_id) as run:
            run.finish(run_edit(TOWER, options, run.emit, home.cache, run.save, LENIENT).status)
    save_tiny(model, seed=1)
    result = assay("bench", run_id, "--json")
    assert result.exit_code == 2
    assert strict(result.stdout)["error"]["kind"] == "Mismatch"


def bloom(folder: Path) -> Path:
    with quiet_transformers():
        config = BloomConfig(vocab_size=400, hidden_size=32, n_layer=2, n_head=4)
        AutoModelForCausalLM.from_config(config).save_pretrained(folder)
        tiny_tokenizer(False).save_pretrained(folder)
    return folder


def empty(folder: Path) -> Path:
    folder.mkdir()
    return folder


def cut(folder: Path) -> Path:
    weights = save_tiny(folder) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    return folder


def file(data: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = folder.with_suffix(".gguf")
        path.write_bytes(data)
        return path

    return make


MODELS: dict[str, tuple[Callable[[Path], Path | str], str]] = {
    "unknown name": (lambda _: "smolm2", "model 'smolm2' cannot be loaded"),
    "unknown hub id": (lambda _: "nobody/nothing", "model 'nobody/nothing' cannot be loaded"),
    "no such folder": (lambda f: f / "nowhere", "nowhere' cannot be loaded"),
    "no such file": (lambda f: f / "no.gguf", "no file at "),
    "no config": (empty, "has no config.json"),
    "cut weights": (cut, "cannot be read"),
    "unknown family": (bloom, "model type 'bloom' is not in the family table"),
    "text": (file(b"hello"), "does not start with the GGUF mark"),
    "cut gguf": (file(b"GGUF\3\0\0\0\2\0\0\0\0\0\0\0\2\0\0\0"), "cannot be read"),
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_that_cannot_be_used_is_explained(
    name: str, assay: Assay, home: Home, tmp_path: Path
) -> None:
    make, says = MODELS[name]
    check(assay(*EDIT, "--model", str(make(tmp_path / "model")), "--json"), home, "ModelError", says)


WRONG = {
    "layer out of range": (("--layer", "4"), "ModelError", "layer 4 of "),
    "last layer": (("--layer", "3"), "ModelError", "layer 3, the last of "),
    "the catalogue's old answer": (("--target", "Paris"), "RequestError", "target 'Paris' is the old answer"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_request_that_cannot_be_met_is_explained(name: str, assay: Assay, home: Home, folder: Path) -> None:
    more, kind, says = WRONG[name]
    before = (folder / "model.safetensors").read_bytes()
    check(assay(*EDIT, "--model", str(folder), "--no-trace", *more, "--json"), home, kind, says)
    assert (folder / "model.safetensors").read_bytes() == before


def check(result: Result, home: Home, kind: str, says: str) -> None:
    """Status 2, the three parts, no traceback, and a store that is whole and knows of the failure."""
    assert result.exit_code == 2
    error = strict(result.stdout)["error"]
    assert error["kind"] == kind
    assert says in error["came"]
    assert error["wanted"] and error["todo"]
    assert [line.split(":")[0] for line in result.stderr.splitlines()[-3:]] == ["came", "wanted", "to do"]
    assert "Traceback" not in result.stderr
    with Store(home) as store:
        (run,) = store.runs()
        assert run.status == "failed"
        assert store.document(run.id)["resumable"] is False
        assert strict((home.run(run.id) / "run.json").read_text())["status"] == "failed"


def test_a_disk_that_fills_up_while_moments_are_saved_is_named(home: Home, tmp_path: Path) -> None:
    """The moments of a layer take 2 MB, more than this process may write into one file."""
    folder = save_tiny(tmp_path / "wide", "pythia", intermediate_size=700)
    code = "from assay.cli.main import main; main()"
    words = [*EDIT, "--model", str(folder), "--layer", "1", "--no-trace", "--json"]
    child = subprocess.run(
        [sys.executable, "-c", code, *words],
        env={**os.environ, "ASSAY_HOME": str(home.root)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, 1_500_000)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == 2, child.stderr
    error = strict(child.stdout)["error"]
    assert error["kind"] == "StoreError"
    assert error["came"].startswith(f"cannot write {home.cache / 'moments'}")
    assert "File too large" in error["came"]
    assert list((home.cache / "moments").iterdir()) == []
    with Store(home) as store:
        assert [run.status for run in store.runs()] == ["failed"]
