"""``assay report``: a run as one self-contained page."""

from pathlib import Path
from typing import Annotated

import typer

from assay.cli import inputs, speak


def report(
    ctx: typer.Context,
    run: inputs.Run,
    out: Annotated[
        Path | None, typer.Option(help="File to write. (Default: report.html in the run's folder.)")
    ] = None,
    json: speak.Json = False,
) -> None:
    """Write a run as one self-contained HTML page."""
    from assay.report.html import write_report
    from assay.runs.store import Store
    from assay.runs.trouble import explained_files

    home = inputs.home_of(ctx)
    with Store(home) as store:
        document = store.document(run)
    path = out or home.run(document["run_id"]) / "report.html"
    with explained_files(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_report(document, path)
    if json:
        speak.say_json({"run_id": document["run_id"], "file": path})
    else:
        speak.say(str(path))
