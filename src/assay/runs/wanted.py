"""Which runs of the list are wanted: a search, a kind, a status, all as conditions of one query.

A run that is stored as running may be interrupted: its process is gone. Who that is has to be looked up on this machine
before the query; few runs are stored as running, however many there are.
"""

from dataclasses import dataclass, replace

import sqlalchemy as sa

from assay.runs.process import alive, host
from assay.runs.records import Run
from assay.runs.schema import RUNS

SEARCHED = (
    RUNS.c.id,
    RUNS.c.kind,
    RUNS.c.prompt,
    RUNS.c.subject,
    RUNS.c.target,
    RUNS.c.relation,
    RUNS.c.model_id,
)
"""Columns that a search looks at, beside the status."""


@dataclass(frozen=True)
class Wanted:
    """What is empty does not matter."""

    search: str = ""
    """Every one of these words stands somewhere in a run's id, kind, status, model or request."""
    kind: str = ""
    status: str = ""
    """See ``Run.status``."""


ALL = Wanted()


def derived(run: Run) -> Run:
    """A run called running whose process on this machine is gone was interrupted."""
    if run.status == "running" and run.host == host() and not alive(run.pid, run.pid_started):
        return replace(run, status="interrupted")
    return run


def conditions(connection: sa.Connection, wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    """What holds for the runs that are wanted."""
    found = [RUNS.c.kind == wanted.kind] if wanted.kind else []
    if not wanted.search and not wanted.status:
        return found
    status = sa.case((RUNS.c.id.in_(_gone(connection)), "interrupted"), else_=RUNS.c.status)
    if wanted.status:
        found.append(status == wanted.status)
    for word in wanted.search.split():
        places = (*SEARCHED, status)
        found.append(sa.or_(*(place.icontains(word, autoescape=True) for place in places)))
    return found


def _gone(connection: sa.Connection) -> list[str]:
    """Ids of the runs that are stored as running here and whose process is no more."""
    columns = sa.select(RUNS.c.id, RUNS.c.pid, RUNS.c.pid_started)
    running = columns.where(RUNS.c.status == "running", RUNS.c.host == host())
    return [row.id for row in connection.execute(running) if not alive(row.pid, row.pid_started)]
