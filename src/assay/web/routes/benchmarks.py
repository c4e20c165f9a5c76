"""The Benchmarks tab: the suite of the edit that was committed last, at an address that stays."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from assay.web.measured import newest_measured
from assay.web.page import page
from assay.web.parts import filled
from assay.web.state import Server
from assay.web.waiting import places

router = APIRouter()

SHOWN = ("head", "summary", "suite", "cards", "glossary")
"""Parts of the run's page that are about its benchmarks."""


@router.get("/benchmarks", include_in_schema=False)
def benchmarks_page(request: Request, server: Server) -> HTMLResponse:
    """The newest measurement of the newest committed edit, live while it runs."""
    found = newest_measured(server.store)
    if found is None:
        return page(request, "no_benchmarks.html.j2", places=places(server))
    known = filled(server, found.shown.id)
    parts = [part for part in known["parts"] if part.name in SHOWN]
    return page(request, "benchmarks.html.j2", measured=found, **{**known, "parts": parts})


@router.get("/api/benchmarks")
def newest_benchmarks(server: Server) -> dict[str, Any]:
    """The edit that was committed last and the runs that measured it, newest first; ``shown`` is the one on the page.
    All null where no edit was ever committed."""
    found = newest_measured(server.store)
    if found is None:
        return {"edit": None, "runs": [], "shown": None}
    return {
        "edit": found.edit.to_json(),
        "runs": [run.to_json() for run in found.runs],
        "shown": found.shown.id,
    }
