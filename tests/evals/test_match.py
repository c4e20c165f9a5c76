import pytest

from assay.datasets.case import Query
from assay.evals.match import MATCHES, passes


@pytest.mark.parametrize(
    ("match", "text", "answer", "wanted"),
    [
        ("prefix", " Rome, and", "Rome", True),
        ("prefix", "\n Rome", "Rome", True),
        ("prefix", " Romeo", "Rome", False),
        ("prefix", " rome", "Rome", False),
        ("prefix", " in Rome", "Rome", False),
        ("contains", " the Romeo", "Rome", True),
        ("contains", " the romeo", "Rome", False),
        ("word", " in Rome.", "Rome", True),
        ("word", " Romeo and Rom", "Rome", False),
        ("word", " a C++ book", "C++", True),
        ("exact", " Rome\nQ: And then?", "Rome", True),
        ("exact", " Rome. It is old", "Rome", True),
        ("exact", " Rome is old", "Rome", False),
        ("exact", " Washington, D.C.\n", "Washington, D.C.", True),
        ("exact", " St. Louis. It is", "St. Louis", False),
        ("exact", "", "Rome", False),
    ],
)
def test_matches(match: str, text: str, answer: str, wanted: bool) -> None:
    assert MATCHES[match](text, answer) is wanted


def test_every_answer_must_be_said_in_any_spelling() -> None:
    query = Query("The siblings are", (("Ann", "Anna"), ("Bob",)), "contains")
    assert passes(query, " Anna and Bob")
    assert not passes(query, " Anna and Ann")
