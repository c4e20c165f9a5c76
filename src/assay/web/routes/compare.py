"""Two runs side by side."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from assay.report import cards
from assay.runs.compare import compare
from assay.web.page import page
from assay.web.state import Server, State
from assay.web.text import Short

router = APIRouter()

OFFERED = 100
"""Newest runs that the page offers to choose from."""


@router.get("/compare", include_in_schema=False)
def compare_page(request: Request, server: Server, a: Short = "", b: Short = "") -> HTMLResponse:
    """Two runs side by side, or the choice of them."""
    offered = [run for run in server.store.runs(limit=OFFERED) if run.kind in ("edit", "bench")]
    both = _both(server, a, b) if a and b else None
    return page(request, "compare.html.j2", a=a, b=b, offered=offered, both=both)


@router.get("/api/compare")
def compare_runs(server: Server, a: Short, b: Short) -> dict[str, Any]:
    """Scores of two runs by benchmark, and their difference."""
    return compare(server.store.document(a), server.store.document(b))


def _both(server: State, a: str, b: str) -> dict[str, Any]:
    """The comparison, the two documents, and their cards by benchmark: of what only one was asked for, too."""
    left, right = server.store.document(a), server.store.document(b)
    drawn = [{card.id: card for card in cards.benches(run, every=True)} for run in (left, right)]
    return {"rows": compare(left, right)["benchmarks"], "runs": (left, right), "cards": drawn}
