"""The relations' own sentences: enough of each, well formed, and never the same one twice."""

import re

import pytest

from assay.generators.catalogue.material import load_material
from assay.generators.catalogue.phrasing import Name, name_of
from assay.generators.catalogue.relations import TEMPLATE_FIELDS, load_relations

RELATIONS = load_relations()
MATERIAL = load_material()
FEWEST = {
    "direct": 4,
    "paraphrase": 14,
    "surface": 6,
    "question": 8,
    "implied": 6,
    "indirect": 4,
    "template": 6,
    "alternate": 4,
}


def test_there_are_enough_relations():
    assert len(RELATIONS) >= 45
    properties = {p for r in RELATIONS.values() for p in r.wikidata}
    counterfact = "P176 P1412 P17 P495 P413 P20 P364 P27 P30 P449 P136 P740 P178 P937 P106 P103 P131 P159"
    counterfact += " P19 P1303 P39 P101 P108 P276 P127 P463 P36 P407 P37 P140 P641 P264"
    assert set(counterfact.split()) <= properties


@pytest.mark.parametrize("relation", RELATIONS.values(), ids=lambda r: r.id)
def test_sentences_are_enough_and_distinct(relation):
    said = [t for name in TEMPLATE_FIELDS for t in getattr(relation, name)]
    assert len(set(said)) == len(said)
    for name, fewest in FEWEST.items():
        assert len(getattr(relation, name)) >= fewest, name


@pytest.mark.parametrize("relation", RELATIONS.values(), ids=lambda r: r.id)
def test_sentences_are_well_formed(relation):
    for name in TEMPLATE_FIELDS:
        for text in getattr(relation, name):
            assert len(re.findall(r"\{[sp]\}", text)) == 1, text
            assert text == text.strip() and "  " not in text, text
            assert text.endswith("?") == (name == "question"), text
            assert not text.endswith((" a an", " an")), text
            assert text[0].isupper() or text[0] in "{", text
    for text in relation.inverse:
        assert text.count("{o}") == 1 and "{s}" not in text, text
    for text in relation.np:
        assert text.startswith("the ") and "{s}" in text, text
    assert set(relation.touches) <= set(RELATIONS) | set(MATERIAL.attributes)


def test_kinds_and_hops_have_their_slots():
    assert {r.subject_kind for r in RELATIONS.values()} <= set(MATERIAL.kinds)
    for kind in MATERIAL.kinds.values():
        assert len(set(kind.contexts)) >= 8 and len(set(kind.frames)) >= 8
        assert all(c.endswith(" {C}") for c in kind.contexts)
        assert all(f.endswith(" that {c}") for f in kind.frames)
        assert all("{s}" in t for t in kind.long_form)
        assert all("{s}" in t and may <= set(RELATIONS) for t, may in kind.ripple)
    for hops in MATERIAL.hops.values():
        for hop in hops:
            assert all(("{o}" in t) != t.startswith("{O}") for t in hop.templates)


@pytest.mark.parametrize(
    ("subject", "prompt", "lower_the", "common", "expected"),
    [
        ("The Eiffel Tower", "", True, False, Name("the Eiffel Tower", "The Eiffel Tower")),
        ("The Great Gatsby", "", False, False, Name("The Great Gatsby", "The Great Gatsby")),
        ("Eiffel Tower", "The Eiffel Tower is", True, False, Name("the Eiffel Tower", "The Eiffel Tower")),
        (
            "United States",
            "The capital of the United States is",
            True,
            False,
            Name("the United States", "The United States"),
        ),
        ("sushi", "", True, True, Name("sushi", "Sushi")),
        ("iPod", "", True, False, Name("iPod", "iPod")),
    ],
)
def test_names_take_the_form_their_place_asks_for(subject, prompt, lower_the, common, expected):
    assert name_of(subject, prompt, lower_the, common) == expected


def test_filling():
    tower = name_of("The Eiffel Tower", lower_the=True)
    assert tower.fill("{s} is near. {s} is old, and {s} is tall") == (
        "The Eiffel Tower is near. The Eiffel Tower is old, and the Eiffel Tower is tall"
    )
    assert tower.clause("{s} is in") == "the Eiffel Tower is in"
    assert tower.clause("The city of {s} is") == "the city of the Eiffel Tower is"
    assert name_of("The Beatles", lower_the=True).fill("{p} home is") == "The Beatles' home is"
