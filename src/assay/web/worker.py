"""The worker: a process of its own that does one job after another, and outlives the pages that asked for them.

It ends when the server that started it is gone and nothing is left to do. Whatever kills it leaves runs that say so.
"""

import logging
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assay.errors import InputError, StoreError, in_words
from assay.runs.home import Home
from assay.runs.lent import WORKER
from assay.runs.process import alive, only_writer, started
from assay.runs.queue import Job, Queue
from assay.runs.store import Store
from assay.web.work import WORK, Workshop

LOOK = 0.1
"""Seconds between two looks at an empty queue."""
ASK = 0.25
"""Seconds between two looks whether a job was cancelled."""

log = logging.getLogger(__name__)


def main() -> None:
    """``python -m assay.web.worker ROOT DATABASE PARENT``; an empty DATABASE is the home's own."""
    root, database, parent = sys.argv[1:4]
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        work(Home(Path(root), database or None), int(parent))
    except StoreError as error:  # another worker holds the lock, or the disk is full: the server says so
        log.error("%s", error)
        sys.exit(1)


def work(home: Home, parent: int) -> None:
    """Do jobs until the parent process is gone and none waits. Raises StoreError where another worker is at it."""
    since = started(parent)
    # A stop by the server is a Ctrl-C: what runs is marked as stopped and can be gone on with.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # A shell script's background process inherits that Ctrl-C is ignored; here it is how a job is cancelled.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with only_writer(home.root / WORKER, WORKER), Store(home) as store:
        queue, shop = Queue(store), Workshop(store)
        for run_id in queue.orphans():
            log.info("%s was left by a worker that is gone", run_id)
        while True:
            job = queue.take()
            if job is not None:
                do(shop, queue, job)
            elif since is None or not alive(parent, since):
                return
            else:
                time.sleep(LOOK)


def do(shop: Workshop, queue: Queue, job: Job) -> None:
    """One job, however it goes: its run says how."""
    log.info("%s begins: %s", job.run_id, job.work)
    try:
        with interrupted_when_cancelled(queue, job.run_id):
            WORK[job.work](shop, job)
    except KeyboardInterrupt:
        if not queue.cancelled(job.run_id):
            raise  # the worker itself is to stop
        log.info("%s was cancelled", job.run_id)
    except Exception as error:  # the next job is not to suffer for it
        if not isinstance(error, InputError):
            log.exception("%s failed", job.run_id)
        _failed(shop.store, job, in_words(error))
    finally:
        queue.end(job.run_id)


def _failed(store: Store, job: Job, error: str) -> None:
    """What stopped a job before its recording had begun stands in the run all the same."""
    if store.run(job.run_id).status in ("queued", "running"):
        store.fail(job.run_id, error, resumable=False)


@contextmanager
def interrupted_when_cancelled(queue: Queue, run_id: str) -> Iterator[None]:
    """Inside, the main thread gets a KeyboardInterrupt once somebody cancels this job."""
    over = threading.Event()
    main_thread = threading.main_thread().ident

    def watch() -> None:
        while not over.wait(ASK):
            if queue.cancelled(run_id):
                if main_thread is not None and not over.is_set():
                    signal.pthread_kill(main_thread, signal.SIGINT)
                return

    watcher = threading.Thread(target=watch, name="cancel", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


if __name__ == "__main__":
    main()
