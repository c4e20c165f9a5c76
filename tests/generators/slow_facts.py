"""The slow, obvious fact base that tests of truth compare with: it shares no code with the fast one.

Rows are scanned one by one, and what follows from them is written out as rules.
"""

import json
import re
from collections import defaultdict
from functools import cache
from importlib import resources

from assay.generators.catalogue.countries import country_facts

DATA = resources.files("assay.generators.catalogue") / "data"
FACTS = ("landmarks", "organisations", "people", "works", "kinds", "nature")
RELATIONS = ("places", "countries", "organisations", "people", "works", "nature")


def raw(name: str):
    return json.loads((DATA / f"{name}.json").read_text(encoding="utf-8"))


def plain(name: str) -> str:
    """How names are compared here."""
    return re.sub(r"^the ", "", " ".join(name.casefold().split()))


def folded(text: str) -> str:
    """A sentence without case and articles, so that "the Eiffel Tower" and "Eiffel Tower" are the same."""
    return " ".join(re.sub(r"\bthe ", "", text.casefold()).split())


@cache
def rows() -> list[tuple[str, str, list[str]]]:
    """(subject, relation, objects) of every cell of every table, countries first."""
    found = [(name, relation, [o]) for name, facts, _ in country_facts() for relation, o in facts.items()]
    for file in FACTS:
        for table in raw(f"facts_{file}")["tables"]:
            for row in table["rows"]:
                cells = dict(zip(table["columns"], row, strict=True))
                subject = cells.pop("subject")
                cells.pop("aliases", None)
                found += [(subject, r, o if isinstance(o, list) else [o]) for r, o in cells.items() if o]
    return found


@cache
def by_relation() -> dict[str, list[tuple[str, list[str]]]]:
    found = defaultdict(list)
    for subject, relation, objects in rows():
        found[relation].append((subject, objects))
    return found


@cache
def true(subject: str, relation: str) -> tuple[str, ...]:
    """Every true object: the first row that has one, else what the rules say."""
    for name, objects in by_relation().get(relation, ()):
        if plain(name) == plain(subject):
            return tuple(objects)
    capital_of = [n for n, o in by_relation()["country_capital"] if plain(o[0]) == plain(subject)]
    if relation == "capital_country":
        return tuple(capital_of[:1])
    if relation == "person_speaks":
        return true(subject, "person_native_language")
    if relation == "place_country":
        city = true(subject, "landmark_city")
        return tuple(capital_of[:1]) or (true(city[0], "place_country") if city else ())
    if relation == "place_continent":
        country = true(subject, "place_country")
        return true(country[0], "place_continent") if country else ()
    if relation == "year_century":
        words = ("fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth", "twentieth")
        return words[(int(subject) - 1) // 100 - 14 :][:1] if int(subject) > 1400 else ()
    return ()


@cache
def entries() -> dict[str, dict]:
    return {r["id"]: r for file in RELATIONS for r in raw(f"relations_{file}")["relations"]}


@cache
def subjects(relation: str) -> list[str]:
    """Everything that has a true object, from the rows and from the rules."""
    if relation == "capital_country":
        return [o[0] for _, o in by_relation()["country_capital"]]
    derived = {
        "place_country": ("landmark_city",),
        "place_continent": ("place_country", "landmark_city"),
        "person_speaks": ("person_native_language",),
    }
    sources = (relation, *derived.get(relation, ()))
    found = dict.fromkeys(s for r in sources for s, _ in by_relation().get(r, ()))
    if relation in ("place_country", "place_continent"):
        found |= dict.fromkeys(subjects("capital_country"))
    return [s for s in found if true(s, relation)]


@cache
def statements(relation: str) -> dict[str, list[str]]:
    """Folded sentence to the subjects it may be about."""
    templates = entries()[relation]["direct"] if relation in entries() else raw("attributes")[relation]
    return said(relation, tuple(templates))


@cache
def questions(relation: str) -> dict[str, list[str]]:
    return said(relation, tuple(entries()[relation]["question"]))


def said(relation: str, templates: tuple[str, ...]) -> dict[str, list[str]]:
    found = defaultdict(list)
    for subject in subjects(relation):
        owner = subject + ("'" if subject.endswith("s") else "'s")
        for template in templates:
            found[folded(template.replace("{s}", subject).replace("{p}", owner))].append(subject)
    return found


def untouchable(relation: str) -> set[str]:
    """The edited relation, those it touches, and those that touch it."""
    back = {r for r, entry in entries().items() if relation in entry["touches"]}
    return {relation, *entries()[relation]["touches"], *back}


def same_name(one: str, other: str) -> bool:
    return plain(one) == plain(other)


def has(probe_answer: str | None, answers) -> bool:
    return probe_answer is not None and any(same_name(probe_answer, a) for a in answers)
