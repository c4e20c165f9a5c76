"""What can be done with a run: stop it, go on with it, measure it again, take its files away."""

from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from assay.asked import FIELDS, endpoint, some_benchmarks, stored_options
from assay.benchmarks.names import NAMES
from assay.runs import suites
from assay.web.files import file_of
from assay.web.state import Server
from assay.web.text import LARGEST_SEED, Short

router = APIRouter()


class Made(BaseModel):
    """A run that was asked for."""

    run_id: str
    url: str
    """Its page."""


class Again(BaseModel):
    """How a stored edit is to be measured again."""

    probes: Literal["same", "fresh"] = "same"
    only: Annotated[list[Short], Field(min_length=1, max_length=len(NAMES))] | None = None
    """These benchmarks; null: all thirteen."""
    seed: Annotated[int, Field(ge=0, le=LARGEST_SEED)] | None = None
    """Null: the run's own, or one more for fresh probes."""


def made(run_id: str) -> Made:
    """The answer to whoever asked for a run."""
    return Made(run_id=run_id, url=f"/runs/{quote(run_id)}")


@router.post("/api/runs/{run_id}/cancel")
def cancel(server: Server, run_id: Short) -> dict[str, Any]:
    """Ask a job to stop. What had finished is kept."""
    found = server.store.find(run_id)
    return {"run_id": found, "cancelled": server.queue.cancel(found)}


@router.post("/api/runs/{run_id}/bench", status_code=201)
def measure_again(server: Server, run_id: Short, again: Again) -> Made:
    """Run the benchmarks again on a run's edit, in a run of their own."""
    only = some_benchmarks(again.only) if again.only is not None else None
    fresh = again.probes == "fresh"
    request, options = suites.again(server.store, run_id, fresh, only, again.seed)
    if fresh:
        stored = stored_options(options)
        endpoint(stored.generator, stored.base_url, stored.timeout, FIELDS)
    return made(server.queue.put("bench", request, options, "bench"))


@router.post("/api/runs/{run_id}/resume")
def resume(server: Server, run_id: Short) -> Made:
    """Go on with a suite that was stopped, in its own run."""
    found, _ = suites.stopped(server.store, run_id)
    server.queue.put_again(found, "resume")
    return made(found)


@router.get("/api/runs/{run_id}/files/{name}", response_class=Response)
def run_file(server: Server, run_id: Short, name: Short) -> Response:
    """A run as a file: run.json, probes.csv, probes.parquet, benchmarks.csv, report.html."""
    run = server.store.document(run_id)
    file = file_of(run, name)
    shown = f'attachment; filename="{run["run_id"]}-{file.name}"'
    return Response(file.made(run), media_type=file.media, headers={"content-disposition": shown})
