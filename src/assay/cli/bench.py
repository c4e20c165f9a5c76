"""``assay bench``: the benchmarks again, on an edit that is stored."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay import asked
from assay.cli import finish, inputs, judging, speak
from assay.errors import InputError
from assay.events import Emit
from assay.generators.plan import Plan, Request

if TYPE_CHECKING:
    from assay.runs.store import Store
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
    generator: Annotated[
        str | None,
        typer.Option(help="Who makes fresh probes, named as in assay edit. (Default: the run's generator.)"),
    ] = None,
    base_url: inputs.BaseUrl = None,
    timeout: inputs.Timeout = None,
    judge: Annotated[
        str | None,
        typer.Option(
            help="Have llm:MODEL or local:MODEL judge the run's LEME paragraphs; no benchmark runs."
        ),
    ] = None,
    report: Annotated[
        bool, typer.Option("--report/--no-report", help="Write report.html at the end.")
    ] = True,
    json: speak.Json = False,
) -> None:
    """Run the benchmarks again on a stored edit.

    The results go to a new run, so that both stay and can be compared. With --resume a suite that was
    interrupted is finished in its own run. With --judge a language model's marks are added to the run.
    """
    if judge is not None:
        judging.alone({"resume": resume, "probes": probes != "same", "only": only, "generator": generator})
        home = inputs.home_of(ctx)
        finish.finish(judging.judge(home, run, judge, base_url, timeout, seed), home, report, json)
        return
    fresh = asked.chosen("probes", probes, asked.PROBES) == "fresh"
    wanted = asked.benchmarks(only)
    if resume and (fresh or wanted or seed is not None):
        raise InputError(
            "--resume together with --probes fresh, --only or --seed",
            "--resume alone: it goes on with the run's own settings",
            "leave those out, or leave out --resume to begin a new run",
        )
    chosen_generator = _generator(fresh, generator, base_url, timeout)
    home = inputs.home_of(ctx)
    from assay.runs import suites
    from assay.runs.store import Store

    with Store(home) as store:
        if chosen_generator is not None:
            chosen_generator["generator"] = _found(store, run, chosen_generator["generator"])
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
                    from assay.characterise import run_bench
                chosen = asked.stored_options(options)
                run_bench(edit_file, plan, chosen, emit, home.cache, done, keep=keep)

            if resume:
                run_id = suites.resume(store, run, suite, screen)
            else:
                run_id = suites.repeat(store, run, suite, screen, fresh, wanted, seed, chosen_generator)
        document = store.document(run_id)
    finish.finish(document, home, report, json)


def _generator(
    fresh: bool, name: str | None, base_url: str | None, timeout: float | None
) -> dict[str, Any] | None:
    """The options that name another generator than the run's own; None where nothing does."""
    if name is None and base_url is None and timeout is None:
        return None
    if name is None or not fresh:
        raise InputError(
            "--generator, --base-url or --timeout without the other options they need",
            "--probes fresh and --generator: only new probes are made by somebody",
            "add --probes fresh --generator NAME, or leave those out",
        )
    name = asked.generator(name)
    return {"generator": name, "base_url": asked.endpoint(name, base_url, timeout), "timeout": timeout}


def _found(store: "Store", run: str, generator: str) -> str:
    """The generator, with the whole id of the run that it replays, if it does."""
    from assay.runs.replayed import replayed

    of = store.document(run)["request"]
    return replayed(
        store, generator, Request(**{name: of.get(name) for name in Request.__dataclass_fields__})
    )
