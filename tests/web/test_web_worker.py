"""The worker does jobs one at a time, outlives what goes wrong in them, and can be told to stop one."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from assay.runs.home import Home
from assay.runs.lent import WORKER
from assay.runs.process import only_writer
from assay.runs.queue import RUNNING, WAITING, Job, Queue
from assay.runs.store import Store
from assay.web import worker
from assay.web.supervisor import LOOK, Supervisor
from assay.web.work import WORK, Workshop
from patience import until
from small import save_tiny

pytestmark = pytest.mark.slow

REQUEST = {"prompt": "Paris is in", "subject": "Paris", "target": "Spain", "old": None, "relation": None}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def store(home: Home) -> Iterator[Store]:
    with Store(home) as opened:
        yield opened


def asked(store: Store, work: str = "edit", **options: Any) -> str:
    return Queue(store).put("edit", REQUEST, {"model": "none-such", "seed": 0, **options}, work)


def done(store: Store) -> None:
    queue = Queue(store)
    job = queue.take()
    assert job is not None
    worker.do(Workshop(store), queue, job)


def test_a_job_that_cannot_be_done_says_why_in_its_run_and_the_next_one_is_done(store: Store) -> None:
    first, second = asked(store), asked(store)
    done(store), done(store)
    for run_id in (first, second):
        document = store.document(run_id)
        assert document["status"] == "failed" and "none-such" in document["error"]
    assert Queue(store).jobs(WAITING, RUNNING) == []


def test_a_job_that_breaks_before_its_recording_is_failed_too(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(shop: Workshop, job: Job) -> None:
        raise ZeroDivisionError("of the job itself")

    monkeypatch.setitem(dict(WORK), "edit", breaks)
    monkeypatch.setattr(worker, "WORK", {"edit": breaks})
    run_id = asked(store)
    done(store)
    assert store.document(run_id)["error"] == "ZeroDivisionError: of the job itself"


LONG = """
import time
from assay.runs.recording import recording
from assay.web import worker

def long(shop, job):
    with recording(shop.store, job.run_id, queued=True):
        time.sleep(300)

worker.WORK = {**worker.WORK, "long": long}
worker.main()
"""


def gone() -> int:
    """A process that is no more."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def test_a_cancelled_job_is_interrupted_and_the_worker_goes_on_until_nothing_waits(
    home: Home, store: Store
) -> None:
    """A process of its own: only there is the job in the main thread, whatever runs the tests. Its server is gone."""
    queue, run_id, next_one = Queue(store), asked(store, "long"), asked(store)
    with subprocess.Popen([sys.executable, "-c", LONG, str(home.root), "", str(gone())]) as child:
        until(lambda: store.run(run_id).status == "running", 120)
        assert queue.cancel(run_id)
        assert child.wait(120) == 0
    document = store.document(run_id)
    assert (document["status"], document["error"]) == ("interrupted", "stopped by the user")
    assert store.run(next_one).status == "failed" and queue.jobs(WAITING, RUNNING) == []


def test_a_killed_worker_is_replaced_and_its_run_says_so(home: Home, store: Store) -> None:
    model = save_tiny(home.root / "model")
    with Supervisor(home) as supervisor:
        first = until(lambda: supervisor.pid)
        run_id = asked(store, model=str(model))
        until(lambda: store.run(run_id).status == "running", 120)
        os.kill(first, signal.SIGKILL)
        until(lambda: supervisor.pid not in (None, first))
        assert until(
            lambda: store.run(run_id).status in ("interrupted", "failed", "rolled_back", "committed")
        )
        second = asked(store)
        until(lambda: store.run(second).status == "failed", 120)
        until(lambda: Queue(store).jobs(WAITING, RUNNING) == [], 30)  # neither the killed one's job
        last = until(lambda: supervisor.pid)
    assert store.run(run_id).status == "interrupted"
    with pytest.raises(ProcessLookupError):
        os.kill(last, 0)


def test_a_second_worker_does_not_begin(
    home: Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # those of the tests stay
    monkeypatch.setattr(sys, "argv", ["worker", str(home.root), "", str(gone())])
    with only_writer(home.root / WORKER, WORKER), pytest.raises(SystemExit) as ended:
        worker.main()
    assert ended.value.code == 1 and f"which process {os.getpid()} is writing now" in caplog.text


def test_none_is_started_beside_one_of_an_earlier_server_until_that_one_ends(home: Home) -> None:
    with ExitStack() as earlier:
        earlier.enter_context(only_writer(home.root / WORKER, WORKER))
        with Supervisor(home) as supervisor:
            time.sleep(1.5 * LOOK)
            assert supervisor.pid is None
            earlier.close()
            assert until(lambda: supervisor.pid)
