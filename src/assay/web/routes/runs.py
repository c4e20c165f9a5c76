"""Runs: the list, one run with its live stream, and its parts as fragments."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import HTMLResponse
from fastapi.sse import EventSourceResponse

from assay.asked import chosen
from assay.report.words import STATUSES
from assay.web.listing import KINDS, listing
from assay.web.live import follow
from assay.web.page import page
from assay.web.parts import card, filled, parts_of
from assay.web.state import Server
from assay.web.text import LARGEST_SEQ, Short

router = APIRouter()

Seq = Annotated[int, Query(ge=-1, le=LARGEST_SEQ)]
Page = Annotated[int, Query(ge=1, le=LARGEST_SEQ, alias="page")]


@router.get("/runs", include_in_schema=False)
def list_page(
    request: Request, server: Server, search: Short = "", kind: Short = "", status: Short = "", at: Page = 1
) -> HTMLResponse:
    """The list of runs, a page of it."""
    found = listing(server.store, search, kind, status, at)
    chosen_by = {"search": search, "kind": kind, "status": status}
    return page(request, "runs.html.j2", found=found, by=chosen_by, kinds=KINDS, statuses=STATUSES)


@router.get("/runs/{run_id}", include_in_schema=False)
def run_page(request: Request, server: Server, run_id: Short) -> HTMLResponse:
    """One run."""
    return page(request, "run.html.j2", **filled(server, run_id))


@router.get("/runs/{run_id}/parts/{part}", include_in_schema=False)
def run_part(request: Request, server: Server, run_id: Short, part: Short) -> HTMLResponse:
    """One part of a run's page, as it is now."""
    known = filled(server, run_id)
    chosen("part", part, [one.name for one in parts_of(known["run"]["kind"])])
    return page(request, "part.html.j2", part=part, **known)


@router.get("/runs/{run_id}/cards/{benchmark}", include_in_schema=False)
def run_card(request: Request, server: Server, run_id: Short, benchmark: Short) -> HTMLResponse:
    """One benchmark's card, as it is now."""
    return page(request, "card.html.j2", **card(server, run_id, benchmark))


@router.get("/api/runs")
def list_runs(
    server: Server, search: Short = "", kind: Short = "", status: Short = "", at: Page = 1
) -> dict[str, Any]:
    """Runs, newest first, fifty a page."""
    found = listing(server.store, search, kind, status, at)
    return {
        "runs": [run.to_json() for run in found.runs],
        "total": found.total,
        "page": found.page,
        "pages": found.pages,
    }


@router.get("/api/runs/{run_id}")
def one_run(server: Server, run_id: Short) -> dict[str, Any]:
    """The document of a run, as ``--json`` gives it."""
    return server.store.document(run_id)


def _found(server: Server, run_id: Short) -> str:
    """The run that is meant; asked for before the stream begins, so that a missing one is an answer, not a stream."""
    return server.store.find(run_id)


@router.get("/api/runs/{run_id}/events", response_class=EventSourceResponse)
async def events(
    server: Server,
    found: Annotated[str, Depends(_found)],
    after: Seq = -1,
    last_event_id: Annotated[int | None, Header(ge=-1, le=LARGEST_SEQ)] = None,
) -> Any:
    """The events of a run as they come; goes on after ``Last-Event-ID``, or after the event ``after``."""
    async for event in follow(server.store, found, after if last_event_id is None else last_event_id):
        yield event
