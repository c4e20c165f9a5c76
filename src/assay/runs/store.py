"""The store: every run's event stream, and the lists that follow from them."""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from assay.errors import StoreError
from assay.events import KINDS
from assay.runs import names
from assay.runs.clock import now
from assay.runs.engine import open_database
from assay.runs.fold import fold
from assay.runs.home import Home
from assay.runs.migrate import migrate
from assay.runs.process import host, started
from assay.runs.projections import PROJECTIONS
from assay.runs.provenance import provenance
from assay.runs.records import Event, Run, StoredEdit
from assay.runs.schema import EDITS, EVENTS, RESULTS, RUNS
from assay.runs.strict import clean
from assay.runs.wanted import ALL, Wanted, conditions, derived

WAIT = 10.0
"""Seconds to wait for another process that writes the database."""

SWITCHES = ("bench", "trace")
"""Options that switch a stage on or off; among a run's settings these names hold the stage's own numbers."""


class Store:
    """``with Store(find_home()) as store:`` opens the home's database, bringing it up to date if needed.

    Several processes may use one database at once; each call is one transaction.
    """

    def __init__(self, home: Home, wait: float = WAIT) -> None:
        self.home = home
        self.database = open_database(home, wait)
        try:
            migrate(self.database)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        self.database.engine.dispose()

    # writing

    def create_run(
        self,
        kind: str,
        request: Mapping[str, Any],
        options: Mapping[str, Any],
        queue: Callable[[sa.Connection, str], None] | None = None,
    ) -> str:
        """A new run of ``kind`` (see ``Run.kind``), its first event stored; returns its id.

        ``request`` is Request.to_json(), ``options`` every setting including ``model``. With ``queue`` the run waits
        to be begun by another process: it is called with the run's id to put it where that one looks, inside the
        transaction that stores the run, so that no run waits which nobody will begin.
        """
        run_id = names.new_id(kind, request["subject"], request["target"])
        row = {
            "id": run_id,
            "kind": kind,
            "status": "running" if queue is None else "queued",
            "pid": os.getpid(),
            "pid_started": started(os.getpid()),
            "host": host(),
            "created_at": now(),
            "model_id": options.get("model"),
            "subject": request["subject"],
            "target": request["target"],
            "relation": request.get("relation"),
            "summary": {},
            "prompt": request.get("prompt") or "",
        }
        begin = {
            "run_id": run_id,
            "kind": kind,
            "request": request,
            "model": {"id": options.get("model"), "hash": None},
            "options": options,
            "settings": {name: value for name, value in options.items() if name not in SWITCHES},
            "versions": provenance(),
        }
        try:
            with self.database.connection(writes=True) as connection:
                connection.execute(sa.insert(RUNS).values(row))
                self.append_in(connection, run_id, "run_started" if queue is None else "run_queued", begin)
                if queue is not None:
                    queue(connection, run_id)
        except IntegrityError:  # the same id within one second: one in 65,536
            return self.create_run(kind, request, options, queue)
        return run_id

    def append(self, run_id: str, kind: str, data: Mapping[str, Any]) -> Event:
        """Store one event with everything that follows from it; numbers that are not finite become null."""
        with self.database.connection(writes=True) as connection:
            return self.append_in(connection, run_id, kind, data)

    def append_in(self, connection: sa.Connection, run_id: str, kind: str, data: Mapping[str, Any]) -> Event:
        """The same inside a transaction that does more than this."""
        if kind not in KINDS:
            raise KeyError(f"unknown event kind {kind!r}")
        newest = sa.select(sa.func.max(EVENTS.c.seq)).where(EVENTS.c.run_id == run_id)
        seq = connection.execute(newest).scalar()
        event = Event(0 if seq is None else seq + 1, kind, clean(data), now())
        connection.execute(
            sa.insert(EVENTS).values(run_id=run_id, seq=event.seq, kind=kind, data=event.data, at=event.at)
        )
        if kind in PROJECTIONS:
            PROJECTIONS[kind](connection, run_id, event.data, event.at)
        return event

    def finish(self, run_id: str, status: str, seconds: float) -> None:
        """The run reached its end: ``status`` is committed, rolled_back or done."""
        self.append(run_id, "run_finished", {"status": status, "seconds": seconds})

    def fail(self, run_id: str, error: str, resumable: bool, status: str = "failed") -> None:
        """The run stopped early: ``status`` is failed, or interrupted when a user stopped it."""
        self.append(run_id, "run_failed", {"error": error, "resumable": resumable, "status": status})

    # reading

    def events(self, run_id: str, after: int = -1) -> list[Event]:
        """The run's events with a ``seq`` above ``after``, in order."""
        chosen = (
            sa.select(EVENTS).where(EVENTS.c.run_id == run_id, EVENTS.c.seq > after).order_by(EVENTS.c.seq)
        )
        with self.database.connection(writes=False) as connection:
            return [Event(row.seq, row.kind, row.data, row.at) for row in connection.execute(chosen)]

    def runs(self, wanted: Wanted = ALL, limit: int | None = None, offset: int = 0) -> list[Run]:
        """Runs that are wanted, newest first: ``limit`` of them at most, after the first ``offset``."""
        newest = sa.select(RUNS).order_by(RUNS.c.created_at.desc(), RUNS.c.id.desc())
        with self.database.connection(writes=False) as connection:
            chosen = newest.where(*conditions(connection, wanted)).limit(limit).offset(offset)
            return [derived(Run(**row._mapping)) for row in connection.execute(chosen)]

    def count(self, wanted: Wanted = ALL) -> int:
        """How many runs are wanted."""
        with self.database.connection(writes=False) as connection:
            of = sa.select(sa.func.count()).select_from(RUNS)
            return connection.execute(of.where(*conditions(connection, wanted))).scalar_one()

    def runs_of(self, ids: Iterable[str]) -> dict[str, Run]:
        """The rows of these runs by id; those that are not stored are left out."""
        chosen = sa.select(RUNS).where(RUNS.c.id.in_(list(ids)))
        with self.database.connection(writes=False) as connection:
            return {row.id: derived(Run(**row._mapping)) for row in connection.execute(chosen)}

    def find(self, asked: str) -> str:
        """The id that ``asked`` means: an id, the start of one, or ``last``."""
        whole = sa.select(RUNS.c.id).where(RUNS.c.id == asked)
        every = sa.select(RUNS.c.id).order_by(RUNS.c.created_at, RUNS.c.id)
        with self.database.connection(writes=False) as connection:
            found = connection.execute(whole).scalar()
            return found or names.pick(asked, list(connection.scalars(every)))

    def run(self, asked: str) -> Run:
        """The row of the run that ``asked`` means."""
        run_id = self.find(asked)
        with self.database.connection(writes=False) as connection:
            row = connection.execute(sa.select(RUNS).where(RUNS.c.id == run_id)).one()
        return derived(Run(**row._mapping))

    def status(self, asked: str) -> str:
        """The run's status, with the death of its process taken into account."""
        return self.run(asked).status

    def results(self, run_id: str) -> dict[str, dict[str, Any]]:
        """Benchmark id to its newest result."""
        chosen = sa.select(RESULTS).where(RESULTS.c.run_id == run_id).order_by(RESULTS.c.at)
        with self.database.connection(writes=False) as connection:
            return {row.benchmark: row.json for row in connection.execute(chosen)}

    def edits(self, rolled_back: bool = False) -> list[StoredEdit]:
        """Committed edits, newest first; with ``rolled_back`` also those that did not validate."""
        chosen = sa.select(EDITS).order_by(EDITS.c.created_at.desc())
        if not rolled_back:
            chosen = chosen.where(EDITS.c.state == "committed")
        with self.database.connection(writes=False) as connection:
            return [StoredEdit(**row._mapping) for row in connection.execute(chosen)]

    def document(self, asked: str) -> dict[str, Any]:
        """The run as one JSON document: fold() of its events, and whether its process is still there."""
        run = self.run(asked)
        document = fold(self.events(run.id))
        if run.status != document["status"]:
            gone = {"error": "its process ended without a word", "resumable": document["edit"] is not None}
            document.update(status=run.status, **gone)
        return document

    def edit_file(self, asked: str) -> tuple[str, Path]:
        """Run id and path of the edit that the run committed; StoreError when it committed none."""
        run_id = self.find(asked)
        path = self.home.run(run_id) / "edit.safetensors"
        if not path.is_file() or not any(event.kind == "committed" for event in self.events(run_id)):
            raise StoreError(
                f"run {run_id}, which has no committed edit",
                "a run whose edit validated",
                "see which runs have one: assay edits list",
            )
        return run_id, path
