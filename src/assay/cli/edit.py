"""``assay edit``: write one fact, validate it, and measure what the edit did."""

from dataclasses import asdict
from typing import Annotated

import typer

from assay import asked
from assay.cli import finish, inputs, speak
from assay.errors import InputError

NOT_VALIDATED = 1


def edit(
    ctx: typer.Context,
    prompt: inputs.Prompt,
    subject: inputs.Subject,
    target: Annotated[str, typer.Option(help="The new answer.")],
    old: Annotated[str | None, typer.Option(help="The answer before the edit, if you know it.")] = None,
    relation: Annotated[
        str | None,
        typer.Option(
            help="What the fact says of the subject; 'assay relations' lists them. (Default: recognised.)"
        ),
    ] = None,
    model: inputs.Model = "smollm2",
    layer: Annotated[str, typer.Option(help="Block to edit, counted from 0, or auto.")] = "auto",
    method: Annotated[str, typer.Option(help="rome or memit.")] = "rome",
    variant: Annotated[str, typer.Option(help="r-rome (corrected) or rome (as first published).")] = "r-rome",
    generator: inputs.Generator = "catalogue",
    base_url: inputs.BaseUrl = None,
    timeout: inputs.Timeout = None,
    probes: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="Ask the probes of this run again: the same as replay:RUN."),
    ] = None,
    bench: Annotated[
        bool, typer.Option("--bench/--no-bench", help="Run the benchmarks after the edit.")
    ] = True,
    only: Annotated[
        str | None, typer.Option(help="Run these benchmarks only: ids separated by commas.")
    ] = None,
    seed: inputs.Seed = 0,
    trace: Annotated[
        bool, typer.Option("--trace/--no-trace", help="Trace where the model keeps the fact.")
    ] = True,
    sae: Annotated[
        str | None,
        typer.Option(
            help="Show which features the edit moved: smollm2, a folder, owner/name[/folder] on the hub, or none. "
            "(Default: the model's own, if any.)"
        ),
    ] = None,
    report: Annotated[
        bool, typer.Option("--report/--no-report", help="Write report.html at the end.")
    ] = True,
    json: speak.Json = False,
) -> None:
    """Edit one fact, validate it, and measure what it did.

    An edit that does not validate is rolled back; one that does is kept, and thirteen benchmarks follow.

    Exit status: 0 done, 1 the edit did not validate and was rolled back, 2 bad input, 130 stopped.
    """
    request = asked.request(prompt, subject, target, old, relation)
    wanted_layer, wanted = asked.layer(layer), asked.benchmarks(only)
    method = asked.method(method)
    variant = asked.variant(variant)
    generator = _generator(generator, probes)
    base_url = asked.endpoint(generator, base_url, timeout)
    home = inputs.home_of(ctx)
    with speak.screen() as screen:
        with speak.loading(screen):
            from assay.options import Options
            from assay.pipeline import run_edit
            from assay.runs.recording import recording
            from assay.runs.replayed import replayed
            from assay.runs.store import Store
        with Store(home) as store:
            options = Options(
                model=model,
                layer=wanted_layer,
                method=method,
                variant=variant,
                generator=replayed(store, generator, request),
                bench=bench,
                only=wanted,
                seed=seed,
                trace=trace,
                sae=sae,
                base_url=base_url,
                timeout=timeout,
            )
            run_id = store.create_run("edit", request.to_json(), asdict(options))
            with recording(store, run_id, screen) as run:
                keep = run.folder.write_plan
                outcome = run_edit(request, options, run.emit, home.cache, run.save, keep=keep)
                run.finish(outcome.status)
            document = store.document(run_id)
    finish.finish(document, home, report, json)
    if outcome.status == "rolled_back":
        raise typer.Exit(NOT_VALIDATED)


def _generator(name: str, probes: str | None) -> str:
    """The generator that two options name: --probes RUN is a short way to say replay:RUN."""
    if probes is None:
        return asked.generator(name)
    if name != "catalogue":
        raise InputError(
            f"--probes {probes} together with --generator {name}",
            "one source of probes",
            "leave out one of the two",
        )
    return asked.generator(f"replay:{probes}")
