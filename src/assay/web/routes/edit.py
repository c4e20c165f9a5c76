"""The weight editor: its form, what is wrong with it, and asking for an edit."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field

from assay.benchmarks.names import NAMES
from assay.generators.catalogue.relations import load_relations
from assay.sae.shipped import ALIASES
from assay.settings import METHODS, VARIANTS
from assay.web.edit_form import EXAMPLE, EditForm, problems, read
from assay.web.page import page
from assay.web.routes.run_actions import Made, made
from assay.web.state import Server, State
from assay.web.text import LARGEST_SEED, Long, Short
from assay.web.waiting import places
from assay.web.wrong import told

router = APIRouter()

SEEN = 200
"""Newest runs whose models are offered."""


class Prefill(BaseModel):
    """A form that is filled in already, as the query of a link."""

    prompt: Long | None = None
    subject: Short | None = None
    target: Short | None = None
    old: Short | None = None
    relation: Short | None = None
    model: Short | None = None
    layer: Annotated[Short, Field(max_length=9)] | None = None
    method: Short | None = None
    variant: Short | None = None
    generator: Short | None = None
    base_url: Short | None = None
    timeout: Annotated[float, Field(allow_inf_nan=False)] | None = None
    bench: bool | None = None
    only: Long | None = None
    """Ids separated by commas."""
    seed: Annotated[int, Field(ge=0, le=LARGEST_SEED)] | None = None
    trace: bool | None = None
    sae: Short | None = None

    def form(self) -> EditForm:
        """The form, what was not given as it is by itself."""
        given = self.model_dump(exclude_none=True)
        if self.only is not None:
            given["only"] = [name for name in self.only.split(",") if name in NAMES]
        return EditForm(**given)


@router.get("/edit", include_in_schema=False)
def edit_page(request: Request, server: Server, prefill: Annotated[Prefill, Query()]) -> HTMLResponse:
    """The form."""
    return page(
        request,
        "edit.html.j2",
        form=prefill.form(),
        example=EXAMPLE.model_dump(exclude_defaults=True),
        relations=load_relations().values(),
        benchmarks=NAMES,
        methods=METHODS,
        variants=VARIANTS,
        models=_models(server),
        saes=("none", *ALIASES),
        places=places(server),
    )


@router.post("/api/edits/check")
def check(server: Server, form: EditForm) -> dict[str, Any]:
    """What is wrong with which field, as far as can be told without a model; nothing is run."""
    return told(problems(form, server))


@router.post("/api/edits", status_code=201)
def edit(server: Server, form: EditForm) -> Made:
    """Ask for a weight edit; its run says how it goes."""
    request, options = read(form, server)
    return made(server.queue.put("edit", request.to_json(), asdict(options), "edit"))


def _models(server: State) -> list[str]:
    """Models that were used before, and the one that comes with assay."""
    used = [run.model_id for run in server.store.runs(limit=SEEN) if run.model_id]
    return list(dict.fromkeys(["smollm2", *used]))
