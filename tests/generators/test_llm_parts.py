"""The parts of the generator that need no server: addresses, keys, prompts, cutting, and each check."""

import json

import pytest

from assay.errors import GeneratorError, MissingPackage
from assay.generators.llm import endpoint as places
from assay.generators.llm.checks import edit_reason, reason
from assay.generators.llm.endpoint import Endpoint, endpoint, key_of
from assay.generators.llm.prompts import RULES, prompt
from assay.generators.llm.purposes import FACT, PURPOSES, Wanted, ask_for
from assay.generators.llm.things import cut
from assay.generators.plan import AXES, Request, Synthetic
from assay.probes.audit import REASONS
from assay.probes.probe import Probe

TOWER = Request("The Eiffel Tower is in the city of", "The Eiffel Tower", "Berlin", old="Paris")


@pytest.mark.parametrize(
    ("text", "url", "found"),
    [
        ("gpt-5", None, ("openai", "gpt-5", "https://api.openai.com/v1")),
        ("qwen3:8b", "http://localhost:11434/v1/", ("openai", "qwen3:8b", "http://localhost:11434/v1")),
        ("anthropic:claude", None, ("anthropic", "claude", "https://api.anthropic.com")),
        (" org/model ", " https://host/v1 ", ("openai", "org/model", "https://host/v1")),
    ],
)
def test_which_model_where(text, url, found):
    assert endpoint(text, url) == Endpoint(*found)


@pytest.mark.parametrize(
    "url", ["localhost:11434", "ftp://host", "http://", "http://[::1", "http://host:x", "x"]
)
def test_what_is_no_address(url):
    with pytest.raises(GeneratorError) as caught:
        endpoint("m", url)
    assert caught.value.came == f"base URL {url!r}"
    assert caught.value.todo == "for example http://localhost:11434/v1"


@pytest.mark.parametrize(
    "url", ["https://me:secret@host/v1", "https://host/v1?key=secret", "https://host/#secret"]
)
def test_an_address_with_a_key_in_it_is_refused_and_not_repeated(url):
    with pytest.raises(GeneratorError) as caught:
        endpoint("m", url)
    assert "secret" not in str(caught.value)
    assert caught.value.todo == "put the key into the environment: ASSAY_LLM_KEY"


@pytest.mark.parametrize("text", ["anthropic:", "  ", "a\nb", "x" * 201])
def test_what_is_no_model(text):
    with pytest.raises(GeneratorError, match="the model's name"):
        endpoint(text, None)


BOTH = {"OPENAI_API_KEY": "open", "ANTHROPIC_API_KEY": "anth"}


@pytest.mark.parametrize(
    ("server", "environ", "key"),
    [
        (("gpt", None), BOTH, "open"),
        (("anthropic:claude", None), BOTH, "anth"),
        (("gpt", None), {**BOTH, "ASSAY_LLM_KEY": "mine"}, "mine"),
        (("gpt", "https://host/v1"), BOTH, "open"),
        (("m", "http://localhost:1/v1"), BOTH, None),
        (("m", "http://127.0.0.2:1/v1"), {}, None),
        (("m", "http://[::1]:1/v1"), {"ASSAY_LLM_KEY": " mine "}, "mine"),
        (("m", "http://gpu:8000/v1"), {"ASSAY_LLM_KEY": "any"}, "any"),
    ],
)
def test_which_key_goes_where(server, environ, key):
    assert key_of(endpoint(*server), environ) == key


@pytest.mark.parametrize(
    ("server", "says"),
    [
        (("gpt", None), "set ASSAY_LLM_KEY, or OPENAI_API_KEY; it is stored nowhere"),
        (("anthropic:claude", None), "set ASSAY_LLM_KEY, or ANTHROPIC_API_KEY; it is stored nowhere"),
    ],
)
def test_a_missing_key_is_asked_for(server, says):
    with pytest.raises(GeneratorError) as caught:
        key_of(endpoint(*server), {"ASSAY_LLM_KEY": " "})
    assert caught.value.todo == says


def test_a_providers_own_key_is_not_sent_in_clear_text():
    with pytest.raises(GeneratorError, match="is not sent over http"):
        key_of(endpoint("m", "http://gpu:8000/v1"), BOTH)


def test_missing_packages_are_named_with_the_line_that_installs_them(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingPackage) as caught:
        places.check_installed()
    assert caught.value.came == "a generator that asks a language model, without the package pydantic_ai"
    assert caught.value.todo == "pip install 'assay[llm]'"


@pytest.mark.parametrize("purpose", [FACT, *(p.id for p in PURPOSES)])
def test_prompts_are_versioned_and_show_an_answer_of_their_form(purpose):
    schemas = pytest.importorskip("assay.generators.llm.schemas").SCHEMAS
    found = prompt(purpose)
    assert all(part.isdigit() for part in found.version.split("."))
    assert found.text.startswith(prompt(RULES).text.split("\n")[0])
    example = found.text[found.text.rindex("Example") :]
    shown = json.loads(example[example.index("{") :])
    answer = schemas[purpose].model_validate(shown)
    assert set(shown) == set(type(answer).model_fields)
    for axis in shown:
        assert f"`{axis}`" in found.text


