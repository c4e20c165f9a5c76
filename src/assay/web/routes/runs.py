"""Runs: the list, one run with its live stream, its parts as fragments, and stopping one."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from fastapi.responses import HTMLResponse
from fastapi.sse import EventSourceResponse

from assay.errors import InputError
from assay.report.html import shown
from assay.web.live import GOING, follow
from assay.web.page import page
from assay.web.state import Server

router = APIRouter()

PARTS = ("summary", "where", "footprint", "thirteen", "provenance")
"""Sections of a run's page that are drawn anew when something of theirs has come."""


@router.get("/", include_in_schema=False)
@router.get("/runs", include_in_schema=False)
def list_page(request: Request, server: Server, search: str = "") -> HTMLResponse:
    """The list of runs."""
    runs = server.store.runs(search, 200)
    return page(request, "runs.html.j2", runs=runs, search=search, going=GOING)


@router.get("/runs/{run_id}", include_in_schema=False)
def run_page(request: Request, server: Server, run_id: str) -> HTMLResponse:
    """One run."""
    run = server.store.document(run_id)
    newest = max((event.seq for event in server.store.events(run["run_id"])), default=-1)
    return page(
        request, "run.html.j2", newest=newest, parts=PARTS, going=run["status"] in GOING, **shown(run)
    )


@router.get("/runs/{run_id}/parts/{part}", include_in_schema=False)
def run_part(request: Request, server: Server, run_id: str, part: str) -> HTMLResponse:
    """One section of a run's page, as it is now."""
    if part not in PARTS:
        raise InputError(f"part {part!r}", f"one of {', '.join(PARTS)}", "choose one")
    return page(request, f"parts/{part}.html.j2", **shown(server.store.document(run_id)))


@router.get("/api/runs")
def list_runs(server: Server, search: str = "", limit: int = 100) -> dict[str, Any]:
    """Runs, newest first."""
    return {"runs": [run.to_json() for run in server.store.runs(search, min(max(limit, 0), 1000))]}


@router.get("/api/runs/{run_id}")
def one_run(server: Server, run_id: str) -> dict[str, Any]:
    """The document of a run, as ``--json`` gives it."""
    return server.store.document(run_id)


@router.get("/api/runs/{run_id}/events", response_class=EventSourceResponse)
async def events(
    server: Server, run_id: str, after: int = -1, last_event_id: Annotated[int | None, Header()] = None
) -> Any:
    """The events of a run as they come; goes on after ``Last-Event-ID``, or after the event ``after``."""
    found = server.store.find(run_id)
    async for event in follow(server.store, found, after if last_event_id is None else last_event_id):
        yield event


@router.post("/api/runs/{run_id}/cancel")
def cancel(server: Server, run_id: str) -> dict[str, Any]:
    """Ask a job to stop. What had finished is kept."""
    found = server.store.find(run_id)
    return {"run_id": found, "cancelled": server.queue.cancel(found)}
