"""``assay runs``: everything that was run, again on the screen or out into files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from assay.cli import finish, inputs, speak

app = typer.Typer(help="Everything that was run: list, show, compare, export.")


@app.command("list")
def list_runs(
    ctx: typer.Context,
    search: Annotated[
        str, typer.Option(help="Only runs with these words in id, prompt, subject, target, model or status.")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 30,
    json: speak.Json = False,
) -> None:
    """List runs, newest first."""
    from assay.runs.store import Store
    from assay.runs.wanted import Wanted

    with Store(inputs.home_of(ctx)) as store:
        found = store.runs(Wanted(search), limit)
    if json:
        speak.say_json({"runs": [run.to_json() for run in found]})
    elif not found:
        speak.say("No run matches." if search else "Nothing was run yet. Begin: assay edit --prompt ...")
    else:
        rows = [(run.id, run.status, _tally(run.summary), run.model_id or "-") for run in found]
        speak.table(("run", "status", "passed", "model"), rows)


def _tally(summary: Mapping[str, int]) -> str:
    """How many of the finished benchmarks pass."""
    return f"{summary.get('high', 0)} of {sum(summary.values())}" if summary else "-"


@app.command("show")
def show(ctx: typer.Context, run: inputs.Run, json: speak.Json = False) -> None:
    """Print a run again: its scores, its reading, where it stands."""
    from assay.runs.store import Store

    with Store(inputs.home_of(ctx)) as store:
        document = store.document(run)
    finish.show(document, json)


@app.command("compare")
def compare(ctx: typer.Context, a: inputs.Run, b: inputs.Run, json: speak.Json = False) -> None:
    """Print the scores of two runs side by side, with their difference."""
    from assay.runs.store import Store

    with Store(inputs.home_of(ctx)) as store:
        left, right = store.document(a), store.document(b)
    if json:
        from assay.runs.compare import compare as compared

        speak.say_json(compared(left, right))
    else:
        from assay.report.console import render_compare

        render_compare(left, right, speak.out())


@app.command("export")
def export(
    ctx: typer.Context,
    run: inputs.Run,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write. (Default: the run's own folder.)")
    ] = None,
    json: speak.Json = False,
) -> None:
    """Write probes.parquet, probes.csv and benchmarks.csv."""
    from assay.runs.export import export as write
    from assay.runs.store import Store

    home = inputs.home_of(ctx)
    with Store(home) as store:
        document = store.document(run)
    paths = write(document, out or home.run(document["run_id"]))
    if json:
        speak.say_json({"run_id": document["run_id"], "files": paths})
    else:
        for path in paths:
            speak.say(str(path))
