"""The fact base answers whatever the spelling, and its tables agree with each other."""

import time

import pytest

from assay.generators.catalogue.countries import country_facts
from assay.generators.catalogue.facts import Facts, key
from assay.generators.catalogue.material import load_material
from assay.generators.catalogue.other_names import other_names


@pytest.fixture(scope="module")
def facts():
    return Facts()


@pytest.mark.parametrize(
    ("subject", "relation", "answer"),
    [
        ("France", "country_capital", "Paris"),
        ("the united states", "country_currency", "dollar"),
        ("Norway", "country_language", "Norwegian"),
        ("Peru", "place_continent", "South America"),
        ("Eiffel Tower", "landmark_city", "Paris"),
        ("THE EIFFEL TOWER", "place_country", "France"),
        ("Berlin", "capital_country", "Germany"),
        ("Microsoft", "company_headquarters", "Redmond"),
        ("gold", "element_symbol", "Au"),
        ("Turkey", "country_largest_city", "Istanbul"),
        ("Egypt", "country_largest_city", "Cairo"),
        ("1879", "year_century", "nineteenth"),
    ],
)
def test_known_answers(facts, subject, relation, answer):
    assert facts.objects(subject, relation)[0] == answer


def test_hops_follow_the_path_and_break_quietly(facts):
    assert facts.hop("Berlin", ["place_country", "country_language"]) == "German"
    assert facts.hop("Berlin", ["place_country", "element_symbol"]) is None
    assert facts.hop("Nowhere", ["place_country"]) is None


def test_unknown_names_know_nothing(facts):
    assert facts.objects("Nobody at all", "country_capital") == ()
    assert facts.about("Nobody at all") == ()
    assert facts.aliases("Nobody at all") == ()
    assert facts.kinds("Nobody at all") == ()
    assert facts.name("Nobody at all") is None


def test_aliases_and_articles(facts):
    assert "La Tour Eiffel" in facts.aliases("The Eiffel Tower")
    assert facts.aliases("France") == ("the French Republic",)
    assert facts.spoken("Netherlands") == "the Netherlands"
    assert facts.spoken("France") == "France"
    assert facts.aliases("Germany") == ("the Federal Republic of Germany", "Deutschland")
    assert "Tunis" not in facts.aliases("Tunisia"), "the capital's name is no alias"


def test_bearers_are_the_subjects_of_an_answer(facts):
    assert facts.bearers("Paris", "country_capital") == ("France",)
    assert set(facts.bearers("Microsoft", "owned_by")) == {"LinkedIn", "GitHub", "Skype"}
    assert facts.bearers("Atlantis", "country_capital") == ()


def test_other_names_are_listed_surnames_or_descriptions(facts):
    material = load_material()

    def known(subject, *off_limits):
        return set(other_names(subject, material, facts, frozenset(off_limits)))

    assert {"the French Republic", "the country whose capital is Paris"} <= known("France")
    assert "the country whose capital is Paris" not in known("France", "country_capital")
    assert {"Newton", "Sir Isaac Newton"} <= known("Isaac Newton")
    assert "Jordan" not in known("Michael Jordan"), "also a country"
    assert "X" not in known("Malcolm X")
    assert "the director of Titanic" in known("James Cameron")
    assert "the capital of Japan" in known("Tokyo")
    assert known("Nobody at all") == set()


def test_loading_is_quick():
    start = time.perf_counter()
    Facts().objects("France", "country_capital")
    assert time.perf_counter() - start < 3, "about 0.15 s on an idle core"


def test_countries_read_cleanly_from_the_packages():
    rows = {name: answers for name, answers, _ in country_facts()}
    assert len(rows) > 140
    for name, answers in rows.items():
        for relation, answer in answers.items():
            assert answer == answer.strip(), (name, relation)
            assert not set(answer) & set("();:&<>/"), (name, relation, answer)
            assert answer[0].isupper() == (relation != "country_currency"), (name, relation, answer)


def test_every_relation_has_facts_and_every_fact_a_sentence_or_a_hop(facts):
    material = load_material()
    hop_steps = {step for hops in material.hops.values() for hop in hops for step in hop.path}
    for relation in material.relations:
        assert len(facts.subjects(relation)) >= 15, relation
    for relation in facts.relations():
        assert material.statements(relation) or relation in hop_steps, relation


def test_kinds_of_subjects_are_known(facts):
    material = load_material()
    for relation in facts.relations():
        for subject in facts.subjects(relation):
            assert facts.kinds(subject), subject
            assert set(facts.kinds(subject)) <= set(material.kinds), subject


def test_landmarks_lie_where_their_cities_lie(facts):
    for landmark in facts.subjects("landmark_city"):
        city = facts.objects(landmark, "landmark_city")[0]
        assert facts.objects(landmark, "place_country") == facts.objects(city, "place_country"), landmark
        assert facts.objects(landmark, "place_country"), landmark


def test_capitals_turn_round(facts):
    for country in facts.subjects("country_capital"):
        capital = facts.objects(country, "country_capital")[0]
        owner = facts.objects(capital, "capital_country")[0]
        assert key(facts.objects(owner, "country_capital")[0]) == key(capital)
