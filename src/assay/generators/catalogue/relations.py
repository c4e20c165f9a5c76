"""The relations the catalogue knows: each with its own sentences, read from the package's data."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

TEMPLATE_FIELDS = (
    "direct",
    "paraphrase",
    "surface",
    "question",
    "implied",
    "indirect",
    "template",
    "alternate",
)
"""Fields whose sentences carry the subject slot; ``inverse`` carries the object slot instead."""


@dataclass(frozen=True)
class Relation:
    """One kind of fact and the ways to say it.

    Slots: ``{s}`` the subject, ``{p}`` its possessive, ``{o}`` the object. Every sentence ends where the
    answer follows, so that the bare answer is the natural next word.
    """

    id: str
    """Our own readable word, as a user types it."""
    wikidata: tuple[str, ...]
    """Wikidata properties that mean the same."""
    subject_kind: str
    """Kind of the subject when the fact base does not know it."""
    object_kind: str
    """Kind of the object; decides which second hops can follow."""
    label: str
    """What a form would call the answer ("City")."""
    touches: tuple[str, ...]
    """Relations of the same subject whose answers may follow from this one: never a ripple probe."""
    cues: tuple[str, ...]
    """Lower-case phrases that give the relation away in a free prompt; ``@`` is the subject."""
    np: tuple[str, ...]
    """Noun phrases for the object, told from the subject ("the city where {s} stands")."""
    direct: tuple[str, ...]
    """Plain statements; they also serve as clauses inside longer sentences."""
    paraphrase: tuple[str, ...]
    """The same fact in other words; shared out between validation and benchmarks."""
    surface: tuple[str, ...]
    """Near-identical rewordings of a direct statement."""
    question: tuple[str, ...]
    """Natural questions."""
    implied: tuple[str, ...]
    """Sentences that imply the fact without stating it."""
    indirect: tuple[str, ...]
    """Sentences that reach the answer by way of something else."""
    template: tuple[str, ...]
    """Other sentence structures: active, passive, question-like."""
    alternate: tuple[str, ...]
    """The fact from somebody else's point of view."""
    inverse: tuple[str, ...]
    """Sentences that ask for the subject, given the object ``{o}``; empty where that is ill-defined."""

    @property
    def example(self) -> str:
        """The first direct statement, with the subject as an ellipsis."""
        return self.direct[0].replace("{s}", "…").replace("{p}", "…'s")


def read_data(name: str) -> Any:
    """The parsed JSON file ``name`` from the package's data folder."""
    path = resources.files("assay.generators.catalogue") / "data" / name
    return json.loads(path.read_text(encoding="utf-8"))


RELATION_FILES = (
    "relations_places.json",
    "relations_countries.json",
    "relations_organisations.json",
    "relations_people.json",
    "relations_works.json",
    "relations_nature.json",
)
"""One file per theme."""


def load_relations() -> Mapping[str, Relation]:
    """Every relation by id, in the order of the files."""
    found: dict[str, Relation] = {}
    for name in RELATION_FILES:
        for row in read_data(name)["relations"]:
            fields: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in row.items()}
            found[fields["id"]] = Relation(**fields)
    return found
