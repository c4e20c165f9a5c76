import json
import multiprocessing
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from assay.errors import StoreError
from assay.generators.plan_json import plan_from_json, plan_to_json
from assay.runs.folder import RunFolder
from assay.runs.home import Home
from assay.runs.recording import recording
from assay.runs.store import Store
from run_events import BEGIN, COMMIT, OPTIONS, REQUEST, SUITE, WHOLE, bench, plan


class OneByte:
    """The smallest thing that can be saved like an Edit."""

    def save(self, path: Path) -> Path:
        path.write_bytes(b"e")
        return path


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(Home(tmp_path))


def new_run(store: Store) -> str:
    return store.create_run("edit", REQUEST.to_json(), OPTIONS)


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_whole_run_leaves_a_folder_that_says_what_the_store_says(store: Store) -> None:
    run_id, heard = new_run(store), []
    with recording(store, run_id, lambda kind, data: heard.append(kind)) as run:
        for kind, data in BEGIN:
            run.emit(kind, data)
        run.save(OneByte(), plan())
        for kind, data in (COMMIT, *SUITE):
            run.emit(kind, data)
        run.finish("committed")
    folder = RunFolder(store.home.run(run_id))
    assert json.loads(folder.run.read_text()) == store.document(run_id)
    assert store.status(run_id) == "committed"
    assert heard[-1] == "run_finished"
    assert heard.count("stage_progress") == 1
    assert [(row["benchmark"], row["index"]) for row in rows(folder.probes)] == [
        ("edit_bench", 0),
        ("edit_bench", 1),
        ("zsre", 0),
        ("zsre", 1),
    ]
    assert rows(folder.probes)[1]["value"] is None
    assert store.edit_file("last") == (run_id, folder.edit)
    assert [row["rejected"] for row in rows(folder.triples)] == [None, None, None, "target in prompt"]
    stored = folder.read_plan()
    assert stored is not None
    assert plan_from_json(stored) == plan()


def test_a_plan_survives_json() -> None:
    assert plan_from_json(json.loads(json.dumps(plan_to_json(plan())))) == plan()


def test_probes_are_on_disk_as_soon_as_their_benchmark_is_done(store: Store) -> None:
    run_id = new_run(store)
    with recording(store, run_id) as run:
        for kind, data in (*BEGIN, COMMIT, *SUITE[:2]):
            run.emit(kind, data)
        assert len(rows(run.folder.probes)) == 2
        assert len(json.loads(run.folder.run.read_text())["benchmarks"]) == 1


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (KeyboardInterrupt(), "interrupted", "stopped by the user"),
        (ValueError("odd"), "failed", "ValueError: odd"),
    ],
)
def test_a_run_that_stops_early_is_marked_and_can_be_resumed_once_committed(
    store: Store, error: BaseException, status: str, said: str
) -> None:
    for pairs, resumable in ((BEGIN, False), ((*BEGIN, COMMIT, *SUITE[:2]), True)):
        run_id = new_run(store)
        with pytest.raises(type(error)), recording(store, run_id) as run:
            for kind, data in pairs:
                run.emit(kind, data)
            raise error
        document = json.loads(run.folder.run.read_text())
        assert (document["status"], document["error"], document["resumable"]) == (status, said, resumable)
        assert store.status(run_id) == status


def test_a_resumed_run_goes_on_in_the_same_stream_and_mends_its_probes(store: Store) -> None:
    run_id = new_run(store)
    with pytest.raises(KeyboardInterrupt), recording(store, run_id) as run:
        for kind, data in (*BEGIN, COMMIT, *SUITE[:2]):
            run.emit(kind, data)
        raise KeyboardInterrupt
    with run.folder.probes.open("a") as file:
        file.write('{"half a li')
    with recording(store, run_id, resume=True) as run:
        assert store.status(run_id) == "running"
        for kind, data in SUITE[2:]:
            run.emit(kind, data)
        run.finish("committed")
    assert [row["benchmark"] for row in rows(run.folder.probes)] == ["edit_bench"] * 2 + ["zsre"] * 2
    document = store.document(run_id)
    assert (document["status"], document["error"]) == ("committed", None)


def hold(root: Path, run_id: str, ready: Any, done: Any) -> None:
    with Store(Home(root)) as store, recording(store, run_id):
        ready.set()
        done.wait(30)


@pytest.mark.slow
def test_a_second_process_on_the_same_run_is_refused_with_the_firsts_number(store: Store) -> None:
    run_id, fresh = new_run(store), multiprocessing.get_context("spawn")
    ready, done = fresh.Event(), fresh.Event()
    other = fresh.Process(target=hold, args=(store.home.root, run_id, ready, done))
    other.start()
    assert ready.wait(30)
    with pytest.raises(StoreError) as caught, recording(store, run_id):
        pass
    done.set()
    other.join()
    assert caught.value.came == f"run {run_id}, which process {other.pid} is writing now"
    assert caught.value.todo == f"wait for process {other.pid} to end, or stop it: kill {other.pid}"
    with recording(store, run_id):
        assert (store.home.run(run_id) / "lock").read_text() == str(os.getpid())


def test_inherited_findings_make_a_bench_run_stand_alone(store: Store) -> None:
    first = new_run(store)
    with recording(store, first) as run:
        for kind, data in WHOLE:
            run.emit(kind, data)
    second = store.create_run("bench", REQUEST.to_json(), {**OPTIONS, "of": first})
    with recording(store, second) as run:
        run.inherit(store.events(first), plan=True)
        run.emit("bench_result", bench("edit_bench", 0.4))
    one, two = store.document(first), store.document(second)
    assert two["edit"] == one["edit"]
    assert two["validation"] == one["validation"]
    assert two["generator"] == one["generator"]
    assert [result["score"] for result in two["benchmarks"]] == [0.4]


def test_frequent_progress_is_heard_but_not_all_stored(store: Store) -> None:
    run_id, heard = new_run(store), []

    def listen(kind: str, data: Mapping[str, Any]) -> None:
        heard.append(kind)

    with recording(store, run_id, listen) as run:
        for done in range(1, 101):
            run.emit("stage_progress", {"stage": "x", "done": done, "total": 100, "title": "x"})
    stored = [event.data["done"] for event in store.events(run_id) if event.kind == "stage_progress"]
    assert heard.count("stage_progress") == 100
    assert stored[0] == 1
    assert stored[-1] == 100
    assert len(stored) < 20


def test_an_edit_that_was_not_committed_is_not_found(store: Store) -> None:
    run_id = new_run(store)
    with pytest.raises(StoreError, match="which has no committed edit"):
        store.edit_file(run_id)
