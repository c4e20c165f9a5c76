import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from assay.runs.home import Home, find_home
from assay.runs.process import started
from assay.runs.store import Store
from assay.runs.wanted import Wanted
from run_events import OPTIONS, REQUEST, WHOLE, bench


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def new_run(store: Store, kind: str = "edit") -> str:
    return store.create_run(kind, REQUEST.to_json(), OPTIONS)


def test_a_home_comes_from_the_arguments_then_the_environment() -> None:
    assert find_home({"ASSAY_HOME": "/a", "ASSAY_DB": "x.db"}) == Home(Path("/a"), "x.db")
    assert find_home({"ASSAY_HOME": "/a"}, root=Path("/b")).store == Path("/b/store.db")
    assert find_home({}).root == Path.home() / ".assay"


def test_events_come_back_in_order_and_after_a_given_one(home: Home) -> None:
    with Store(home) as store:
        run_id = new_run(store)
        for kind, data in WHOLE:
            store.append(run_id, kind, data)
        found = store.events(run_id)
        assert [event.seq for event in found] == list(range(len(WHOLE) + 1))
        assert [event.kind for event in found] == ["run_started", *(kind for kind, _ in WHOLE)]
        assert store.events(run_id, after=found[-2].seq) == found[-1:]


def test_the_lists_follow_from_the_events(home: Home) -> None:
    with Store(home) as store:
        run_id = new_run(store)
        for kind, data in WHOLE:
            store.append(run_id, kind, data)
        (run,) = store.runs()
        assert (run.status, run.model_hash, run.relation) == ("committed", "ab12", "landmark_city")
        assert run.summary == {"high": 1, "unscored": 1}
        assert list(store.results(run_id)) == ["edit_bench", "zsre"]
        (edit,) = store.edits()
        assert (edit.id, edit.layer, edit.state) == ("e1", 9, "committed")
        assert edit.file == f"runs/{run_id}/edit.safetensors"
        assert [(row.layer, row.file) for row in store.edits(rolled_back=True)][-1] == (5, None)


def test_the_same_edit_made_twice_is_stored_twice_and_a_bench_run_adds_none(home: Home) -> None:
    with Store(home) as store:
        for kind in ("edit", "edit", "bench"):
            store.append(new_run(store, kind), "committed", {"layer": 9, "edit_id": "e1"})
        assert len(store.edits()) == 2


def test_a_repeated_benchmark_replaces_its_result_but_not_its_event(home: Home) -> None:
    with Store(home) as store:
        run_id = new_run(store)
        for value in (0.9, 0.2):
            store.append(run_id, "bench_result", bench("edit_bench", value))
        assert store.results(run_id)["edit_bench"]["score"] == 0.2
        assert store.run(run_id).summary == {"low": 1}
        assert len(store.events(run_id)) == 3


def test_numbers_that_are_not_finite_become_null(home: Home) -> None:
    with Store(home) as store:
        run_id = new_run(store)
        store.append(run_id, "trace", {"effect": [[float("nan"), 1.0], [float("inf"), -0.0]]})
        assert store.events(run_id)[-1].data == {"effect": [[None, 1.0], [None, 0.0]]}


def test_an_unknown_kind_of_event_is_a_programming_error(home: Home) -> None:
    with Store(home) as store, pytest.raises(KeyError, match="unknown event kind 'finished'"):
        store.append(new_run(store), "finished", {})


def test_search_takes_every_word_and_wildcards_as_they_are(home: Home) -> None:
    with Store(home) as store:
        run_id = new_run(store)
        store.create_run("edit", {**REQUEST.to_json(), "subject": "100% of_it", "prompt": ""}, OPTIONS)
        assert [run.id for run in store.runs(Wanted("EIFFEL berlin"))] == [run_id]
        assert [run.subject for run in store.runs(Wanted("%"))] == ["100% of_it"]
        assert store.runs(Wanted("eiffel oslo")) == []
        assert len(store.runs(limit=1)) == 1


def test_a_running_run_is_interrupted_once_its_process_is_gone_or_another_has_its_number(home: Home) -> None:
    import sqlite3

    with Store(home) as store:
        run_id = new_run(store)
        assert store.status(run_id) == "running"
        with sqlite3.connect(home.store) as database:
            database.execute("UPDATE runs SET pid_started = '1'")
        database.close()
        assert store.status(run_id) == "interrupted"
        with sqlite3.connect(home.store) as database:
            database.execute("UPDATE runs SET pid_started = NULL, pid = 0")
        database.close()
        assert store.status(run_id) == "interrupted"
        assert store.document(run_id)["status"] == "interrupted"
        with sqlite3.connect(home.store) as database:
            database.execute("UPDATE runs SET host = 'another machine'")
        database.close()
        assert store.status(run_id) == "running"


def test_a_finished_child_is_not_alive_even_before_it_is_collected() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert started(child.pid) is None
    child.wait()
    assert started(os.getpid()) is not None


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from run_events import BEGIN, COMMIT, OPTIONS, REQUEST, SUITE
from assay.runs.home import Home
from assay.runs.recording import recording
from assay.runs.store import Store
from assay.runs.wanted import Wanted
with Store(Home(Path(sys.argv[1]))) as store:
    run_id = store.create_run("edit", REQUEST.to_json(), OPTIONS)
    with recording(store, run_id) as run:
        for kind, data in (*BEGIN, COMMIT, *SUITE[:2]):
            run.emit(kind, data)
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
def test_a_killed_run_is_interrupted_and_keeps_what_had_finished(home: Home) -> None:
    here = str(Path(__file__).parents[1])
    child = subprocess.run([sys.executable, "-c", KILLED, str(home.root), here], check=False)
    assert child.returncode == -signal.SIGKILL
    with Store(home) as store:
        run = store.run("last")
        assert run.status == "interrupted"
        assert list(store.results(run.id)) == ["edit_bench"]
        document = store.document("last")
        assert [result["id"] for result in document["benchmarks"]] == ["edit_bench"]
        assert (document["status"], document["resumable"]) == ("interrupted", True)
        assert document["error"] == "its process ended without a word"
        assert len((home.run(run.id) / "probes.jsonl").read_text().splitlines()) == 2


def write_many(root: Path, n: int) -> None:
    with Store(Home(root)) as store:
        run_id = new_run(store)
        for i in range(n):
            store.append(run_id, "stage_progress", {"stage": "x", "done": i, "total": n, "title": "x"})


@pytest.mark.slow
def test_two_processes_make_one_store_and_write_it_at_once(tmp_path: Path) -> None:
    fresh = multiprocessing.get_context("spawn")
    writers = [fresh.Process(target=write_many, args=(tmp_path, 100)) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [writer.exitcode for writer in writers] == [0, 0]
    with Store(Home(tmp_path)) as store:
        assert len(store.runs()) == 2
        for run in store.runs():
            assert [event.seq for event in store.events(run.id)] == list(range(101))
