"""Relations are recognised by words first; what the words do not tell, meaning may."""

import pytest

from assay.generators.catalogue.facts import Facts
from assay.generators.catalogue.recognise import CUE_AND_KIND, EXACT, THRESHOLD, Recogniser, masked
from assay.generators.catalogue.relations import load_relations
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


def test_masking_ignores_articles_case_and_end_marks():
    assert masked("The capital of the United States is", "United States") == "the capital of @ is"
    assert masked("Where is The Louvre?", "The Louvre") == "where is @?"
    assert masked("Paris: ", "Paris") == "@:"


@pytest.mark.filterwarnings("default")
def test_meaning_when_words_fail(recogniser):
    """One test for both outcomes, since loading the embedder takes seconds."""
    near = recogniser.recognise(
        Request("The place where Zork Blip entered this world as a baby is", "Zork Blip", "Rome")
    )
    far = recogniser.recognise(Request("The number of legs of Zork Blip is", "Zork Blip", "twelve"))
    assert far.relation is None
    assert far.confidence < THRESHOLD
    assert near.relation == "person_birthplace"
