"""Relations are recognised by words first; what the words do not tell, meaning may."""

import pytest

from assay.generators.catalogue.facts import Facts
from assay.generators.catalogue.recognise import CUE_AND_KIND, EXACT, THRESHOLD, Recogniser
from assay.generators.catalogue.relations import load_relations
from assay.generators.catalogue.wording import masked
from assay.generators.plan import Request


@pytest.fixture(scope="module")
def recogniser():
    return Recogniser(load_relations(), Facts())


@pytest.mark.parametrize(
    ("prompt", "subject", "target", "relation"),
    [
        ("The Eiffel Tower is located in the city of", "The Eiffel Tower", "Berlin", "landmark_city"),
        ("The Eiffel Tower is located in the city of", "Eiffel Tower", "Berlin", "landmark_city"),
        ("The capital of France is", "France", "Madrid", "country_capital"),
        ("Paris is the capital of", "Paris", "Spain", "capital_country"),
        ("France's capital is", "France", "Rome", "country_capital"),
        ("Anne Redpath's life ended in", "Anne Redpath", "London", "person_deathplace"),
        ("The mother tongue of Danielle Darrieux is", "Danielle Darrieux", "English", "person_native_language"),
        ("The headquarters of Zork Labs is in", "Zork Labs", "Rome", "company_headquarters"),
        ("Toko Yasuda, the guitarist, plays the instrument", "Toko Yasuda", "piano", "person_instrument"),
        ("Shanghai is in", "Shanghai", "Europe", "place_continent"),
        ("Shanghai is in", "Shanghai", "Germany", "place_country"),
        ("The chemical symbol for gold is", "gold", "Fe", "element_symbol"),
        ("The Simpsons was first broadcast on", "The Simpsons", "NBC", "show_network"),
        ("It was raining. Ask around: Zork Blip was born in", "Zork Blip", "Rome", "person_birthplace"),
        ("Zork Blip was born in", "Zork Blip", "1901", "person_birth_year"),
        ("Zork Labs is headquartered in the city of", "Zork Labs", "Rome", "company_headquarters"),
        ("Zork Stew was created in", "Zork Stew", "France", "thing_origin"),
        ("Zork Club was created in", "Zork Club", "Paris", "organisation_formed_in"),
        ("In China, people speak the language of", "China", "English", "country_language"),
        ("Karl Marx was born in the city of", "Karl Marx", "Rome", "person_birthplace"),
        ("Who directed Titanic? It was", "Titanic", "Ridley Scott", "film_director"),
        ("The telephone was invented by", "telephone", "Marie Curie", "invention_inventor"),
        ("Sirius is in the constellation of", "Sirius", "Leo", "star_constellation"),
    ],
)  # fmt: skip
def test_words_are_enough(recogniser, prompt, subject, target, relation):
    found = recogniser.recognise(Request(prompt, subject, target))
    assert found.relation == relation
    assert found.confidence >= THRESHOLD - 0.2


def test_confidence_says_how_it_was_found(recogniser):
    exact = recogniser.recognise(Request("The capital of Chad is", "Chad", "Paris"))
    cue = recogniser.recognise(Request("Ask anybody: the capital city of Chad must be", "Chad", "Paris"))
    assert (exact.confidence, cue.confidence) == (EXACT, CUE_AND_KIND)


def test_a_capital_letter_tells_a_name_from_a_common_noun(recogniser):
    assert "field" in recogniser.object_kinds("history")
    assert recogniser.object_kinds("History") == set()
    assert recogniser.object_kinds("1879") == {"year"}


def test_sentences_before_the_subjects_own_say_nothing():
    assert masked("He was born in Rome. The capital of Chad is", "Chad") == "the capital of @ is"
    assert masked("Where is Chad? It is in", "Chad") == "where is @? it is in"
    assert masked("J. R. R. Tolkien wrote @ that", "that") != "wrote @"


def test_masking_ignores_articles_case_and_end_marks():
    assert masked("The capital of the United States is", "United States") == "the capital of @ is"
    assert masked("Where is The Louvre?", "The Louvre") == "where is @?"
    assert masked("Paris: ", "Paris") == "@:"


UNKNOWN = (
    ("The number of legs of Zork Blip is", "Zork Blip", "twelve"),
    ("The favourite colour of Zork Blip is", "Zork Blip", "green"),
    ("The telephone number of Zork Blip ends with", "Zork Blip", "seven"),
    ("The shoe size of Zork Blip is", "Zork Blip", "forty"),
    ("In winter, the temperature in Zorkville falls to", "Zorkville", "minus ten"),
    ("The price of a Zork bar is", "Zork bar", "two cents"),
    ("Before breakfast, Zork Blip always drinks", "Zork Blip", "milk"),
    ("The dog of Zork Blip is called", "Zork Blip", "Rex"),
    ("The boiling point of zorkium is", "zorkium", "forty degrees"),
    ("The opposite of zorky is", "zorky", "plain"),
    ("The plural of zork is", "zork", "zorks"),
    ("The password of Zork Blip begins with", "Zork Blip", "abc"),
    ("On Tuesdays, Zork Blip goes to the", "Zork Blip", "dentist"),
    ("The eyes of Zork Blip are", "Zork Blip", "blue"),
    ("The Zork river is longer than the", "Zork river", "other"),
    ("The recipe of Zork stew takes about", "Zork stew", "an hour"),
    ("Zork Blip is afraid of", "Zork Blip", "spiders"),
    ("The wheels of a zork are", "zork", "round"),
    ("A zork weighs about as much as a", "zork", "brick"),
    ("The smell of zork reminds people of", "zork", "rain"),
)
"""Prompts about relations that no catalogue has."""


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_meaning_when_words_fail(recogniser):
    """One test for all outcomes, since loading the embedder takes seconds."""
    near = recogniser.recognise(
        Request("The place where Zork Blip entered this world as a baby is", "Zork Blip", "Rome")
    )
    assert near.relation == "person_birthplace"
    taken = {asked: recogniser.recognise(Request(*asked)) for asked in UNKNOWN}
    unknown = [f for f in taken.values() if f.relation is None]
    assert len(unknown) >= len(UNKNOWN) - 1, taken
    assert all(f.confidence < THRESHOLD for f in unknown)
