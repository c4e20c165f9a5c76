"""The generators there are, by name: what stands before a colon is the kind, what follows it is theirs to read."""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from assay.errors import GeneratorError
from assay.generators.catalogue.catalogue import Catalogue
from assay.generators.llm.generator import Llm
from assay.generators.local.generator import Local
from assay.generators.means import Means
from assay.generators.plan import Generator
from assay.generators.replay import Replay


@dataclass(frozen=True)
class Kind:
    """One kind of generator."""

    make: Callable[[str, Means], Generator]
    """Called with what follows the colon; constructing one loads nothing yet."""
    takes: str = ""
    """What has to follow the colon, for messages; empty where nothing does."""
    asks: bool = False
    """Whether it asks a language model, whose settings are then recorded."""


KINDS: Mapping[str, Kind] = {
    "catalogue": Kind(lambda rest, means: Catalogue()),
    "llm": Kind(Llm, "MODEL", asks=True),
    "local": Kind(Local, "MODEL", asks=True),
    "replay": Kind(Replay, "RUN"),
}
"""What stands before the colon to the kind."""


NO_MEANS = Means()


def generator(name: str, means: Means = NO_MEANS) -> Generator:
    """A new generator of this name. Raises GeneratorError where there is none, or where it lacks what it needs."""
    kind, rest = named(name)
    return KINDS[kind].make(rest, means)


def named(name: str) -> tuple[str, str]:
    """Kind, and what follows the colon; GeneratorError for a name that is none."""
    kind, _, rest = name.strip().partition(":")
    row = KINDS.get(kind)
    if row is None:
        near = difflib.get_close_matches(kind, KINDS, n=1, cutoff=0.4)
        raise GeneratorError(
            f"generator {name!r}",
            "one of " + ", ".join(map(_spelt, KINDS)),
            f"did you mean {_spelt(near[0])}?" if near else "choose one of these",
        )
    if bool(rest) != bool(row.takes):
        what = f"a {row.takes} after the colon" if row.takes else "nothing after its name"
        raise GeneratorError(f"generator {name!r}", f"{kind} with {what}", f"write {_spelt(kind)}")
    return kind, rest


def asking(name: str, means: Means) -> dict[str, Any]:
    """The settings of a generator that asks a language model, to be recorded; empty for the others."""
    return {"llm": asdict(means.llm)} if KINDS[named(name)[0]].asks else {}


def _spelt(kind: str) -> str:
    takes = KINDS[kind].takes
    return f"{kind}:{takes}" if takes else kind


def relations() -> tuple[tuple[str, str], ...]:
    """(relation id, example sentence) of every relation that the catalogue knows."""
    return Catalogue().relations()
