"""The newest committed edit, and the runs that measured it: what the Benchmarks tab is about."""

from dataclasses import dataclass

from assay.runs.records import Run, StoredEdit
from assay.runs.store import Store
from assay.runs.wanted import Wanted
from assay.web.live import GOING

MOST = 100
"""Runs of kind bench that are looked through, newest first."""


@dataclass(frozen=True)
class Measured:
    """One edit with its measurements."""

    edit: StoredEdit
    runs: tuple[Run, ...]
    """Newest first; the last one is the run that made the edit."""

    @property
    def shown(self) -> Run:
        """The newest that has results or is getting some; the edit's own run where none has."""
        return next((run for run in self.runs if run.summary or run.status in GOING), self.runs[-1])


def newest_measured(store: Store) -> Measured | None:
    """The edit that was committed last; None where none ever was."""
    edit = next(iter(store.edits()), None)
    if edit is None:
        return None
    later = (run for run in store.runs(Wanted(kind="bench"), MOST) if run.created_at >= edit.created_at)
    again = [run for run in later if _of(store, run) == edit.run_id]
    return Measured(edit, (*again, store.run(edit.run_id)))


def _of(store: Store, run: Run) -> str | None:
    """The run whose edit this one measures; its first event says it."""
    asked = store.events(run.id)[0].data.get("options") or {}
    of = asked.get("of")
    return None if of is None else str(of)
