"""Subjects of one word at the very start of the text: complete plans, and the name dressed right everywhere."""

import re

import pytest

from assay.generators.catalogue.catalogue import Catalogue
from assay.generators.catalogue.facts import Facts
from assay.generators.plan import AXES, Request

ASKED = set(AXES) - {"leme", "sequential_collapse_threshold", "fine_tune_diff"}


@pytest.fixture(scope="module")
def catalogue():
    return Catalogue()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("prompt", "subject", "target", "relation", "old"),
    [
        ("Apple was founded by", "Apple", "Bill Gates", "company_founder", "Steve Jobs"),
        ("Apple is headquartered in", "Apple", "Paris", "company_headquarters", "Cupertino"),
        ("Paris is the capital of", "Paris", "Japan", "capital_country", "France"),
        ("Paris lies in the country of", "Paris", "Italy", "place_country", "France"),
        ("Japan belongs to the continent of", "Japan", "Africa", "place_continent", "Asia"),
        ("Japan's capital is", "Japan", "Lyon", "country_capital", "Tokyo"),
        ("Microsoft is based in the city of", "Microsoft", "Rome", "company_headquarters", "Redmond"),
        ("Mali is on the continent of", "Mali", "Europe", "place_continent", "Africa"),
        ("Sushi comes from the country of", "Sushi", "Peru", "thing_origin", "Japan"),
        ("Sirius belongs to the constellation called", "Sirius", "Leo", "star_constellation", "Canis Major"),
        ("Titanic was directed by", "Titanic", "Fritz Lang", "film_director", "James Cameron"),
        (
            "French belongs to the family of languages called",
            "French",
            "Slavic",
            "language_family",
            "Romance",
        ),
    ],
)
def test_a_bare_word_at_the_very_start_is_a_subject_like_any_other(
    catalogue, prompt, subject, target, relation, old
):
    plan = catalogue.plan(Request(prompt, subject, target), 0)
    assert (plan.request.relation, plan.request.old, plan.rejects) == (relation, old, ())
    assert min(len(plan.probes[b]) for b in ASKED) >= 6
    assert len(plan.paraphrases) >= 4
    common = Facts().kinds(subject) == ("food",)
    for probe in (*plan.paraphrases, *(p for found in plan.probes.values() for p in found)):
        at = [m.start() for m in re.finditer(rf"\b{subject}\b", probe.prompt, re.IGNORECASE)]
        for place in at if probe.axis != "cross_domain" and probe.axis != "unrelated" else ():
            first = place == 0 or re.search(r"[.?!:_] $|\n$", probe.prompt[:place]) is not None
            small = subject.lower() if common and not first else subject
            written = probe.prompt[place : place + len(subject)]
            assert written == small or f'"{subject}' in probe.prompt, probe
            if probe.is_positive:
                assert not re.search(r"\b(a|an|the) $", probe.prompt[:place].lower()), probe
        assert not re.match(rf"[a-z]|the {subject}|The {subject}", probe.prompt), probe
