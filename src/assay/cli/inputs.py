"""What people type, turned into what the functions take, or an error that says how to type it."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from assay.errors import InputError, RequestError
from assay.runs.home import Home
from assay.settings import METHODS, VARIANTS

if TYPE_CHECKING:
    from assay.generators.plan import Request
    from assay.pipeline import Options

PROBES = ("same", "fresh")

Run = Annotated[str, typer.Argument(metavar="RUN", help="A run id, the start of one, or 'last'.")]
Prompt = Annotated[
    str, typer.Option(help="A sentence that stops where the answer begins; holds the subject once.")
]
Subject = Annotated[str, typer.Option(help="Whom or what the fact is about, spelled as in the prompt.")]
Model = Annotated[str, typer.Option(help="A hub id, a local folder, a .gguf file, or smollm2.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same scores.")]

Workers = Annotated[
    int | None,
    typer.Option(min=1, help="Processes of one thread each. (Default: one per core, four at most.)"),
]


def home_of(ctx: typer.Context) -> Home:
    """The home that the command line named (set by the root command)."""
    return cast(Home, ctx.obj)


def request(prompt: str, subject: str, target: str, old: str | None, relation: str | None) -> "Request":
    """The request, checked as far as it can be without a model."""
    from assay.generators.plan import Request

    known = fact(prompt, subject, old)
    _filled("--target", target)
    if old is not None and old.strip() == target.strip():
        raise RequestError(
            f"target {target!r}, which is the old answer too",
            "a new answer that differs from the old one",
            "correct --target or --old",
        )
    if relation is not None:
        from assay.generators.catalogue.relations import load_relations

        chosen("relation", relation, list(load_relations()))
    return Request(known.prompt, known.subject, target.strip(), known.old, relation)


def fact(prompt: str, subject: str, old: str | None) -> "Request":
    """A fact as it is now, with nothing to write in its place: a request whose target is empty."""
    from assay.generators.plan import Request

    _filled("--prompt", prompt)
    _filled("--subject", subject)
    count = prompt.count(subject)
    if count != 1:
        raise RequestError(
            f"subject {subject!r}, which is {count} times in the prompt {prompt!r}",
            "a prompt with the subject in it exactly once, spelled the same way",
            "correct --prompt or --subject (capital letters count)",
        )
    return Request(prompt.rstrip(), subject, "", old.strip() if old else None, None)


def _filled(option: str, text: str) -> None:
    if not text.strip():
        raise RequestError(f"an empty {option}", "some text", f'give one: {option} "..."')


def layer(text: str) -> int | None:
    """``auto`` (None) or the number of a block, from 0."""
    if text == "auto":
        return None
    if not text.isascii() or not text.isdigit():
        raise InputError(
            f"layer {text!r}", "auto, or the number of a block counted from 0", "for example --layer 5"
        )
    return int(text)


def chosen(what: str, text: str, known: Sequence[str]) -> str:
    """``text`` if it is one of ``known``; else an error with the nearest ones and the whole list."""
    if text in known:
        return text
    near = get_close_matches(text, known, n=3, cutoff=0.4)
    guess = f"did you mean {' or '.join(near)}?" if near else "choose one of these"
    raise InputError(f"{what} {text!r}", "one of " + ", ".join(known), guess)


def method(text: str) -> str:
    """The name of an editing method."""
    return chosen("method", text, METHODS)


def variant(text: str) -> str:
    """The name of a variant of ROME."""
    return chosen("variant", text, VARIANTS)


def generator(text: str) -> str:
    """The name of a generator."""
    from assay.generators.table import GENERATORS

    return chosen("generator", text, list(GENERATORS))


def benchmarks(text: str | None) -> tuple[str, ...] | None:
    """Benchmark ids separated by commas; None for all thirteen."""
    if text is None:
        return None
    from assay.generators.plan import AXES

    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise InputError("an empty --only", "benchmark ids separated by commas", "one of " + ", ".join(AXES))
    return tuple(dict.fromkeys(chosen("benchmark", name, list(AXES)) for name in names))


def stored_options(stored: Mapping[str, Any]) -> "Options":
    """The Options that a stored run was made with."""
    from dataclasses import fields

    from assay.pipeline import Options

    values = {field.name: stored[field.name] for field in fields(Options) if field.name in stored}
    if values.get("only") is not None:
        values["only"] = tuple(values["only"])
    return Options(**values)


def folder(path: Path, what: str) -> Path:
    """``path`` if it is a folder."""
    if not path.is_dir():
        raise InputError(f"{what} {path}, which is not a folder", "a folder that exists", "check the path")
    return path
