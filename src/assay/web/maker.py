"""The fields that name who makes something: a generator, its server's address, and how long to wait for an answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from assay import asked
from assay.asked import FIELDS
from assay.errors import GeneratorError, InputError
from assay.generators.llm.author import MODELS, is_model
from assay.generators.table import KINDS, named
from assay.generators.table import generator as made
from assay.web import within
from assay.web.text import LONGEST_WAIT, SHORTEST_WAIT
from assay.web.wrong import Checks, blank

SPELT = tuple(f"{name}:{kind.takes}" if kind.takes else name for name, kind in KINDS.items())
"""How each generator is written."""
WRITERS = tuple(name for name in SPELT if is_model(name))
"""Those of them that are language models."""


@dataclass(frozen=True)
class Maker:
    """The three fields as they were filled in."""

    name: str | None
    """Empty where nobody is named."""
    base_url: str | None = None
    timeout: float | None = None


def either(names: Sequence[str]) -> str:
    """``a, b or c``, for hints."""
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def begun(names: Sequence[str]) -> list[tuple[str, str]]:
    """(what choosing one types, what it is called) of generators: what follows a colon is for the user to type."""
    return [(name.partition(":")[0] + ":" * (":" in name), name) for name in names]


def generator(maker: Maker, roots: Sequence[Path]) -> str:
    """The generator, if it is one that can be had here: nothing is loaded, and nobody asked, to tell.

    Raises GeneratorError for a name that is none or a missing key, MissingPackage where its packages are missing,
    InputError for a model that lies outside of ``roots``.
    """
    name = asked.generator(maker.name or "")
    kind, rest = named(name)
    if kind == "local":
        within.model(rest.strip(), roots)
        made(name)
    elif blank(maker.base_url) is None:  # else what the server lacks is told at its address
        asked.endpoint(name, None, None, FIELDS)
    return name


def base_url(maker: Maker) -> str | None:
    """The address, if the generator asks a server and this is one. An unknown generator is wrong by itself."""
    url = blank(maker.base_url)
    if url is None or not _can_be_read(maker):
        return url
    return asked.endpoint(maker.name or "", url, None, FIELDS)


def timeout(maker: Maker) -> float | None:
    """The seconds, if the generator asks a server and they are not too few or too many."""
    if maker.timeout is None or not _can_be_read(maker):
        return maker.timeout
    asked.of_a_server("timeout", maker.name or "", FIELDS)
    if not SHORTEST_WAIT <= maker.timeout <= LONGEST_WAIT:
        raise InputError(
            f"timeout {maker.timeout:g}",
            f"from {SHORTEST_WAIT} to {LONGEST_WAIT:,} seconds",
            "for example 300; leave it empty for 60",
        )
    return maker.timeout


def _can_be_read(maker: Maker) -> bool:
    """Whether the generator is one: else that is what is wrong, not what stands beside it."""
    try:
        asked.generator(maker.name or "")
    except InputError:
        return False
    return True


def writer(maker: Maker, asked_for: str, roots: Sequence[Path]) -> str | None:
    """The language model that is to make something else than probes; None where none is named.

    ``asked_for`` says in one word what. Raises as ``generator``, and GeneratorError for one that is no language model.
    """
    if blank(maker.name) is None:
        return None
    name = asked.generator(maker.name or "")
    if not is_model(name):
        raise GeneratorError(
            f"{name!r} for {asked_for}",
            f"a language model: {MODELS}",
            "for example llm:qwen3:8b, or local:Qwen/Qwen3-1.7B",
        )
    return generator(maker, roots)


def writer_checks(field: str, maker: Maker, asked_for: str, roots: Sequence[Path]) -> Checks:
    """What may be wrong with a form whose ``field`` names a language model, or nobody."""

    def alone(other: str, given: object) -> None:
        if given is not None:
            raise InputError(
                f"{other} without {field}",
                "a language model that is asked",
                f"name one: {MODELS}, or leave out {other}",
            )

    if blank(maker.name) is None:
        return {
            "base_url": lambda: alone("base_url", blank(maker.base_url)),
            "timeout": lambda: alone("timeout", maker.timeout),
        }
    return {
        field: lambda: writer(maker, asked_for, roots),
        "base_url": lambda: base_url(maker) if is_model(maker.name or "") else None,
        "timeout": lambda: timeout(maker) if is_model(maker.name or "") else None,
    }
