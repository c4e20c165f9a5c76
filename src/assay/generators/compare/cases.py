"""The edits that generators are compared on: some that come with the program, or those of a data set's file."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from assay.datasets.table import detect, load
from assay.errors import InputError
from assay.generators.plan import Request
from assay.runs.strict import dumps

BUILT_IN: tuple[Request, ...] = (
    Request("The Eiffel Tower is located in the city of", "The Eiffel Tower", "Berlin", "Paris"),
    Request("The capital of Japan is", "Japan", "Oslo", "Tokyo"),
    Request("The author of Hamlet is", "Hamlet", "Mark Twain", "William Shakespeare"),
    Request("The official language of Brazil is", "Brazil", "German", "Portuguese"),
    Request("The telephone was invented by", "The telephone", "James Watt", "Alexander Graham Bell"),
    Request("The Great Wall is located in the country of", "The Great Wall", "Spain", "China"),
    Request("The currency of India is the", "India", "peso", "rupee"),
    Request("The mother tongue of Victor Hugo is", "Victor Hugo", "Swedish", "French"),
)
"""Well-known facts of several kinds, each with a false answer to write."""


@dataclass(frozen=True)
class Cases:
    """The edits to compare on."""

    title: str
    """What they are, for people."""
    requests: tuple[Request, ...]
    """Their relations are left for each generator to find."""

    @property
    def ids(self) -> tuple[str, ...]:
        """One name per request, by its content."""
        return tuple(sha256(dumps(one.to_json()).encode()).hexdigest()[:16] for one in self.requests)


def cases_of(file: Path | None, limit: int | None) -> Cases:
    """The built-in edits, or those of a data set's file that write one fact; at most ``limit``, in their order."""
    if file is None:
        title, found = "built-in edits", BUILT_IN
    else:
        data = load(file, detect(file))
        title = file.name
        found = tuple(
            Request(one.first.prompt, one.first.subject, one.first.target_new, one.first.target_true)
            for one in data.cases
            if len(one.rewrites) == 1
        )
    chosen = tuple(dict.fromkeys(found))[:limit]
    if not chosen:
        raise InputError(f"{title} without an edit of one fact", "one at least", "name another file")
    return Cases(title, chosen)


def names_of(names: Sequence[str]) -> tuple[str, ...]:
    """Two different generators at least; raises InputError otherwise."""
    different = tuple(dict.fromkeys(name.strip() for name in names))
    if len(different) < 2:
        raise InputError(
            f"the generators {', '.join(names) or '(none)'}",
            "two different ones at least",
            "for example: assay generators compare catalogue llm:MODEL --base-url URL",
        )
    return different
