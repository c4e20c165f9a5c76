"""The application: its layers, its routes, and what lives as long as it does."""

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from importlib.resources import files
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles

from assay.errors import InputError, MissingRun
from assay.runs.home import Home
from assay.runs.queue import Queue
from assay.runs.store import Store
from assay.web.page import page
from assay.web.routes import ROUTERS
from assay.web.safety import Guard, Safety
from assay.web.state import State
from assay.web.supervisor import Supervisor
from assay.web.wrong import FieldError

BAD = 422
"""Status of an answer to what a user can put right."""


def create_app(
    home: Home, safety: Safety | None = None, worker: bool = True, allowed: tuple[Path, ...] = ()
) -> FastAPI:
    """The application over one home. Without ``worker`` jobs wait: tests do them themselves.

    Models and autoencoders may lie in the home and in the ``allowed`` folders.
    """
    chosen = safety or Safety()

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        with ExitStack() as stack:
            store = stack.enter_context(Store(home))
            app.state.assay = State(home, store, Queue(store), chosen, allowed)
            if worker:
                stack.enter_context(Supervisor(home))
            yield

    app = FastAPI(
        title="assay",
        description="What an SAE feature or a weight edit is really worth.",
        lifespan=life,
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/openapi.json",
    )
    app.add_middleware(Guard, safety=chosen)
    app.add_exception_handler(InputError, _bad_input)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _not_valid)
    for router in ROUTERS:
        app.include_router(router)
    app.add_api_route("/static/report.css", _report_style, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=str(files("assay.web") / "static")), name="static")
    return app


async def _report_style() -> Response:
    """The style sheet of reports is that of pages."""
    style = (files("assay.report") / "templates" / "report.css").read_text(encoding="utf-8")
    return Response(style, media_type="text/css")


async def _bad_input(request: Request, error: Exception) -> Response:
    assert isinstance(error, InputError)
    status = 404 if isinstance(error, MissingRun) else BAD
    words = {"kind": type(error).__name__, "came": error.came, "wanted": error.wanted, "todo": error.todo}
    if isinstance(error, FieldError):
        words["field"] = error.field
    return _answer(request, status, words)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    words = {"kind": "Http", "came": f"{request.url.path}: {error.detail}", "wanted": "a page that exists"}
    return _answer(request, error.status_code, {**words, "todo": "begin at the start page"})


async def _not_valid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:])
    came = f"{where}: {first['msg']}" if where else str(first["msg"])
    words = {
        "kind": "InputError",
        "came": came,
        "wanted": "what /api/openapi.json says",
        "todo": "correct it",
        "field": where,
    }
    return _answer(request, BAD, words)


def _answer(request: Request, status: int, error: dict[str, str]) -> Response:
    """A page for people, JSON for programs."""
    if request.url.path.startswith("/api/") or "text/html" not in request.headers.get("accept", ""):
        return JSONResponse({"error": error}, status)
    return page(request, "error.html.j2", status, error=error)
