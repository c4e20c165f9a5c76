"""``assay bench``: the benchmarks again, on an edit that is stored."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli import finish, inputs, speak
from assay.errors import InputError
from assay.events import Emit
from assay.generators.plan import Plan

if TYPE_CHECKING:
    from assay.runs.suites import Results


def bench(
    ctx: typer.Context,
    run: inputs.Run,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Finish an interrupted suite in its own run instead of a new one."),
    ] = False,
    probes: Annotated[str, typer.Option(help="same: the run's own probes; fresh: new ones.")] = "same",
    only: Annotated[str | None, typer.Option(help="These benchmarks only: ids separated by commas.")] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Seed of a new run. (Default: the run's own; for fresh probes one more.)"),
    ] = None,
    report: Annotated[
        bool, typer.Option("--report/--no-report", help="Write report.html at the end.")
    ] = True,
    json: speak.Json = False,
) -> None:
    """Run the benchmarks again on a stored edit.

    The results go to a new run, so that both stay and can be compared. With --resume a suite that was
    interrupted is finished in its own run.
    """
    fresh = inputs.chosen("probes", probes, inputs.PROBES) == "fresh"
    wanted = inputs.benchmarks(only)
    if resume and (fresh or wanted or seed is not None):
        raise InputError(
            "--resume together with --probes fresh, --only or --seed",
            "--resume alone: it goes on with the run's own settings",
            "leave those out, or leave out --resume to begin a new run",
        )
    home = inputs.home_of(ctx)
    from assay.runs import suites
    from assay.runs.store import Store

    with Store(home) as store:
        with speak.screen() as screen:

            def suite(
                edit_file: Path,
                plan: dict[str, Any] | None,
                options: Mapping[str, Any],
                emit: Emit,
                done: "Results",
                keep: Callable[[Plan], None],
            ) -> None:
                with speak.loading(screen):
                    from assay.pipeline import run_bench
                chosen = inputs.stored_options(options)
                run_bench(edit_file, plan, chosen, emit, home.cache, done, keep=keep)

            if resume:
                run_id = suites.resume(store, run, suite, screen)
            else:
                run_id = suites.repeat(store, run, suite, screen, fresh, wanted, seed)
        document = store.document(run_id)
    finish.finish(document, home, report, json)
