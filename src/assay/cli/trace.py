"""``assay trace``: where the model keeps a fact."""

from dataclasses import asdict
from typing import Annotated

import typer

from assay import asked
from assay.cli import finish, inputs, speak


def trace(
    ctx: typer.Context,
    prompt: inputs.Prompt,
    subject: inputs.Subject,
    old: Annotated[
        str | None,
        typer.Option(help="The answer whose return is measured. (Default: what the model says now.)"),
    ] = None,
    model: inputs.Model = "smollm2",
    seed: inputs.Seed = 0,
    json: speak.Json = False,
) -> None:
    """Trace where the model keeps a fact; nothing is edited.

    The subject is drowned in noise, then one layer at a time is restored: which one brings the answer back?
    """
    fact = asked.fact(prompt, subject, old)
    home = inputs.home_of(ctx)
    with speak.screen() as screen:
        with speak.loading(screen):
            from assay.options import Options
            from assay.pipeline import run_trace
            from assay.runs.recording import recording
            from assay.runs.store import Store
        options = Options(model=model, seed=seed)
        with Store(home) as store:
            run_id = store.create_run("trace", fact.to_json(), asdict(options))
            with recording(store, run_id, screen) as run:
                run_trace(fact, options, run.emit, home.cache)
                run.finish("done")
            document = store.document(run_id)
    finish.show(document, json)
