"""The fact base: who made what, what lies where. Loaded on first use, kept on the instance.

Countries come from packages (see ``countries``); everything else from the package's own JSON tables, each
with a notice of where its facts come from.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from assay.generators.catalogue.countries import country_facts
from assay.generators.catalogue.relations import read_data

FACT_FILES = (
    "facts_landmarks.json",
    "facts_organisations.json",
    "facts_people.json",
    "facts_works.json",
    "facts_nature.json",
    "facts_kinds.json",
)
"""One file per theme, besides the countries."""

ARTICLES = ("Avengers", "United Nations", "Justice League", "X-Men", "Fantastic Four")
"""Names, besides those of countries, that are written with "the" inside a sentence."""

CENTURIES = {
    15: "fifteenth",
    16: "sixteenth",
    17: "seventeenth",
    18: "eighteenth",
    19: "nineteenth",
    20: "twentieth",
}
"""Centuries in which the people of the tables were born, as they are spelled in a sentence."""


def key(name: str) -> str:
    """What names are compared by: lower case, without a leading "the"."""
    folded = " ".join(name.casefold().split())
    return folded.removeprefix("the ")


@dataclass
class _Tables:
    answers: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=lambda: defaultdict(dict))
    """relation -> subject key -> objects, the main one first"""
    about: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """subject key -> relations, in the order of the tables"""
    names: dict[str, str] = field(default_factory=dict)
    """subject key -> the name as written"""
    kinds: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """subject key -> kinds of subject"""
    aliases: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """subject key -> other names and descriptions"""

    def add(self, subject: str, relation: str, objects: Sequence[str]) -> None:
        here = key(subject)
        self.names.setdefault(here, subject)
        if here not in self.answers[relation]:
            self.answers[relation][here] = tuple(objects)
            self.about[here].append(relation)


class Facts:
    """Questions to the fact base. Names are found whatever their case and with or without "the"."""

    def objects(self, subject: str, relation: str) -> tuple[str, ...]:
        """Known true objects, the main one first; empty when nothing is known."""
        return self._tables.answers[relation].get(key(subject), ())

    def subjects(self, relation: str) -> tuple[str, ...]:
        """Every subject that has this relation, best known first within its table."""
        return tuple(self._tables.names[k] for k in self._tables.answers[relation])

    def bearers(self, answer: str, relation: str) -> tuple[str, ...]:
        """Every subject one of whose objects is ``answer``, in the order of the tables."""
        return tuple(self._tables.names[k] for k in self._bearers.get((relation, key(answer)), ()))

    def relations(self) -> tuple[str, ...]:
        """Every relation and attribute that has at least one fact."""
        return tuple(name for name, rows in self._tables.answers.items() if rows)

    def aliases(self, name: str) -> tuple[str, ...]:
        """Other names and descriptions of a subject."""
        return tuple(self._tables.aliases.get(key(name), ()))

    def about(self, subject: str) -> tuple[tuple[str, str], ...]:
        """(relation, main object) pairs of one subject."""
        return tuple((rel, self.objects(subject, rel)[0]) for rel in self._tables.about.get(key(subject), ()))

    def hop(self, name: str, path: Sequence[str]) -> str | None:
        """The main object reached from ``name`` along ``path``, or None where the path breaks."""
        here = name
        for relation in path:
            found = self.objects(here, relation)
            if not found:
                return None
            here = found[0]
        return here

    def kinds(self, subject: str) -> tuple[str, ...]:
        """Kinds that a subject belongs to, most specific first; empty for an unknown name."""
        return tuple(self._tables.kinds.get(key(subject), ()))

    def name(self, subject: str) -> str | None:
        """The name as the fact base writes it, or None for an unknown name."""
        return self._tables.names.get(key(subject))

    def spoken(self, name: str) -> str:
        """The name as it follows in a sentence: "the Netherlands", but "France"."""
        return f"the {name}" if name in self._articles else name

    @cached_property
    def _bearers(self) -> dict[tuple[str, str], list[str]]:
        found: dict[tuple[str, str], list[str]] = defaultdict(list)
        for relation, rows in self._tables.answers.items():
            for here, answers in rows.items():
                for answer in answers:
                    found[relation, key(answer)].append(here)
        return found

    @cached_property
    def _articles(self) -> frozenset[str]:
        return frozenset(ARTICLES) | frozenset(read_data("facts_countries.json")["article"])

    @cached_property
    def _tables(self) -> _Tables:
        tables = _Tables()
        for country, facts, aliases in country_facts():
            tables.kinds[key(country)].append("country")
            tables.aliases[key(country)] += aliases
            for relation, answer in facts.items():
                tables.add(country, relation, (answer,))
        for file in FACT_FILES:
            for table in read_data(file)["tables"]:
                for row in table["rows"]:
                    _add_row(tables, table["kind"], dict(zip(table["columns"], row, strict=True)))
        _derive(tables)
        return tables


def _add_row(tables: _Tables, kind: str, row: dict[str, str | list[str] | None]) -> None:
    subject = str(row.pop("subject"))
    here = key(subject)
    tables.names.setdefault(here, subject)
    if kind not in tables.kinds[here]:
        tables.kinds[here].append(kind)
    tables.aliases[here] += [a for a in row.pop("aliases", None) or () if a not in tables.aliases[here]]
    for relation, answer in row.items():
        if answer:
            tables.add(subject, relation, [answer] if isinstance(answer, str) else answer)


def _derive(tables: _Tables) -> None:
    """Facts that follow: capitals lie in their countries, people speak their mother tongue, and so on."""
    for (year,) in list(tables.answers["person_birth_year"].values()):
        century = (int(year) + 99) // 100
        if century in CENTURIES:
            tables.add(year, "year_century", (CENTURIES[century],))
            tables.kinds[key(year)] = ["year"]
    for here, (capital, *_) in list(tables.answers["country_capital"].items()):
        tables.add(capital, "capital_country", (tables.names[here],))
        tables.add(capital, "place_country", (tables.names[here],))
        if "city" not in tables.kinds[key(capital)]:
            tables.kinds[key(capital)].append("city")
    for here, native in list(tables.answers["person_native_language"].items()):
        tables.add(tables.names[here], "person_speaks", native)
    country, continent = tables.answers["place_country"], tables.answers["place_continent"]
    for here, (city, *_) in list(tables.answers["landmark_city"].items()):
        if key(city) in country:
            tables.add(tables.names[here], "place_country", country[key(city)])
    for here, (land, *_) in list(country.items()):
        if key(land) in continent:
            tables.add(tables.names[here], "place_continent", continent[key(land)])
