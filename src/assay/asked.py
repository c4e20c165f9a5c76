"""What people ask for in words, turned into what the functions take, or an error that says how to ask.

The command line and the web app read the same fields by the same rules; only how a field is called differs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.errors import InputError, RequestError
from assay.settings import METHODS, VARIANTS

if TYPE_CHECKING:
    from assay.generators.plan import Request
    from assay.options import Options

PROBES = ("same", "fresh")


@dataclass(frozen=True)
class Spelling:
    """How the place where people type speaks of its fields: templates of a field's name and a value."""

    name: str
    """The field itself."""
    given: str
    """The field with a value in it."""
    fill: str
    """What to do about an empty field."""


OPTIONS = Spelling("--{0}", "--{0} {1}", 'give one: --{0} "..."')
"""The command line."""
FIELDS = Spelling("{0}", "{1}", "fill it in")
"""A form."""


def request(
    prompt: str,
    subject: str,
    target: str,
    old: str | None,
    relation: str | None,
    spelling: Spelling = OPTIONS,
) -> "Request":
    """The request, checked as far as it can be without a model."""
    from assay.generators.plan import Request

    known = fact(prompt, subject, old, spelling)
    new = differing(target, old, spelling)
    if relation is not None:
        known_relation(relation)
    return Request(known.prompt, known.subject, new, known.old, relation)


def fact(prompt: str, subject: str, old: str | None, spelling: Spelling = OPTIONS) -> "Request":
    """A fact as it is now, with nothing to write in its place: a request whose target is empty."""
    from assay.generators.plan import Request

    filled("prompt", prompt, spelling)
    standing(subject, prompt, spelling)
    return Request(prompt.rstrip(), subject, "", old.strip() if old else None, None)


def filled(field: str, text: str, spelling: Spelling = OPTIONS) -> str:
    """``text`` if there is any."""
    if not text.strip():
        raise RequestError(
            f"an empty {spelling.name.format(field)}", "some text", spelling.fill.format(field)
        )
    return text


def standing(subject: str, prompt: str, spelling: Spelling = OPTIONS) -> str:
    """``subject`` if it is in the prompt exactly once."""
    filled("subject", subject, spelling)
    count = prompt.count(subject)
    if count != 1:
        here, there = (spelling.name.format(field) for field in ("prompt", "subject"))
        raise RequestError(
            f"subject {subject!r}, which is {count} times in the prompt {prompt!r}",
            "a prompt with the subject in it exactly once, spelled the same way",
            f"correct {here} or {there} (capital letters count)",
        )
    return subject


def differing(target: str, old: str | None, spelling: Spelling = OPTIONS) -> str:
    """The new answer without spaces around it, if it is another than the old one."""
    filled("target", target, spelling)
    if old is not None and old.strip() == target.strip():
        here, there = (spelling.name.format(field) for field in ("target", "old"))
        raise RequestError(
            f"target {target!r}, which is the old answer too",
            "a new answer that differs from the old one",
            f"correct {here} or {there}",
        )
    return target.strip()


def known_relation(text: str) -> str:
    """The id of a relation of the catalogue."""
    from assay.generators.catalogue.relations import load_relations

    return chosen("relation", text, list(load_relations()))


def layer(text: str, spelling: Spelling = OPTIONS) -> int | None:
    """``auto`` (None) or the number of a block, from 0."""
    if text == "auto":
        return None
    if not text.isascii() or not text.isdigit():
        raise InputError(
            f"layer {text!r}",
            "auto, or the number of a block counted from 0",
            f"for example {spelling.given.format('layer', 5)}",
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
    """The name of a generator, with what follows its colon."""
    from assay.generators.table import named

    named(text)
    return text.strip()


def endpoint(
    generator: str, base_url: str | None, timeout: float | None, spelling: Spelling = OPTIONS
) -> str | None:
    """The address of a server, where the generator asks one and has what it needs: key and packages."""
    from assay.generators.llm.endpoint import endpoint as found
    from assay.generators.means import Means
    from assay.generators.table import generator as made
    from assay.generators.table import named

    for field, value in (("base-url", base_url), ("timeout", timeout)):
        if value is not None:
            of_a_server(field, generator, spelling)
    if not asks_a_server(generator):
        return None
    made(generator, Means(base_url=base_url))
    return None if base_url is None else found(named(generator)[1], base_url).base_url


def asks_a_server(generator: str) -> bool:
    """Whether a generator asks a language model. Raises GeneratorError for a name that is none."""
    from assay.generators.table import named

    return named(generator)[0] == "llm"


def of_a_server(field: str, generator: str, spelling: Spelling = OPTIONS) -> None:
    """Raises InputError where a field was given that means nothing to this generator."""
    if not asks_a_server(generator):
        name = spelling.name.format(field)
        raise InputError(
            f"{name} with the generator {generator}",
            "a generator that asks a server",
            f"leave out {name}, or name a model: {spelling.given.format('generator', 'llm:MODEL')}",
        )


def benchmarks(text: str | None) -> tuple[str, ...] | None:
    """Benchmark ids separated by commas; None for all thirteen."""
    return None if text is None else some_benchmarks(text.split(","))


def some_benchmarks(ids: Sequence[str]) -> tuple[str, ...]:
    """At least one benchmark's id; each is kept once."""
    from assay.generators.plan import AXES

    names = [name.strip() for name in ids if name.strip()]
    if not names:
        raise InputError("an empty --only", "benchmark ids separated by commas", "one of " + ", ".join(AXES))
    return tuple(dict.fromkeys(chosen("benchmark", name, list(AXES)) for name in names))


def stored_options(stored: Mapping[str, Any]) -> "Options":
    """The Options that a stored run was made with."""
    from dataclasses import fields

    from assay.options import Options

    values = {field.name: stored[field.name] for field in fields(Options) if field.name in stored}
    if values.get("only") is not None:
        values["only"] = tuple(values["only"])
    return Options(**values)


def folder(path: Path, what: str) -> Path:
    """``path`` if it is a folder."""
    if not path.is_dir():
        raise InputError(f"{what} {path}, which is not a folder", "a folder that exists", "check the path")
    return path
