"""``assay selfcheck``: do the benchmarks themselves measure what they name?"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from assay.cli import inputs, speak
from assay.runs.trouble import explained_files


def selfcheck(
    ctx: typer.Context,
    model: inputs.Model = "smollm2",
    quick: Annotated[
        bool, typer.Option("--quick", help="A few facts only: under three minutes, wide intervals.")
    ] = False,
    seed: inputs.Seed = 0,
    workers: inputs.Workers = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin again; else go on.")] = False,
    picture: Annotated[
        Path | None, typer.Option(help="Write a picture of all scores here, an SVG file.")
    ] = None,
    json: speak.Json = False,
) -> None:
    """Measure the benchmarks: planted defects, and probes made anew.

    For each benchmark: can it tell defects that were put there from sound edits (AUROC), and does it say the
    same of one edit when its probes are made anew (ICC)? Stop it when you like: the same command goes on
    where it stopped.
    """
    home = inputs.home_of(ctx)
    with speak.screen() as screen:
        with speak.loading(screen):
            from assay.models.opened import open_model
            from assay.selfcheck.run import QUICK, CheckOptions, run_check
        options = replace(QUICK if quick else CheckOptions(), seed=seed, workers=workers, fresh=fresh)
        document = run_check(open_model(model, home.cache, screen), options, home, screen)
    if picture is not None:
        from assay.report.defects import defects_picture

        with explained_files(picture):
            picture.write_text(defects_picture(document) + "\n", encoding="utf-8")
    if json:
        speak.say_json(document)
    else:
        from assay.report.selfcheck import render_check

        render_check(document, speak.out())
