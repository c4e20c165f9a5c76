"""How many prompts of data sets the catalogue recognises: shares, and errors by relation, as one JSON document.

    python benchmarks/recognition.py FILE...                          the field "prompt"
    python benchmarks/recognition.py FILE... --field rephrase_prompt   another field; lists count one by one

A file is a JSON list of records in the manner of CounterFact: a prompt field (or ``template`` with ``{}``),
``subject``, ``relation_id`` (a Wikidata property) and the answer as ``target_new``, ``attribute`` or
``target_true``, the first that is there. Every prompt with a property that a relation of the catalogue
carries counts as one of four:

right     the relation recognised carries the property
near      it does not, but it has the same kind of object as one that does, and one of the two is listed as
          touching the other ("speaks" for "native language"): the probes are then about a close neighbour
wrong     any other relation
unknown   none: the probes are generic, and the card says so

Prompts with a property that no relation carries should stay unknown; they are counted apart, as "foreign".
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from assay.generators.catalogue.facts import Facts
from assay.generators.catalogue.recognise import Recogniser
from assay.generators.catalogue.relations import Relation, load_relations
from assay.generators.plan import Request

OUTCOMES = ("right", "near", "wrong", "unknown")
ANSWERS = ("target_new", "attribute", "target_true")


def requests(records: list[Mapping[str, Any]], field: str) -> Iterator[tuple[str, Request]]:
    """(property, request) of every prompt that names its subject."""
    for record in records:
        said = record.get(field, record.get("template", "").replace("{}", record["subject"]))
        target = next(record[name] for name in ANSWERS if name in record)
        for prompt in said if isinstance(said, list) else [said]:
            if record["subject"].casefold() in prompt.casefold():
                yield record["relation_id"], Request(prompt, record["subject"], target)


def outcome(relations: Mapping[str, Relation], wanted: list[Relation], found: str | None) -> str:
    """One of ``OUTCOMES`` for a relation that was recognised where one of ``wanted`` was asked about."""
    if found is None:
        return "unknown"
    got = relations[found]
    if any(got.id == right.id for right in wanted):
        return "right"
    close = (got.id in right.touches or right.id in got.touches for right in wanted)
    alike = (got.object_kind == right.object_kind for right in wanted)
    return "near" if any(a and b for a, b in zip(close, alike, strict=True)) else "wrong"


def measure(path: Path, field: str) -> dict[str, Any]:
    """Counts, shares and errors of one file."""
    relations = load_relations()
    recogniser = Recogniser(relations, Facts())
    counts: Counter[str] = Counter()
    errors: dict[str, Counter[str]] = {}
    foreign: Counter[str] = Counter()
    for prop, request in requests(json.loads(path.read_text(encoding="utf-8")), field):
        wanted = [r for r in relations.values() if prop in r.wikidata]
        found = recogniser.recognise(request).relation
        if not wanted:
            foreign["unknown" if found is None else f"taken for {found}"] += 1
            continue
        kind = outcome(relations, wanted, found)
        counts[kind] += 1
        if kind != "right":
            errors.setdefault(prop, Counter())[found or "unknown"] += 1
    n = sum(counts.values())
    return {
        "file": path.name,
        "field": field,
        "n": n,
        "counts": {name: counts[name] for name in OUTCOMES},
        "shares": {name: round(counts[name] / n, 4) if n else None for name in OUTCOMES},
        "errors": {prop: dict(found.most_common()) for prop, found in sorted(errors.items())},
        "foreign": dict(foreign.most_common()),
    }


def main() -> None:
    """Measure every file and print one JSON document."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--field", default="prompt")
    asked = parser.parse_args()
    sys.stdout.write(json.dumps([measure(path, asked.field) for path in asked.files], indent=1) + "\n")


if __name__ == "__main__":
    main()
