"""The queue: runs that were asked for, done one at a time by a process that outlives whoever asked.

A job is a run that was made as ``queued``, and what its worker needs to begin. The run's own events tell the rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from assay.errors import StoreError
from assay.runs.clock import now
from assay.runs.provenance import provenance
from assay.runs.schema import JOBS
from assay.runs.store import Store

LONGEST = 100
"""Jobs that may wait at once."""
WAITING, RUNNING, ENDED = "waiting", "running", "ended"


@dataclass(frozen=True)
class Job:
    """One run to be done."""

    run_id: str
    work: str
    """What to do: a key of the worker's table."""
    args: Mapping[str, Any]
    """What it needs beside the run's request and options; JSON-able."""
    state: str
    """waiting | running | ended."""
    cancel: bool
    """Somebody asked for it to stop."""
    created_at: str


class Queue:
    """``Queue(store)``; several processes may use one at once, each call is one transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(
        self,
        kind: str,
        request: Mapping[str, Any],
        options: Mapping[str, Any],
        work: str,
        args: Mapping[str, Any] | None = None,
    ) -> str:
        """Ask for a run (see ``Store.create_run``); its id. Raises StoreError where too many wait already."""

        def add(connection: sa.Connection, run_id: str) -> None:
            self._room(connection)
            self._add(connection, run_id, work, args or {})

        return self._store.create_run(kind, request, options, add)

    def put_again(self, run_id: str, work: str, args: Mapping[str, Any] | None = None) -> None:
        """Ask for a stopped run to be gone on with. Raises StoreError where somebody has done so already."""
        # Versions begin a sitting, so that the pause does not count as the run's time.
        sitting = {"versions": provenance()}
        status = self._store.status(run_id)
        with self._store.database.connection(writes=True) as connection:
            self._room(connection)
            state = connection.execute(sa.select(JOBS.c.state).where(JOBS.c.run_id == run_id)).scalar()
            # A job that is running of a run that is not was left by a worker that is gone.
            if state == WAITING or (state == RUNNING and status in ("running", "queued")):
                raise StoreError(
                    f"run {run_id}, which waits or runs already",
                    "a run that stopped",
                    "wait until it has ended",
                )
            connection.execute(sa.delete(JOBS).where(JOBS.c.run_id == run_id))
            self._store.append_in(connection, run_id, "run_queued", sitting)
            self._add(connection, run_id, work, args or {})

    def take(self) -> Job | None:
        """The job that has waited longest, now running; None where none waits."""
        oldest = (
            sa.select(JOBS).where(JOBS.c.state == WAITING).order_by(JOBS.c.created_at, JOBS.c.run_id).limit(1)
        )
        with self._store.database.connection(writes=True) as connection:
            row = connection.execute(oldest).one_or_none()
            if row is None:
                return None
            self._set(connection, row.run_id, state=RUNNING)
        return Job(**{**row._mapping, "state": RUNNING})

    def end(self, run_id: str) -> None:
        """The job is over, however it went. (One that was asked for again meanwhile waits on.)"""
        over = sa.update(JOBS).where(JOBS.c.run_id == run_id, JOBS.c.state == RUNNING).values(state=ENDED)
        with self._store.database.connection(writes=True) as connection:
            connection.execute(over)

    def cancel(self, run_id: str) -> bool:
        """Ask a job to stop: one that waits ends at once, one that runs at its next step. False where it is over, or
        where the run never was a job."""
        with self._store.database.connection(writes=True) as connection:
            job = connection.execute(sa.select(JOBS).where(JOBS.c.run_id == run_id)).one_or_none()
            if job is None or job.state == ENDED:
                return False
            self._set(connection, run_id, cancel=True, state=ENDED if job.state == WAITING else job.state)
            if job.state == WAITING:
                again = job.work == "resume"
                why = {"error": "cancelled before it began", "resumable": again, "status": "interrupted"}
                self._store.append_in(connection, run_id, "run_failed", why)
        return True

    def cancelled(self, run_id: str) -> bool:
        """Whether somebody asked this job to stop."""
        with self._store.database.connection(writes=False) as connection:
            found = connection.execute(sa.select(JOBS.c.cancel).where(JOBS.c.run_id == run_id)).scalar()
        return bool(found)

    def jobs(self, *states: str) -> list[Job]:
        """Jobs in these states, the one that was asked for first ahead."""
        chosen = sa.select(JOBS).where(JOBS.c.state.in_(states)).order_by(JOBS.c.created_at, JOBS.c.run_id)
        with self._store.database.connection(writes=False) as connection:
            return [Job(**row._mapping) for row in connection.execute(chosen)]

    def orphans(self) -> list[str]:
        """Jobs that a worker which is gone left running: they are ended, and their ids given. To be called by the
        only worker there is."""
        left = [job.run_id for job in self.jobs(RUNNING)]
        for run_id in left:
            if self._store.status(run_id) == "queued":  # it died before the run's first event
                self._store.fail(
                    run_id, "its process ended without a word", resumable=False, status="interrupted"
                )
            self.end(run_id)
        return left

    @staticmethod
    def _room(connection: sa.Connection) -> None:
        """Raises StoreError where no further job may wait."""
        waiting = sa.select(sa.func.count()).select_from(JOBS).where(JOBS.c.state == WAITING)
        if connection.execute(waiting).scalar_one() >= LONGEST:
            raise StoreError(
                f"a job while {LONGEST} are waiting",
                f"at most {LONGEST} waiting jobs",
                "wait until some are done, or cancel some",
            )

    @staticmethod
    def _add(connection: sa.Connection, run_id: str, work: str, args: Mapping[str, Any]) -> None:
        row = {
            "run_id": run_id,
            "work": work,
            "args": dict(args),
            "state": WAITING,
            "cancel": False,
            "created_at": now(),
        }
        connection.execute(sa.insert(JOBS).values(row))

    @staticmethod
    def _set(connection: sa.Connection, run_id: str, **values: Any) -> None:
        connection.execute(sa.update(JOBS).where(JOBS.c.run_id == run_id).values(values))
