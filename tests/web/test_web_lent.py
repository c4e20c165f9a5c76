"""``assay features score`` beside a running ``assay ui``: the worker does it, and the answer is the same."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from assay.cli.main import app
from assay.runs import lent
from assay.runs.home import Home
from assay.runs.process import held, only_writer
from assay.runs.queue import Queue
from assay.runs.store import Store
from feature_home import SAE, copied, served
from small import Heard
from web_browser import serving

pytestmark = pytest.mark.slow


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Iterator[Home]:
    yield Home(copied(tmp_path_factory, tmp_path / "home"))


def score(home: Home, *words: str) -> Result:
    given = ["--home", str(home.root), "features", "score", *words, "--sae", str(home.root / SAE), "--json"]
    return CliRunner().invoke(app, given)


def scored(home: Home, *words: str) -> Any:
    found = score(home, *words)
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout)


def rounded(document: Any) -> Any:
    """Numbers of two processes may differ in the last digits."""
    if isinstance(document, float):
        return pytest.approx(document, rel=1e-4, abs=1e-6)
    if isinstance(document, dict):
        return {name: rounded(value) for name, value in document.items()}
    return [rounded(value) for value in document] if isinstance(document, list) else document


def test_an_idle_worker_gives_the_same_scores_and_its_run_is_on_the_features_page(home: Home) -> None:
    alone = scored(home, "5", "7", "--seed", "3")
    with Store(home) as store:
        assert store.runs() == [], "without a worker nothing is recorded"
    with serving(home, worker=True), Store(home) as store:
        while not lent.idle(home, Queue(store)):
            time.sleep(0.05)
        borrowed = scored(home, "5", "7", "--seed", "3")
        one = scored(home, "5", "--label", "old ships")
        wrong = score(home, "99999")
        runs = store.runs()
        documents = [store.document(run.id) for run in runs]
    assert borrowed == rounded(alone) and one["label"] == "old ships" and one["label_source"] is None
    assert wrong.exit_code == 2 and json.loads(wrong.stdout)["error"]["kind"] == "Mismatch"
    assert [(run["options"]["feature"], run["status"]) for run in documents] == [
        (99999, "failed"),
        (5, "done"),
        (7, "done"),
        (5, "done"),
    ]
    with served(home.root) as pages:
        found = pages.html(f"/features/7?sae={SAE.replace('/', '%2F')}")
    assert documents[2]["run_id"] in found, "the page shows what was scored last"


def test_a_worker_that_is_busy_is_not_waited_for(home: Home) -> None:
    request = {"prompt": "", "subject": "s", "target": "", "old": None, "relation": None}
    asked: tuple[Any, ...] = ("feature", request, {}, "feature", {})
    with Store(home) as store, only_writer(home.root / lent.WORKER, "worker"):
        assert held(home.root / lent.WORKER)
        queue = Queue(store)
        assert lent.idle(home, queue)
        waiting = queue.put("edit", request, {}, "edit")
        assert not lent.idle(home, queue)
        assert lent.done_by_worker(store, *asked, Heard()) is None
        assert [run.id for run in store.runs()] == [waiting], "it was not even asked"
    assert not held(home.root / lent.WORKER) and not held(home.root / "nowhere")


def test_a_worker_that_takes_nothing_is_given_up(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lent, "PATIENCE", 0.1)
    request = {"prompt": "", "subject": "s", "target": "", "old": None, "relation": None}
    with Store(home) as store, only_writer(home.root / lent.WORKER, "worker"):
        assert lent.done_by_worker(store, "feature", request, {}, "feature", {}, Heard()) is None
        (run,) = store.runs()
        assert run.status == "interrupted" and Queue(store).take() is None


def test_a_ctrl_c_cancels_what_was_asked_for(home: Home) -> None:
    request = {"prompt": "", "subject": "s", "target": "", "old": None, "relation": None}

    def stop(kind: str, data: Any) -> None:
        raise KeyboardInterrupt

    with Store(home) as store, only_writer(home.root / lent.WORKER, "worker"):
        with pytest.raises(KeyboardInterrupt):
            lent.done_by_worker(store, "feature", request, {}, "feature", {}, stop)
        assert Queue(store).take() is None
