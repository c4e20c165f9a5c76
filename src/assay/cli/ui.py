"""``assay ui``: both panels in the browser, served from this machine."""

from pathlib import Path
from typing import Annotated

import typer

from assay import asked
from assay.cli import inputs, speak
from assay.errors import InputError, MissingPackage


def ui(
    ctx: typer.Context,
    host: Annotated[
        str, typer.Option(help="Address to listen at; any but this machine's own needs a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8712,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="ASSAY_TOKEN", help="What visitors must show. (Default: made up, beyond 127.0.0.1.)"
        ),
    ] = None,
    name: Annotated[
        list[str] | None, typer.Option(help="A further name that visitors may call this server by.")
    ] = None,
    allow: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FOLDER",
            help="A further folder that models and SAEs may be opened in. (Always: the home and the hub.)",
        ),
    ] = None,
    open_page: Annotated[bool, typer.Option("--open/--no-open", help="Open the browser.")] = True,
    json: speak.Json = False,
) -> None:
    """Score features and edit weights in the browser.

    Everything runs on this machine, and no page asks anything of another one. Ctrl-C ends it; what runs then is
    marked as stopped and can be gone on with.
    """
    if token is not None and len(token) < 16:
        raise InputError(
            f"a token of {len(token)} characters", "at least 16", "leave --token out, and one is made up"
        )
    allowed = tuple(asked.folder(path, "--allow") for path in allow or ())
    try:
        from assay.web.serve import serve
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "assay":
            raise
        raise MissingPackage(
            f"the package {error.name} is not installed",
            "fastapi and uvicorn for the web app",
            "pip install 'assay[ui]'",
        ) from error

    def told(url: str, shown: str | None) -> None:
        """The server listens: where, and what visitors must show."""
        if json:
            speak.say_json({"url": url, "token": shown})
            return
        speak.say(f"{url}  (Ctrl-C ends it)")
        if shown is not None:
            speak.say(f"token: {shown}")

    serve(inputs.home_of(ctx), host, port, token, tuple(name or ()), allowed, open_page and not json, told)
