"""Every format from a small sample of its own, and what each says of a file that is not right."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assay.datasets.case import PURPOSES, TESTS, Case, Dataset, Prompt, Query
from assay.datasets.table import FORMATS, detect, load
from assay.errors import InputError

SAMPLES = Path(__file__).parent / "samples"
FILES = {
    "counterfact": "counterfact",
    "counterfact_flat": "counterfact",
    "zsre": "zsre",
    "mquake": "mquake",
    "rippleedits": "rippleedits",
}
"""Sample to its format."""


def sample(name: str) -> Dataset:
    return load(SAMPLES / f"{name}.json", FILES[name])


def texts(case: Case, purpose: str) -> list[str]:
    return [p.text for p in case.prompts if p.purpose == purpose]


@pytest.mark.parametrize("name", FILES)
def test_each_sample_is_known_by_its_fields_and_read(name: str) -> None:
    assert detect(SAMPLES / f"{name}.json") == FILES[name]
    data = sample(name)
    assert data.n == len(json.loads((SAMPLES / f"{name}.json").read_text()))
    assert len(data.hash) == 64
    for case in data.cases:
        assert {p.purpose for p in case.prompts} <= PURPOSES.keys()
        assert {t.purpose for t in case.tests} <= TESTS.keys()
        assert all(fact.prompt.count(fact.subject) == 1 for fact in case.rewrites)


def test_published_counterfact() -> None:
    data = sample("counterfact")
    assert data.skipped == {"prompt template without exactly one {}": 1}
    first, second = data.cases
    fact = first.first
    assert (fact.prompt, fact.subject, fact.relation) == (
        "The town of Old Berlin lies in",
        "Old Berlin",
        "P17",
    )
    assert (fact.target_new, fact.target_true) == ("Rome", "Paris")
    assert [case.id for case in data.cases] == ["7", "8"]
    assert len(texts(first, "paraphrase")) == 2
    assert texts(first, "neighborhood") == ["The Louvre lies in", "Big Ben lies in"]
    assert Prompt("neighborhood", "Steve Jobs plays", ("the river", "basketball")) in second.prompts


def test_flattened_counterfact_keeps_paraphrases_of_three_kinds_apart() -> None:
    data = sample("counterfact_flat")
    assert data.skipped == {"subject more than once": 1}
    louvre, mother = data.cases
    assert texts(louvre, "paraphrase") == ["She walked to the market. The Louvre stands in"]
    assert texts(louvre, "pararel") == ["The Louvre stands in", "The place of The Louvre is"]
    assert texts(louvre, "neighborhood") == ["The Eiffel Tower stands in", "The Eiffel Tower is located in"]
    assert texts(mother, "paraphrase") == []
    assert texts(mother, "loose") == ["Danielle Darrieux is known for"]
    assert texts(mother, "neighborhood") == ["The mother tongue of Steve Jobs is"]


def test_zsre_writes_the_first_answer_and_asks_loc_as_a_question() -> None:
    data = sample("zsre")
    assert data.skipped == {"subject absent from the prompt": 1}
    first, second = data.cases
    assert (first.first.target_new, first.first.target_true) == ("London", None)
    assert first.prompts == (
        Prompt("paraphrase", "In which town is Big Ben?", ("London",)),
        Prompt("locality", "nq question: who founded apple?", ("Steve Jobs",)),
    )
    assert second.prompts[1].text == "nq question: what is the capital of italy?"


def test_mquake_asks_edited_hops_as_cloze_and_others_as_questions() -> None:
    first, second = sample("mquake").cases
    assert [fact.subject for fact in first.rewrites] == ["Big Ben", "Berlin"]
    multi, old, new_hops, old_hops = first.tests
    assert (len(multi.queries), multi.needs_all) == (3, False)
    assert old.queries[0].accepted == (("England", "Great Britain"),)
    assert new_hops.queries == (
        Query("Big Ben stands in the city of", (("Berlin", "West Berlin"),), "prefix"),
        Query("Berlin is the capital of", (("Italy",),), "prefix"),
    )
    assert [query.match for query in old_hops.queries] == ["prefix", "exact"]
    assert new_hops.needs_all
    assert second.tests[2].queries[1].text == "Which game does Michael Jordan play?"


def test_rippleedits_finds_subject_and_object_in_its_sentence() -> None:
    data = sample("rippleedits")
    assert data.skipped == {"object not recognised in the edit's sentence": 1}
    apple, louvre = data.cases
    fact = apple.first
    assert (fact.prompt, fact.subject) == ("The name of the founder of Apple is", "Apple")
    assert (fact.target_new, fact.target_true) == ("Michael Jordan", "Steve Jobs")
    assert (louvre.first.subject, louvre.first.target_new) == ("The Louvre", "Italy")
    assert louvre.first.target_true is None
    specific, logical, alias, both = apple.tests
    assert specific.queries[0].accepted == (("Germany", "the Federal Republic"),)
    assert len(specific.conditions) == 1
    assert logical.queries == ()  # an answer of one letter says nothing
    assert alias.queries[0].accepted == (("Michael Jordan", "Jordan"),)
    assert both.needs_all


@pytest.mark.parametrize(
    ("sentence", "subject", "target"),
    [
        ("The gender of Ann Lee is female.", "Ann Lee", "female"),
        ("The number of children Ann Lee has is 3.", "Ann Lee", "3"),
        ("The name of the award Ann Lee won is the Oscar.", "Ann Lee", "the Oscar"),
        ("The name of the currency in Peru is sol.", "Peru", "sol"),
        ("The name of the league which Ann Lee plays in is Serie A.", "Ann Lee", "Serie A"),
        ("The name of the continent which Peru is part of is Asia.", "Peru", "Asia"),
        ("The name of the director of Life Is Sweet is Ann Lee.", "Life Is Sweet", "Ann Lee"),
        ("Dune Two is followed by Dune Three.", "Dune Two", "Dune Three"),
        ("Dune Two follows Dune One.", "Dune Two", "Dune One"),
        ("The names of the siblings of Ann Lee are Bob Lee.", "Ann Lee", "Bob Lee"),
    ],
)
def test_sentences_of_rippleedits(tmp_path: Path, sentence: str, subject: str, target: str) -> None:
    records = json.loads((SAMPLES / "rippleedits.json").read_text())[1:2]
    records[0]["edit"]["prompt"] = sentence
    fact = load(written(tmp_path, records), "rippleedits").cases[0].first
    assert (fact.subject, fact.target_new) == (subject, target)
    assert f"{fact.prompt} {fact.target_new}." == sentence


def written(folder: Path, value: Any) -> Path:
    path = folder / "data.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def refused(call: Callable[[], object]) -> tuple[str, str, str]:
    with pytest.raises(InputError) as caught:
        call()
    return caught.value.came, caught.value.wanted, caught.value.todo


def test_files_that_are_no_data_sets_say_what_is_wrong(tmp_path: Path) -> None:
    whole = (SAMPLES / "zsre.json").read_text()
    for text, says in (
        ("", "which is empty"),
        (whole[:200], "which is not whole JSON"),
        ("[]", "with an empty list"),
        ("{}", "with a dict at its top"),
        ("[1]", "record 0 of data.json, which is 1"),
    ):
        path = written(tmp_path, text)
        for call in (lambda path=path: detect(path), lambda path=path: load(path, "zsre")):
            came, wanted, todo = refused(call)
            assert says in came
            assert wanted and todo
    came, _, todo = refused(lambda: load(tmp_path / "none.json", "zsre"))
    assert "No such file" in came and todo == "check the path"
    (tmp_path / "data.json").write_bytes(b"\xff\xfe")
    assert "not UTF-8" in refused(lambda: detect(tmp_path / "data.json"))[0]


def test_another_format_is_named_with_the_command_for_it(tmp_path: Path) -> None:
    path = SAMPLES / "zsre.json"
    came, wanted, todo = refused(lambda: load(path, "rippleedits"))
    assert came == (
        "record 0 of zsre.json, which lacks example_type, edit, Logical_Generalization, Subject_Aliasing, "
        "Compositionality_I"
    )
    assert wanted.startswith("the fields of RippleEdits: example_type, edit")
    assert todo == f"this looks like zsRE: assay eval zsre {path}"
    came, wanted, _ = refused(lambda: detect(written(tmp_path, [{"question": "?"}])))
    assert came == "record 0 of data.json, with the fields question"
    assert all(f"{name}: " in wanted for name in FORMATS)


def test_a_damaged_record_is_named_by_its_number(tmp_path: Path) -> None:
    records = json.loads((SAMPLES / "counterfact.json").read_text())
    del records[1]["requested_rewrite"]["target_true"]
    came, wanted, _ = refused(lambda: load(written(tmp_path, records), "counterfact"))
    assert came.startswith("record 1 of data.json, requested_rewrite, which has no field 'target_true'")
    assert wanted == "the field 'target_true'"
    records = json.loads((SAMPLES / "counterfact.json").read_text())
    records[1]["paraphrase_prompts"] = "one"
    came, wanted, _ = refused(lambda: load(written(tmp_path, records), "counterfact"))
    assert came == "record 1 of data.json, whose field 'paraphrase_prompts' is \"one\""
    assert wanted == "a list of texts in 'paraphrase_prompts'"
    records = json.loads((SAMPLES / "counterfact.json").read_text())
    records[1]["case_id"] = 7
    assert "case_id 7 stood before" in refused(lambda: load(written(tmp_path, records), "counterfact"))[0]


def test_a_file_without_any_usable_record_says_why(tmp_path: Path) -> None:
    records = json.loads((SAMPLES / "zsre.json").read_text())[2:]
    came, _, _ = refused(lambda: load(written(tmp_path, records), "zsre"))
    assert came.endswith("none of whose records can be edited (1 x subject absent from the prompt)")


def test_facts_that_cannot_be_edited_are_counted_with_their_reason(tmp_path: Path) -> None:
    records = json.loads((SAMPLES / "counterfact.json").read_text())
    records[0]["requested_rewrite"]["target_new"]["str"] = " paris"
    records[2]["requested_rewrite"] |= {"prompt": "{} is in", "target_new": {"str": ""}}
    data = load(written(tmp_path, records), "counterfact")
    assert data.skipped == {"new object is the true object": 1, "empty new object": 1}
    assert data.n == 3
    records[1]["requested_rewrite"]["target_true"]["str"] = " "
    assert "1 x empty true object" in refused(lambda: load(written(tmp_path, records), "counterfact"))[0]
