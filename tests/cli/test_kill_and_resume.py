"""The real suite killed, locked out and run side by side: what was finished stays, the rest can follow."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from assay.asked import stored_options
from assay.benchmarks.names import NAMES
from assay.characterise import run_bench
from assay.errors import StoreError
from assay.events import Emit, ignore
from assay.options import Options
from assay.pipeline import run_edit
from assay.runs import suites
from assay.runs.home import Home
from assay.runs.recording import recording
from assay.runs.store import Store
from small import LENIENT, TOWER, save_tiny, timeless

pytestmark = pytest.mark.slow

STOP_AFTER = 5

DRIVER = """
import sys, time
from pathlib import Path
from assay.runs.home import Home
from test_kill_and_resume import STOP_AFTER, one_run

seen = 0

def listen(kind, data):
    global seen
    seen += kind == "bench_result"
    if pause and kind == "bench_result" and seen == STOP_AFTER:
        Path(sys.argv[3]).touch()
        time.sleep(600)

pause = len(sys.argv) > 3
one_run(Home(Path(sys.argv[1])), Path(sys.argv[2]), listen)
"""


def one_run(home: Home, folder: Path, listen: Emit = ignore, wait: float = 10.0) -> str:
    """What ``assay edit`` does, with small settings; returns the run's id."""
    options = Options(model=str(folder), layer=1, trace=False)
    with Store(home, wait) as store:
        run_id = store.create_run("edit", TOWER.to_json(), asdict(options))
        with recording(store, run_id, listen) as run:
            outcome = run_edit(TOWER, options, run.emit, home.cache, run.save, LENIENT)
            run.finish(outcome.status)
    return run_id


def finish(store: Store, run_id: str) -> list[str]:
    """What ``assay bench RUN --resume`` does; returns the benchmarks that it ran."""
    ran: list[str] = []

    def suite(file: Path, plan: Any, options: Mapping[str, Any], emit: Emit, done: Any, keep: Any) -> None:
        chosen = stored_options(options)
        run_bench(file, plan, chosen, emit, store.home.cache, done, LENIENT, keep)

    def listen(kind: str, data: Mapping[str, Any]) -> None:
        if kind == "bench_started":
            ran.append(data["id"])

    suites.resume(store, run_id, suite, listen)
    return ran


def results(store: Store, run_id: str) -> list[dict[str, Any]]:
    return [timeless(result) for result in store.document(run_id)["benchmarks"]]


@contextmanager
def process(*words: object) -> Iterator[subprocess.Popen[str]]:
    """A process of its own that runs the driver; it is gone afterwards."""
    here = Path(__file__).parent
    with subprocess.Popen(
        [sys.executable, "-c", DRIVER, *map(str, words)],
        env={**os.environ, "PYTHONPATH": f"{here.parent}:{here}"},
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def wait_for(path: Path, child: subprocess.Popen[str]) -> None:
    while not path.exists():
        assert child.poll() is None, "the process ended early"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("model"))


def test_a_killed_suite_keeps_what_it_had_and_is_finished_to_the_same_result(
    home: Home, folder: Path, tmp_path: Path
) -> None:
    with process(home.root, folder, tmp_path / "paused") as child, Store(home) as store:
        wait_for(tmp_path / "paused", child)
        (running,) = store.runs()
        assert running.status == "running"

        with pytest.raises(StoreError) as caught:
            finish(store, running.id)
        assert caught.value.came == f"run {running.id}, which process {child.pid} is writing now"
        assert caught.value.todo == f"wait for process {child.pid} to end, or stop it: kill {child.pid}"

        reference = one_run(home, folder)  # another run on the same store while this one is under way

        child.send_signal(signal.SIGKILL)
        child.wait()
        stopped = store.document(running.id)
        assert (stopped["status"], stopped["resumable"]) == ("interrupted", True)
        assert [result["id"] for result in stopped["benchmarks"]] == list(NAMES)[:STOP_AFTER]
        assert stopped["reading"] is None

        assert finish(store, running.id) == list(NAMES)[STOP_AFTER:]
        whole = store.document(running.id)
        assert (whole["status"], whole["error"]) == ("committed", None)
        assert results(store, running.id) == results(store, reference)
        assert whole["reading"] == store.document(reference)["reading"]
        assert [edit.run_id for edit in store.edits()] == [reference, running.id]
        assert len((home.run(running.id) / "probes.jsonl").read_text().splitlines()) == sum(
            len(result["probes"]) for result in whole["benchmarks"]
        )


@pytest.mark.nightly
def test_two_processes_make_two_runs_on_one_store_at_once(home: Home, folder: Path) -> None:
    with process(home.root, folder) as one, process(home.root, folder) as two:
        for child in (one, two):
            _, said = child.communicate()
            assert child.returncode == 0, said
    with Store(home) as store:
        first, second = store.runs()
        assert [first.status, second.status] == ["committed", "committed"]
        assert first.id != second.id
        assert len(results(store, first.id)) == 13
        assert results(store, first.id) == results(store, second.id)


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_a_suite_that_is_stopped_from_within_is_finished_later(
    home: Home, folder: Path, error: type[BaseException]
) -> None:
    def listen(kind: str, data: Mapping[str, Any]) -> None:
        if kind == "bench_started" and data["id"] == "leme":
            raise error

    with pytest.raises(error):
        one_run(home, folder, listen)
    with Store(home) as store:
        (run,) = store.runs()
        assert run.status == {KeyboardInterrupt: "interrupted"}.get(error, "failed")
        assert store.document(run.id)["resumable"] is True
        assert finish(store, run.id)[0] == "leme"
        assert len(results(store, run.id)) == 13


def test_a_database_that_is_locked_in_the_middle_stops_the_run_and_nothing_is_lost(
    home: Home, folder: Path
) -> None:
    holder: list[sqlite3.Connection] = []

    def listen(kind: str, data: Mapping[str, Any]) -> None:
        if kind == "bench_result" and data["id"] == "ripple_bench":
            holder.append(sqlite3.connect(home.store, isolation_level=None))
            holder[0].execute("BEGIN IMMEDIATE")

    with pytest.raises(StoreError, match="locked by another program"):
        one_run(home, folder, listen, wait=0.2)
    holder[0].close()
    with Store(home) as store:
        (run,) = store.runs()
        assert list(store.results(run.id)) == ["edit_bench", "edit_generalization", "ripple_bench"]
        assert finish(store, run.id) == list(NAMES)[3:]
        assert store.status(run.id) == "committed"
    with sqlite3.connect(home.store) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()
