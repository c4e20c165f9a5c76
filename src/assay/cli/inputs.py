"""Parameters that several commands share: what people type on the command line, before ``assay.asked`` reads it."""

from typing import Annotated, cast

import typer

from assay.runs.home import Home

Run = Annotated[str, typer.Argument(metavar="RUN", help="A run id, the start of one, or 'last'.")]
Prompt = Annotated[
    str, typer.Option(help="A sentence that stops where the answer begins; holds the subject once.")
]
Subject = Annotated[str, typer.Option(help="Whom or what the fact is about, spelled as in the prompt.")]
Model = Annotated[str, typer.Option(help="A hub id, a local folder, a .gguf file, or smollm2.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same scores.")]

Generator = Annotated[
    str, typer.Option(help="Who makes the probes: catalogue, llm:MODEL, local:MODEL or replay:RUN.")
]
BaseUrl = Annotated[
    str | None,
    typer.Option(
        metavar="URL", help="Server of llm:MODEL, as http://localhost:11434/v1. (Default: the provider's.)"
    ),
]
Timeout = Annotated[
    float | None,
    typer.Option(min=0.1, help="Seconds to wait for one answer of llm:MODEL. (Default: 60.)"),
]

Workers = Annotated[
    int | None,
    typer.Option(min=1, help="Processes of one thread each. (Default: one per core, four at most.)"),
]


def home_of(ctx: typer.Context) -> Home:
    """The home that the command line named (set by the root command)."""
    return cast(Home, ctx.obj)
