"""One run while it is being made: every event goes to the store, the run's folder, and whoever listens."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from assay.errors import StoreError, in_words
from assay.events import Emit, ignore
from assay.generators.plan import Plan
from assay.runs.folder import RunFolder
from assay.runs.process import only_writer
from assay.runs.provenance import provenance
from assay.runs.records import Event
from assay.runs.store import Store
from assay.runs.trouble import explained_files

PROGRESS_EVERY = 0.5
"""Seconds between stored progress events of one stage; listeners hear every one."""

INHERITED = ("plan", "trace", "carried", "candidate", "optimised", "check", "committed", "footprint")
"""What a run that measures another run's edit repeats from it, so that its document stands alone."""


class Saves(Protocol):
    """The part of an Edit that a recording needs."""

    def save(self, path: Path) -> object:
        """Write the edit to ``path``."""
        ...


class Recording:
    """What a stage is handed: ``emit`` for its events and ``save`` for a validated edit."""

    def __init__(self, store: Store, run_id: str, listen: Emit) -> None:
        self.run_id = run_id
        self.folder = RunFolder(store.home.run(run_id))
        self._store = store
        self._listen = listen
        self._begun = time.monotonic()
        self._ended = False
        self._committed = False
        self._progress_at: dict[str, float] = {}

    def emit(self, kind: str, data: Mapping[str, Any]) -> None:
        """Store one event, keep the folder up to date, then tell the listener."""
        if kind == "run_started":
            data = {**data, "run_id": self.run_id}
        if kind != "stage_progress" or self._due(data):
            self._store.append(self.run_id, kind, data)
        self._ended = self._ended or kind in ("run_finished", "run_failed")
        self._committed = self._committed or kind == "committed"
        if kind == "bench_result":
            self.folder.add_probes(data)
        if kind in ("committed", "rolled_back", "bench_result"):
            self.write()
        self._listen(kind, data)

    def save(self, edit: Saves, plan: Plan) -> None:
        """Keep a validated edit and the plan it will be asked by; called before ``committed`` is emitted."""
        self.folder.write_plan(plan)
        with explained_files(self.folder.edit):
            edit.save(self.folder.edit)

    def inherit(self, events: Iterable[Event], plan: bool) -> None:
        """Repeat, for the record only, what another run found out about the edit that this run measures."""
        for event in events:
            if event.kind in INHERITED and (plan or event.kind != "plan"):
                self._store.append(self.run_id, event.kind, event.data)
        self._committed = True
        self.write()

    def finish(self, status: str) -> None:
        """Mark the end, unless a stage has done so."""
        if not self._ended:
            self.emit("run_finished", {"status": status, "seconds": time.monotonic() - self._begun})

    def fail(self, error: str, status: str) -> None:
        """Mark an early end; the suite of a committed edit can be resumed."""
        if not self._ended:
            self.emit("run_failed", {"error": error, "resumable": self._committed, "status": status})

    def write(self) -> None:
        """Bring run.json up to date with the store."""
        self.folder.write_run(self._store.document(self.run_id))

    def close(self) -> None:
        """Write the folder's last word: run.json and exactly its probes."""
        run = self._store.document(self.run_id)
        self.folder.rewrite_probes(run["benchmarks"])
        self.folder.write_run(run)

    def begins(self, again: bool) -> None:
        """Begin the first sitting of a queued run, or with ``again`` another one of a stopped run."""
        self._committed = again
        self.emit("run_started", {"versions": provenance()})

    def _due(self, data: Mapping[str, Any]) -> bool:
        """Whether this step of a stage is stored: the last always, others now and then."""
        moment = time.monotonic()
        last = data.get("total") is not None and data.get("done") == data.get("total")
        if not last and moment - self._progress_at.get(data["stage"], -PROGRESS_EVERY) < PROGRESS_EVERY:
            return False
        self._progress_at[data["stage"]] = moment
        return True


@contextmanager
def recording(
    store: Store, run_id: str, listen: Emit = ignore, resume: bool = False, queued: bool = False
) -> Iterator[Recording]:
    """Hold run ``run_id`` for this process and record it until the block ends, however it ends.

    A block that ends without ``finish`` is marked done; one stopped by the user interrupted; one that raises
    failed. With ``resume`` a stopped run goes on; with ``queued`` one that waited begins.
    """
    with only_writer(store.home.run(run_id), run_id):
        run = Recording(store, run_id, listen)
        try:
            if resume or queued:
                run.begins(again=resume)
            run.write()
            yield run
            run.finish("done")
        except BaseException as error:
            stopped = isinstance(error, KeyboardInterrupt)
            # A full disk may be why we are here: then the run stays marked running, and the death of this
            # process tells the rest. The first error is the one to report.
            with suppress(StoreError):
                run.fail(
                    "stopped by the user" if stopped else in_words(error),
                    "interrupted" if stopped else "failed",
                )
                run.close()
            raise
        run.close()
