"""What the commands of ``assay features`` take and say where a language model helps."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli import inputs, speak
from assay.cli.author import author_of
from assay.errors import InputError

if TYPE_CHECKING:
    from assay.events import Emit
    from assay.features.llm.labelling import Naming
    from assay.features.scorer import Trier
    from assay.generators.llm.author import Author

Generator = Annotated[
    str | None,
    typer.Option(help="Who proposes labels: llm:MODEL or local:MODEL. (Default: assay itself, offline.)"),
]
Sentences = Annotated[
    str | None,
    typer.Option(
        help="Who writes the label's sentences: llm:MODEL or local:MODEL. (Default: held-out text is searched.)"
    ),
]
Seed = Annotated[int, typer.Option(min=0, help="Of a language model: with another one it is asked anew.")]


def asked_author(
    ctx: typer.Context,
    option: str,
    name: str | None,
    base_url: str | None,
    timeout: float | None,
    asked_for: str,
    emit: "Emit",
) -> "Author | None":
    """The model that an option names; None where it is not given, and then neither may be what belongs to it."""
    if name is None:
        from assay.generators.llm.author import MODELS

        for other, value in (("base-url", base_url), ("timeout", timeout)):
            if value is not None:
                raise InputError(
                    f"--{other} without --{option}",
                    "a language model that is asked",
                    f"name one: --{option} {MODELS}, or leave out --{other}",
                )
        return None
    return author_of(inputs.home_of(ctx), option, name, base_url, timeout, asked_for, emit)


def trier_of(author: "Author") -> "Trier":
    """What tries labels on this model's sentences."""
    from assay.features.llm.trial import written_by

    return written_by(author)


def say_naming(naming: "Naming", json: bool) -> None:
    """What came of asking for labels."""
    from dataclasses import asdict

    document: dict[str, Any] = {
        "labels": [asdict(one) for one in naming.labels],
        "features": [one.to_json() for one in naming.features],
        "generator": dict(naming.author),
    }
    if json:
        speak.say_json(document)
        return
    from assay.report.feature_naming import render_naming

    render_naming(document, speak.out())
