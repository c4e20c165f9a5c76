"""Work that a command has done by the worker of a running server, which has model and index open already."""

import time
from collections.abc import Mapping
from typing import Any

from assay.events import Emit
from assay.runs.home import Home
from assay.runs.process import held
from assay.runs.queue import RUNNING, WAITING, Queue
from assay.runs.store import Store

WORKER = "worker"
"""Of the folder in the home that holds the worker's lock and log."""
LOOK = 0.03
"""Seconds between two looks at what has come."""
PATIENCE = 3.0
"""Seconds in which an idle worker takes a job; one that does not is no help."""


def idle(home: Home, queue: Queue) -> bool:
    """Whether a worker runs on this home and has nothing to do: nobody is to wait behind somebody else's edit."""
    return held(home.root / WORKER) and not queue.jobs(RUNNING, WAITING)


def done_by_worker(
    store: Store,
    kind: str,
    request: Mapping[str, Any],
    options: Mapping[str, Any],
    work: str,
    args: Mapping[str, Any],
    emit: Emit,
) -> dict[str, Any] | None:
    """The document of a run that an idle worker did (as by ``Queue.put``); its events go to ``emit`` as they come.
    None where there is no idle worker, or where it could not do it: then whoever asks does the work, and hears what is
    wrong.

    A Ctrl-C cancels the job.
    """
    queue = Queue(store)
    if not idle(store.home, queue):
        return None
    run_id = queue.put(kind, request, options, work, args)
    try:
        return _followed(store, queue, run_id, emit)
    except KeyboardInterrupt:
        queue.cancel(run_id)
        raise


def _followed(store: Store, queue: Queue, run_id: str, emit: Emit) -> dict[str, Any] | None:
    last, asked = -1, time.monotonic()
    while True:
        # Asked for before the events: what is stored between the two is heard in the next round.
        status = store.status(run_id)
        for event in store.events(run_id, last):
            last = event.seq
            emit(event.kind, event.data)
        if status == "done":
            return store.document(run_id)
        if status == "queued" and time.monotonic() - asked > PATIENCE:
            queue.cancel(run_id)
            return None
        if status not in ("queued", "running"):
            return None
        time.sleep(LOOK)