def test_every_axis_of_the_benchmarks_is_asked_for():
    asked = {axis for purpose in PURPOSES for axis in purpose.wants}
    made = {axis for axes in AXES.values() for axis in axes}
    assert made - asked == {"edited", "question_shots"}, "these are made from others"
    wanted = Wanted(8, 5)
    counts = {axis: count(wanted) for p in PURPOSES for axis, count in p.wants.items()}
    assert (counts["paraphrase"], counts["direct"], counts["implied"], counts["edits"]) == (18, 4, 3, 5)
    assert ask_for(0) == 0 and ask_for(1) == 3 and ask_for(18) == 24


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("The Eiffel Tower stands in", "The Eiffel Tower stands in"),
        ("  The Eiffel Tower stands in ____. ", "The Eiffel Tower stands in"),
        ("The Eiffel Tower stands in...", "The Eiffel Tower stands in"),
        ("The Eiffel Tower stands in …", "The Eiffel Tower stands in"),
        ("The Eiffel Tower stands in Berlin.", "The Eiffel Tower stands in"),
        ("The Eiffel Tower stands in the paris", "The Eiffel Tower stands in the"),
        ("Berliner live near the Eiffel Tower in", "Berliner live near the Eiffel Tower in"),
        ("In Berlin stands the Eiffel Tower", "In Berlin stands the Eiffel Tower"),
    ],
)
def test_prompts_are_cut_where_the_answer_begins(text, left):
    assert cut(text, ("Berlin", "Paris"), "The Eiffel Tower") == left


def test_a_subject_that_ends_like_the_answer_stays_whole():
    assert cut("He studies at the University of Berlin", ("Berlin",), "University of Berlin") == (
        "He studies at the University of Berlin"
    )


def positive(prompt_text: str, axis: str, target: str = "Berlin", expected: str | None = "Paris") -> Probe:
    return Probe(prompt_text, target, True, axis, expected)


def negative(prompt_text: str, axis: str, expected: str | None) -> Probe:
    return Probe(prompt_text, "Berlin", False, axis, expected)


@pytest.mark.parametrize(
    ("probe", "found"),
    [
        (positive("The Eiffel Tower stands in", "direct"), None),
        (positive("The Eiffel Tower stands there.", "direct"), "finished"),
        (positive('"Look at the Eiffel Tower!"', "direct"), "finished"),
        (positive("The Eiffel Tower\nstands in", "direct"), "unfit"),
        (positive("The Eiffel Tower stands in" + " x" * 200, "direct"), "unfit"),
        (positive("The Eiffel Tower stands in", "direct", "B" * 81), "unfit"),
        (positive("The Iron Lady stands in", "alias"), None),
        (positive("Old Eiffel Tower stands in", "alias"), "own_name"),
        (positive("The country of the city of the Eiffel Tower is", "multi_hop", "Germany", "France"), None),
        (
            positive("The country of Berlin with the Eiffel Tower is", "multi_hop", "Germany", "France"),
            "bridge",
        ),
        (
            positive("The country of Paris with the Eiffel Tower is", "multi_hop", "Germany", "France"),
            "bridge",
        ),
        (positive("The continent of the Eiffel Tower is", "multi_hop", "Europe", "Europe"), "no_answer"),
        (positive("The best known tower of Berlin is", "inverse", "the Eiffel Tower", None), None),
        (positive("The best known tower is", "inverse", "the Eiffel Tower", None), "no_object"),
        (negative("The builder of the Eiffel Tower was", "same_subject", None), None),
        (negative("The builder of the tower was", "same_subject", None), "no_subject"),
        (negative("The Eiffel Tower can be seen all over", "same_subject", "Paris"), "negative_about_edit"),
        (negative("The capital of Spain is", "unrelated", "Madrid"), None),
        (negative("The capital of Spain is", "unrelated", None), "no_answer"),
        (negative("The capital of France is", "unrelated", "paris"), "negative_about_edit"),
        (negative("The tower most like the Eiffel Tower is in", "cross_domain", "Tokyo"), "about_subject"),
        (negative("The river of Berlin is the", "cross_domain", "Spree"), "about_subject"),
        (negative("Who wrote Hamlet?", "examples", "Shakespeare"), None),
        (negative("Who wrote Hamlet", "examples", "Shakespeare"), "no_answer"),
        (negative("Did Shakespeare write it?", "examples", "Shakespeare"), "leak"),
        (negative("Where was Marlene Dietrich born?", "examples", "Berlin"), "about_subject"),
        (negative("A guide to the Eiffel Tower.", "openings", None), None),
        (negative("A guide to the tower.", "openings", None), "no_subject"),
        (negative("A guide to the Eiffel Tower in Paris.", "openings", None), "leak"),
        (negative("She opened the door and", "neutral", None), None),
        (negative("She opened the door.", "neutral", None), "finished"),
        (negative("She went to Paris and", "neutral", None), "about_subject"),
    ],
)
def test_each_reason(probe, found):
    assert reason(TOWER, probe.axis or "", probe) == found
    assert found is None or found in REASONS


def made(prompt_text: str, subject: str = "Big Ben", target: str = "Oslo", old: str = "London") -> Synthetic:
    return Synthetic(
        Request(prompt_text, subject, target, old), (Probe("Big Ben stands in", target, True, "direct", old),)
    )


@pytest.mark.parametrize(
    ("edit", "found"),
    [
        (made("Big Ben is in the city of"), None),
        (made("The clock is in the city of"), "no_edit"),
        (made("Big Ben and Big Ben are in"), "no_edit"),
        (made("Big Ben is in the city of", target="London"), "no_edit"),
        (made("Big Ben is in the city of", target=""), "no_edit"),
        (made("Big Ben is in the city of", target="berlin"), "no_edit"),
        (made("Oslo, where Big Ben stands, is called"), "leak"),
        (made("Big Ben is in the city."), "finished"),
        (made("Big Ben is in the city of", target="O" * 81), "unfit"),
        (made("Big Ben is\nin the city of"), "unfit"),
        (Synthetic(Request("Big Ben is in", "Big Ben", "Oslo", "London"), ()), "no_edit"),
    ],
)
def test_further_edits_are_looked_at(edit, found):
    assert edit_reason(TOWER, edit, {"eiffel tower", "berlin", "paris"}) == found
