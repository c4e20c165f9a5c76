"""Sparsity sweeps: each a table and a picture."""

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from assay.report.sweep import sweep_picture, sweep_table
from assay.runs.strict import clean
from assay.web.page import page
from assay.web.state import Server
from assay.web.sweeps import sweep_of, sweeps
from assay.web.text import Short

router = APIRouter()


@router.get("/sweeps", include_in_schema=False)
def sweeps_page(request: Request, server: Server) -> HTMLResponse:
    """The sweeps of this home."""
    found, damaged = sweeps(server.home)
    return page(request, "sweeps.html.j2", sweeps=found, damaged=damaged)


@router.get("/sweeps/{name}", include_in_schema=False)
def sweep_page(request: Request, server: Server, name: Short) -> HTMLResponse:
    """One sweep."""
    sweep = sweep_of(server.home, name)
    headings, cells = sweep_table(sweep.over, sweep.rows)
    return page(request, "sweep.html.j2", sweep=sweep, headings=headings, cells=cells)


@router.get("/api/sweeps")
def list_sweeps(server: Server) -> dict[str, Any]:
    """The sweeps of this home, and the folders whose table cannot be read."""
    found, damaged = sweeps(server.home)
    return {
        "sweeps": [{"name": one.name, "over": one.over, "of": len(one.rows)} for one in found],
        "damaged": damaged,
    }


@router.get("/api/sweeps/{name}")
def one_sweep(server: Server, name: Short) -> dict[str, Any]:
    """The rows of a sweep."""
    sweep = sweep_of(server.home, name)
    return {"name": sweep.name, "over": sweep.over, "rows": clean(sweep.rows)}


@router.get("/api/sweeps/{name}/picture.svg", response_class=Response)
def picture(server: Server, name: Short) -> Response:
    """Its figures against the sparsity setting."""
    sweep = sweep_of(server.home, name)
    return Response(str(sweep_picture(sweep.over, sweep.rows)), media_type="image/svg+xml")
