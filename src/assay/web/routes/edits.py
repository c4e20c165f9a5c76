"""Stored edits, and what can be done with one: into a model folder, and out of it again."""

from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from assay.runs.records import StoredEdit
from assay.web.exports import exports, folders
from assay.web.merging import ask
from assay.web.page import page
from assay.web.routes.run_actions import Made, made
from assay.web.state import Server
from assay.web.text import Short

router = APIRouter()

MOST = 500
"""Edits on the page."""


class Merge(BaseModel):
    """Something to be done with a stored edit and a model folder."""

    do: Literal["export", "apply", "revert"]
    folder: Short
    """A plain name: of a new folder for export, of one that is there for apply and revert."""


@router.get("/edits", include_in_schema=False)
def edits_page(request: Request, server: Server, every: bool = False) -> HTMLResponse:
    """The edits that are stored, newest first."""
    found: list[StoredEdit] = server.store.edits(rolled_back=every)
    runs = server.store.runs_of({edit.run_id for edit in found[:MOST]})
    return page(
        request,
        "edits.html.j2",
        edits=[(edit, runs.get(edit.run_id)) for edit in found[:MOST]],
        total=len(found),
        every=every,
        folders=folders(server.home),
        top=exports(server.home),
    )


@router.get("/api/edits")
def list_edits(server: Server, every: bool = False) -> dict[str, Any]:
    """Committed edits, newest first; with ``every`` also those that were rolled back. And the folders there are."""
    known = [{"name": folder.name, "edited": folder.edited} for folder in folders(server.home)]
    return {"edits": [edit.to_json() for edit in server.store.edits(rolled_back=every)], "folders": known}


@router.post("/api/edits/{run_id}/merge", status_code=201)
def merge(server: Server, run_id: Short, wanted: Merge) -> Made:
    """Write a model folder with a run's edit in it, write the edit into a folder, or take it out again."""
    return made(ask(server.store, server.queue, run_id, wanted.do, wanted.folder))
