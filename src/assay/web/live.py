"""A run's events as a stream: what is stored first, then what comes, until the run ends.

A page that was away says which event it saw last and misses nothing. The store is the only source, so it does not
matter which process writes it, or how often the server was started since.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from fastapi.concurrency import run_in_threadpool
from fastapi.sse import ServerSentEvent

from assay.runs.records import Run
from assay.runs.store import Store

LOOK = 0.1
"""Seconds between two looks at the store."""
ALIVE = 15.0
"""Seconds of silence after which a comment keeps the connection open."""
GOING = ("queued", "running")
"""Statuses of runs that more is to be heard of."""


async def follow(store: Store, run_id: str, after: int = -1) -> AsyncIterator[ServerSentEvent]:
    """Events with a ``seq`` above ``after``, each as ``{seq, kind, data, at}`` with its seq as the stream's id; at last
    ``{kind: "status", data: {status}}``, when no more is to come."""
    silent = 0.0
    while True:
        # Asked for before the events: what is stored between the two is sent in the next round, or now.
        run: Run = await run_in_threadpool(store.run, run_id)
        events = await run_in_threadpool(store.events, run_id, after)
        for event in events:
            after = event.seq
            yield ServerSentEvent(
                data={"seq": event.seq, "kind": event.kind, "data": event.data, "at": event.at},
                id=str(event.seq),
            )
        if run.status not in GOING and not events:
            yield ServerSentEvent(data=ended(run))
            return
        silent = 0.0 if events else silent + LOOK
        if silent >= ALIVE:
            silent = 0.0
            yield ServerSentEvent(comment="alive")
        await asyncio.sleep(0 if events else LOOK)


def ended(run: Run) -> Mapping[str, Any]:
    """The last word on a run."""
    return {"kind": "status", "data": {"status": run.status}}
