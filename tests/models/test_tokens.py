"""Start token, leading space and the subject's tokens, whatever the tokenizer adds or merges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import RequestError
from assay.models.tokens import answer_ids, encode, subject_span, text_of
from tiny import tiny_model

LLAMA = tiny_model("llama")
GPT2 = tiny_model("gpt2")
NAKED = tiny_model("gpt2", start=False)


@pytest.mark.parametrize("model", [LLAMA, GPT2])
def test_exactly_one_start_token(model) -> None:  # type: ignore[no-untyped-def]
    ids = encode(model, "Water boils")
    assert ids[0] == model.start and ids.count(model.start) == 1
    assert encode(NAKED, "Water boils") == ids[1:]


@pytest.mark.parametrize("model", [LLAMA, GPT2, NAKED])
@pytest.mark.parametrize(
    ("prompt", "subject"),
    [
        ("The Eiffel Tower is located in", "The Eiffel Tower"),
        ("In Paris, the Louvre", "Louvre"),
        ("He said (Big Ben) stands in", "Big Ben"),
        ("Michael Jordan's sport is", "Michael Jordan"),
        ("Apple was founded by", "Apple"),
        ("Zdeněk lives in the town of", "Zdeněk"),
        ("東京は日本の", "日本"),
    ],
)
def test_subject_span_covers_the_subject_and_ends_with_it(model, prompt: str, subject: str) -> None:  # type: ignore[no-untyped-def]
    first, last = subject_span(model, prompt, subject)
    ids = encode(model, prompt)
    assert subject in text_of(model, ids[first : last + 1])
    assert subject not in text_of(model, ids[first:last])
    assert subject not in text_of(model, ids[first + 1 : last + 1])


@given(st.text("abcde XYZ'é", min_size=1, max_size=8), st.sampled_from(["Rome", "the Louvre", "x"]))
def test_answer_follows_with_one_space(prompt: str, answer: str) -> None:
    ids = answer_ids(GPT2, prompt, answer)
    gap = "" if prompt.endswith("'") else " "
    assert text_of(GPT2, ids) == gap + answer


def test_a_leading_space_of_the_user_is_not_doubled() -> None:
    assert answer_ids(LLAMA, "in", " Berlin") == answer_ids(LLAMA, "in", "Berlin")


@pytest.mark.parametrize(
    ("subject", "says"),
    [("Rome", "occurs 0 times"), ("Paris", "occurs 2 times"), ("", "an empty subject")],
)
def test_subject_absent_or_twice(subject: str, says: str) -> None:
    with pytest.raises(RequestError, match=says) as error:
        subject_span(GPT2, "Paris is Paris and", subject)
    assert "exactly once" in error.value.wanted


def test_empty_answer_is_refused() -> None:
    with pytest.raises(RequestError, match="an empty target"):
        answer_ids(GPT2, "The city of", "  ")
