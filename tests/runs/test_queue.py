"""Jobs wait in the order in which they were asked for, are taken once, and can be cancelled."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from assay.errors import StoreError
from assay.events import ignore
from assay.runs import queue as queues
from assay.runs.fold import fold
from assay.runs.home import Home
from assay.runs.queue import ENDED, RUNNING, WAITING, Queue
from assay.runs.recording import recording
from assay.runs.store import Store

REQUEST = {"prompt": "Paris is in", "subject": "Paris", "target": "Spain", "old": None, "relation": None}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(Home(tmp_path)) as opened:
        yield opened


def ask(queue: Queue, subject: str = "Paris") -> str:
    return queue.put("edit", {**REQUEST, "subject": subject}, {"model": "m", "seed": 3}, "edit", {"a": 1})


def test_a_job_is_a_run_that_waits_then_runs(store: Store) -> None:
    queue = Queue(store)
    run_id = ask(queue)
    document = store.document(run_id)
    assert (document["status"], document["request"]["subject"]) == ("queued", "Paris")
    assert document["options"]["seed"] == 3 and store.run(run_id).status == "queued"
    job = queue.take()
    assert job is not None and (job.run_id, job.work, job.args, job.state) == (
        run_id,
        "edit",
        {"a": 1},
        RUNNING,
    )
    with recording(store, run_id, ignore, queued=True) as run:
        assert store.run(run_id).status == store.document(run_id)["status"] == "running"
        run.finish("done")
    queue.end(run_id)
    assert store.run(run_id).status == "done" and queue.jobs(WAITING, RUNNING) == []
    assert [event.kind for event in store.events(run_id)] == ["run_queued", "run_started", "run_finished"]


def test_the_time_of_waiting_is_not_the_runs(store: Store) -> None:
    run_id = ask(Queue(store))
    events = store.events(run_id)
    with recording(store, run_id, ignore, queued=True):
        pass
    queued, began, *rest = store.events(run_id)
    assert [queued] == events
    late = [queued, *(type(e)(e.seq, e.kind, e.data, e.at.replace("20", "21", 1)) for e in (began, *rest))]
    assert fold(late)["timings"]["total"] < 5


def test_first_come_first_served_and_none_twice(store: Store) -> None:
    queue = Queue(store)
    asked = [ask(queue, f"Subject {n}") for n in range(8)]
    assert [job.run_id for job in queue.jobs(WAITING)] == asked
    with ThreadPoolExecutor(4) as pool:
        taken = [job.run_id for job in pool.map(lambda _: queue.take(), range(8)) if job is not None]
    assert sorted(taken) == sorted(asked) and queue.take() is None


def test_a_waiting_job_is_cancelled_at_once_a_running_one_is_asked_to(store: Store) -> None:
    queue = Queue(store)
    first, second = ask(queue, "A"), ask(queue, "B")
    assert queue.take() is not None
    assert queue.cancel(second) and queue.cancel(first)
    assert store.document(second)["error"] == "cancelled before it began"
    assert store.run(second).status == "interrupted"
    assert queue.cancelled(first) and store.run(first).status == "queued"
    assert queue.take() is None
    queue.end(first)
    assert not queue.cancel(first) and not queue.cancel(second) and not queue.cancel("unknown")


@pytest.mark.parametrize("statement", ["INSERT INTO jobs", "INSERT INTO events", "INSERT INTO runs"])
def test_a_crash_while_a_run_is_asked_for_leaves_neither_run_nor_job(store: Store, statement: str) -> None:
    def crash(connection: Any, cursor: Any, sql: str, *rest: Any) -> None:
        if sql.startswith(statement):
            raise KeyboardInterrupt

    sa.event.listen(store.database.engine, "before_cursor_execute", crash)
    with pytest.raises(KeyboardInterrupt):
        ask(Queue(store))
    sa.event.remove(store.database.engine, "before_cursor_execute", crash)
    assert (store.runs(), Queue(store).jobs(WAITING)) == ([], [])
    assert Queue(store).take() is None and ask(Queue(store)) == store.find("last")


def test_a_crash_while_a_run_is_asked_for_again_or_cancelled_leaves_it_as_it_was(store: Store) -> None:
    queue = Queue(store)
    run_id = ask(queue)

    def crash(connection: Any, cursor: Any, sql: str, *rest: Any) -> None:
        if sql.startswith(("INSERT INTO events", "INSERT INTO jobs")):
            raise KeyboardInterrupt

    sa.event.listen(store.database.engine, "before_cursor_execute", crash)
    with pytest.raises(KeyboardInterrupt):
        queue.cancel(run_id)
    assert (store.status(run_id), [job.cancel for job in queue.jobs(WAITING)]) == ("queued", [False])
    sa.event.remove(store.database.engine, "before_cursor_execute", crash)
    assert queue.cancel(run_id) and store.status(run_id) == "interrupted"
    sa.event.listen(store.database.engine, "before_cursor_execute", crash)
    with pytest.raises(KeyboardInterrupt):
        queue.put_again(run_id, "resume")
    sa.event.remove(store.database.engine, "before_cursor_execute", crash)
    assert (store.status(run_id), queue.jobs(WAITING)) == ("interrupted", [])


def test_what_a_dead_worker_left_is_ended(store: Store) -> None:
    queue = Queue(store)
    left, waiting = ask(queue, "A"), ask(queue, "B")
    assert queue.take() is not None
    assert queue.orphans() == [left] and queue.orphans() == []
    assert [job.run_id for job in queue.jobs(ENDED)] == [left]
    assert [job.run_id for job in queue.jobs(WAITING)] == [waiting]


def test_a_stopped_run_can_be_asked_for_again(store: Store) -> None:
    queue = Queue(store)
    run_id = ask(queue)
    queue.take()
    queue.end(run_id)
    queue.put_again(run_id, "resume")
    job = queue.take()
    assert job is not None and (job.run_id, job.work, job.args) == (run_id, "resume", {})


def test_a_full_queue_says_so_and_makes_no_run(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queues, "LONGEST", 2)
    queue = Queue(store)
    ask(queue), ask(queue)
    with pytest.raises(StoreError, match="a job while 2 are waiting"):
        ask(queue)
    assert store.count() == 2
