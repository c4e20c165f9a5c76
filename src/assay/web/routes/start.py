"""The start page, and what runs now."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from assay.web.page import page
from assay.web.state import Server
from assay.web.waiting import places

router = APIRouter()

NEWEST = 6
"""Runs on the start page."""


@router.get("/", include_in_schema=False)
def start_page(request: Request, server: Server) -> HTMLResponse:
    """Where to begin, what runs, and what was run last."""
    return page(request, "start.html.j2", runs=server.store.runs(limit=NEWEST), places=places(server))


@router.get("/queue", include_in_schema=False)
def queue_part(request: Request, server: Server) -> HTMLResponse:
    """The queue as a part of a page."""
    return page(request, "parts/queue.html.j2", places=places(server))


@router.get("/api/queue")
def queue(server: Server) -> dict[str, Any]:
    """What runs and what waits, in order."""
    return {"jobs": [place.to_json() for place in places(server)]}
