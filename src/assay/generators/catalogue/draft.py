"""A probe plan while it is being made: the rendered sentences, which of them are spent, and dealing."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from assay.generators.catalogue.facts import Facts
from assay.generators.catalogue.material import Kind, Material
from assay.generators.catalogue.phrasing import Name, inside, name_of
from assay.generators.catalogue.relations import Relation
from assay.generators.dealing import deal
from assay.generators.plan import Request
from assay.probes.probe import Probe


@dataclass
class Draft:
    """Everything that the makers of probes share for one request and one seed."""

    request: Request
    """With ``old`` and ``relation`` filled in."""
    kind: Kind
    """Dressing of the subject."""
    name: Name
    """Forms of the subject."""
    material: Material
    facts: Facts
    rng: random.Random
    spent: set[str] = field(default_factory=set)
    """Prompts that no further probe may use, as ``audit.same`` writes them."""

    @property
    def relation(self) -> Relation | None:
        """The edited relation, or None when it is unknown."""
        return self.material.relations[self.request.relation] if self.request.relation else None

    @property
    def echo(self) -> str:
        """The training prompt as the second half of a longer sentence."""
        return inside(self.request.prompt, self.name)

    def shuffled(self, items: Iterable[str]) -> list[str]:
        """``items`` in an order that depends on the seed only."""
        found = list(items)
        self.rng.shuffle(found)
        return found

    def positive(self, prompt: str, axis: str, source: str) -> Probe:
        """A probe of the edited fact."""
        return Probe(prompt, self.request.target, True, axis, self.request.old, f"catalogue:{source}")

    def deal(self, n: int, *piles: Sequence[Probe]) -> tuple[Probe, ...]:
        """Up to ``n`` unspent probes, drawn from the piles in turn so that every axis gets its share."""
        return deal(self.spent, n, *piles)


def dressed(subject: str, prompt: str, kind: Kind, facts: Facts) -> Name:
    """The forms of ``subject``, with the fact base's spelling for common nouns ("sushi", not "Sushi")."""
    if kind.common:
        subject = facts.name(subject) or subject
    return name_of(facts.spoken(subject), prompt, kind.lower_the, kind.common)
