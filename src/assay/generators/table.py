"""The generators there are, by name."""

import difflib
from collections.abc import Callable, Mapping

from assay.errors import GeneratorError
from assay.generators.catalogue.catalogue import Catalogue
from assay.generators.plan import Generator

GENERATORS: Mapping[str, Callable[[], Generator]] = {
    "catalogue": Catalogue,
}
"""Name to constructor."""


def generator(name: str) -> Generator:
    """A new generator of this name; constructing one loads nothing yet."""
    if name in GENERATORS:
        return GENERATORS[name]()
    near = difflib.get_close_matches(name, GENERATORS, n=3, cutoff=0.4)
    raise GeneratorError(
        came=f"generator {name!r}",
        wanted=f"one of: {', '.join(GENERATORS)}",
        todo=f"did you mean {near[0]!r}?" if near else "choose one of these names",
    )


def relations() -> tuple[tuple[str, str], ...]:
    """(relation id, example sentence) of every relation that the catalogue knows."""
    return Catalogue().relations()
