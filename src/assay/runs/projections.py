"""What an event changes in the tables beside the stream: one small function per kind that changes any.

Each runs in the transaction that stores its event, so that a killed process leaves both or neither.
"""

import os
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from assay.runs.process import host, started
from assay.runs.schema import EDITS, RESULTS, RUNS

Projection = Callable[[sa.Connection, str, Mapping[str, Any], str], None]
"""``(connection, run_id, event data, event time)``."""


def _change(connection: sa.Connection, run_id: str, **values: Any) -> None:
    connection.execute(sa.update(RUNS).where(RUNS.c.id == run_id).values(values))


def _started(connection: sa.Connection, run_id: str, data: Mapping[str, Any], at: str) -> None:
    """A run begins, or goes on in another process."""
    model = data.get("model") or {}
    request = data.get("request") or {}
    known = {
        "model_id": model.get("id"),
        "model_hash": model.get("hash"),
        "relation": request.get("relation"),
    }
    _change(
        connection,
        run_id,
        status="running",
        pid=os.getpid(),
        pid_started=started(os.getpid()),
        host=host(),
        finished_at=None,
        **{name: value for name, value in known.items() if value is not None},
    )


def _queued(connection: sa.Connection, run_id: str, data: Mapping[str, Any], at: str) -> None:
    """A new run waits, or a stopped one waits to be gone on with."""
    _change(connection, run_id, status="queued", finished_at=None)


def _planned(connection: sa.Connection, run_id: str, data: Mapping[str, Any], at: str) -> None:
    if data.get("relation"):
        _change(connection, run_id, relation=data["relation"])


def _result(connection: sa.Connection, run_id: str, data: Mapping[str, Any], at: str) -> None:
    """The newest result of a benchmark replaces an older one; the summary counts verdicts anew."""
    here = RESULTS.c.run_id == run_id
    connection.execute(sa.delete(RESULTS).where(here, RESULTS.c.benchmark == data["id"]))
    connection.execute(sa.insert(RESULTS).values(run_id=run_id, benchmark=data["id"], json=dict(data), at=at))
    verdicts = Counter(row["verdict"] for row in connection.scalars(sa.select(RESULTS.c.json).where(here)))
    _change(connection, run_id, summary=dict(sorted(verdicts.items())))


def _rolled_back(connection: sa.Connection, run_id: str, data: Mapping[str, Any], at: str) -> None:
    _add_edit(connection, run_id, data, at, f"{run_id}-layer-{data['layer']}", "rolled_back", None)


def _committed(connection: sa.Connection, run_id: str, data: Mapping[str, Any], at: str) -> None:
    _add_edit(connection, run_id, data, at, data["edit_id"], "committed", f"runs/{run_id}/edit.safetensors")


def _add_edit(
    connection: sa.Connection,
    run_id: str,
    data: Mapping[str, Any],
    at: str,
    edit_id: str,
    state: str,
    file: str | None,
) -> None:
    """One row per edit that was made; a run that only measures another run's edit adds none."""
    run = connection.execute(sa.select(RUNS).where(RUNS.c.id == run_id)).one()
    if run.kind != "edit":
        return
    connection.execute(sa.delete(EDITS).where(EDITS.c.run_id == run_id, EDITS.c.id == edit_id))
    connection.execute(
        sa.insert(EDITS).values(
            run_id=run_id,
            id=edit_id,
            model_id=run.model_id,
            model_hash=run.model_hash,
            layer=data["layer"],
            state=state,
            file=file,
            created_at=at,
        )
    )


def _finished(connection: sa.Connection, run_id: str, data: Mapping[str, Any], at: str) -> None:
    _change(connection, run_id, status=data["status"], finished_at=at)


def _failed(connection: sa.Connection, run_id: str, data: Mapping[str, Any], at: str) -> None:
    _change(connection, run_id, status=data.get("status", "failed"), finished_at=at)


PROJECTIONS: Mapping[str, Projection] = {
    "run_queued": _queued,
    "run_started": _started,
    "plan": _planned,
    "bench_result": _result,
    "rolled_back": _rolled_back,
    "committed": _committed,
    "run_finished": _finished,
    "run_failed": _failed,
}
"""Event kind to what it changes; kinds that are not here are only stored."""
