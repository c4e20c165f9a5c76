from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from assay.cli.main import app
from assay.runs.home import Home
from assay.runs.recording import recording
from assay.runs.store import Store
from run_events import BEGIN, COMMIT, END, OPTIONS, REQUEST, SUITE, Pair, plan

Assay = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("ASSAY_DB", raising=False)
    return Home(tmp_path / "home")


@pytest.fixture
def assay(home: Home) -> Assay:
    """``assay("runs", "list")`` in a home of its own."""
    return lambda *words: CliRunner().invoke(app, list(words))


@pytest.fixture
def stored(home: Home) -> Callable[..., str]:
    """Stores a run of the given events; by default a whole one, with a file where its edit would be."""

    def store_run(*pairs: Pair, commit: bool = True) -> str:
        with Store(home) as store:
            run_id = store.create_run("edit", REQUEST.to_json(), OPTIONS)
            with recording(store, run_id) as run:
                for kind, data in BEGIN:
                    run.emit(kind, data)
                if commit:
                    run.folder.write_plan(plan())
                    run.folder.edit.write_bytes(b"an edit")
                    run.emit(*COMMIT)
                for kind, data in pairs or (*SUITE, END):
                    run.emit(kind, data)
        return run_id

    return store_run
