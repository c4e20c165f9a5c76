"""What probes are made of besides relations: kinds of subjects, second hops, attributes, generic frames."""

from collections.abc import Mapping
from dataclasses import dataclass

from assay.generators.catalogue.relations import Relation, load_relations, read_data


@dataclass(frozen=True)
class Kind:
    """How sentences about one kind of subject are dressed."""

    domain: str
    """Coarse topic; locality probes come from other domains."""
    lower_the: bool
    """Whether a leading "The" is written small inside a sentence (not in titles of works)."""
    common: bool
    """Whether names are common nouns, capitalised only at the start of a sentence."""
    contexts: tuple[str, ...]
    """A sentence that sets a scene, then ``{C}``, a statement of the fact."""
    frames: tuple[str, ...]
    """Longer sentences with the fact as the sub-clause ``{c}`` at their end."""
    long_form: tuple[str, ...]
    """Openings of paragraphs about ``{s}``."""
    ripple: tuple[tuple[str, frozenset[str]], ...]
    """(sentence about another attribute of ``{s}``, relations whose edits may change it)."""


@dataclass(frozen=True)
class Hop:
    """A second step from the object of an edited fact."""

    path: tuple[str, ...]
    """Relations to follow from the object, in order."""
    templates: tuple[str, ...]
    """Sentences over the object's noun phrase: ``{o}`` inside, ``{O}`` at the start."""


@dataclass(frozen=True)
class Description:
    """A way to refer to something by a single fact ("the capital of France")."""

    relation: str
    """The relation or attribute of the fact."""
    text: str
    """With ``{o}`` the answer, or with ``inverse`` with ``{s}`` the subject of the fact."""
    inverse: bool = False
    """Whether the answer is described, and not the subject."""


@dataclass(frozen=True)
class Material:
    """All sentences of the catalogue."""

    relations: Mapping[str, Relation]
    """Relation id to relation."""
    kinds: Mapping[str, Kind]
    """Kind of subject to its dressing."""
    hops: Mapping[str, tuple[Hop, ...]]
    """Kind of object to the hops that can follow."""
    attributes: Mapping[str, tuple[str, ...]]
    """Fact-base relations that are only asked about, never edited, to their sentences."""
    generic: Mapping[str, tuple[str, ...]]
    """Axis to frames around the user's own prompt, for unknown relations."""
    neutral: tuple[str, ...]
    """Unfinished everyday sentences."""
    descriptions: tuple[Description, ...]
    """Ways to refer to a subject without its name."""

    def statements(self, relation: str) -> tuple[str, ...]:
        """Plain statements of a relation or an attribute; empty when it has none."""
        known = self.relations.get(relation)
        return known.direct if known else self.attributes.get(relation, ())


def load_material() -> Material:
    """Everything from the package's data folder (a few milliseconds)."""
    kinds = read_data("kinds.json")
    return Material(
        relations=load_relations(),
        kinds={name: _kind(kinds[row.get("like", name)]) for name, row in kinds.items()},
        hops={
            kind: tuple(Hop(tuple(hop["path"]), tuple(hop["templates"])) for hop in hops)
            for kind, hops in read_data("hops.json").items()
        },
        attributes={name: tuple(rows) for name, rows in read_data("attributes.json").items()},
        generic={k: tuple(v) for k, v in read_data("generic.json").items() if k != "notice"},
        neutral=tuple(read_data("neutral.json")["prompts"]),
        descriptions=tuple(Description(**row) for row in read_data("descriptions.json")["descriptions"]),
    )


def _kind(row: Mapping[str, object]) -> Kind:
    def texts(field: str) -> tuple[str, ...]:
        found = row[field]
        assert isinstance(found, list)
        return tuple(found)

    ripple = row["ripple"]
    assert isinstance(ripple, list)
    return Kind(
        domain=str(row["domain"]),
        lower_the=bool(row["lower_the"]),
        common=bool(row.get("common", False)),
        contexts=texts("contexts"),
        frames=texts("frames"),
        long_form=texts("long_form"),
        ripple=tuple((text, frozenset(touched)) for text, touched in ripple),
    )
