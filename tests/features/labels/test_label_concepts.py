"""A label alone says which sentences it claims: by rule for words, parts of words and forms, else by meaning."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.corpus.embed import Embedder
from assay.corpus.sentences import WORD, Sentences, words_of
from assay.errors import InputError
from assay.features.labels.concepts import (
    FORMS,
    Concept,
    beginning_label,
    claim,
    ending_label,
    read_label,
    words_label,
)
from assay.features.labels.topics import topics

LETTERS = st.text(st.characters(categories=["Lu", "Ll"]), min_size=1, max_size=6)
SENTENCES = st.lists(
    st.lists(st.text("abAB -'é1", min_size=1, max_size=5), min_size=1, max_size=6).map(" ".join), max_size=8
)

SAID = {
    "years": ("It was built in 1887.", "It has 12 rooms."),
    "numbers": ("There are 3 of them.", "There are three of them."),
    "numbers with a decimal point": ("It weighs 3.5 tons.", "It weighs 35 tons. 7 of them do."),
    "numbers with commas": ("About 12,500 people live there.", "In 12, 5 of them."),
    "percentages": ("It grew by 12 percent.", "It grew by 12."),
    "ordinal numbers": ("He came 21st.", "He came first of 21."),
    "dates with a month": ("She left on 4 May.", "She left in May."),
    "spans of years": ("The war (1914–1918) was long.", "The war of 1914 was long."),
    "parentheses": ("He (the king) left.", "He, the king, left."),
    "quotation marks": ("They call it “home”.", "They call it home."),
    "semicolons": ("He left; she stayed.", "He left, she stayed."),
    "colons": ("One word: no.", "One word, no."),
    "dashes": ("He left – at last.", "A well-known man left."),
    "hyphenated words": ("A well-known man left.", "He left - at last, with 5-6 others."),
    "question marks": ("Who is it?", "I ask who it is."),
    "slashes": ("It is and/or.", "It is and or."),
    "possessives": ("The king's men came.", "The kings came."),
    "abbreviations in capitals": ("He joined the BBC.", "He joined I.B."),
    "initials": ("J. Smith came.", "Smith came. Jo went."),
    "Roman numerals": ("Henry VIII came.", "I came, Vi came."),
    "letters with diacritics": ("He lives in Orléans.", "He lives in Orleans, 3 × 4."),
    "Greek letters": ("The letter λ stands for it.", "The letter l stands for it."),
    "Cyrillic letters": ("In Russian, Москва.", "In Russian, Moskva."),
    "Arabic or Hebrew letters": ("In Hebrew, שלום.", "In Hebrew, shalom."),
    "Chinese, Japanese or Korean characters": ("In Japanese, 東京.", "In Japanese, Tokyo."),
    "symbols of phonetic spelling": ("It is said ˈlɒndən.", "It is said London."),
    "currency signs": ("It costs £5.", "It costs 5 pounds."),
    "units of measure": ("It is 12 km away.", "It is 12 kings away."),
    "lists of three or more": ("Red, green, and blue.", "Red and green, or blue."),
}
"""A sentence that each form claims, and one near it that it does not."""


def claimed(label: str | Concept, *texts: str) -> list[bool]:
    concept = read_label(label) if isinstance(label, str) else label

    def never(some: list[str]) -> np.ndarray:
        raise AssertionError("a label read by rule needs no embedder")

    found = claim(concept, Sentences(texts), never)
    assert found.nearness is None and np.array_equal(found.outside, ~found.inside)
    return found.inside.tolist()


@pytest.mark.parametrize(
    ("label", "kind", "parts"),
    [
        ('the word "river"', "words", ("river",)),
        ('the words "river" or "stream"', "words", ("river", "stream")),
        ('the words "river", "brook" or "stream"', "words", ("river", "brook", "stream")),
        ('words ending in "-ing"', "ending", ("ing",)),
        ('words beginning with "un-"', "beginning", ("un",)),
        ("rivers and lakes", "meaning", ()),
        ('the word "river" in a title', "meaning", ()),
        *((name, "form", ()) for name in FORMS),
    ],
)
def test_every_form_of_label_is_read_and_written_the_same(
    label: str, kind: str, parts: tuple[str, ...]
) -> None:
    assert read_label(label) == Concept(label, kind, parts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("typed", "canonical"),
    [
        ('  the  word "River" ', 'the word "river"'),
        ('the words "river"', 'the word "river"'),
        ('the words "a", "b", "A"', 'the words "a" or "b"'),
        ('the words "a", "b", "c"', 'the words "a", "b" or "c"'),
        ('words ending in "-ING"', 'words ending in "-ing"'),
        ('words beginning with "Un-"', 'words beginning with "un-"'),
        ("capital\n cities", "capital cities"),
    ],
)
def test_what_people_type_has_one_canonical_text(typed: str, canonical: str) -> None:
    assert read_label(typed).label == canonical
    assert read_label(canonical) == read_label(typed)


def test_no_topic_is_taken_for_a_rule() -> None:
    assert {read_label(name).kind for name in topics()} == {"meaning"}
    assert len(set(topics())) == len(topics()) > 200


@given(st.lists(LETTERS, min_size=1, max_size=5))
def test_a_label_of_words_is_read_as_it_was_made(words: list[str]) -> None:
    made = words_label(tuple(words))
    assert read_label(made.label) == made
    assert set(made.parts) == {word.casefold() for word in words}
    assert len(made.parts) == len(set(made.parts))


@given(LETTERS)
def test_a_label_of_a_part_is_read_as_it_was_made(part: str) -> None:
    for made in (ending_label(part), beginning_label(part)):
        assert read_label(made.label) == made


@given(st.text(max_size=40))
def test_reading_a_label_twice_changes_nothing(text: str) -> None:
    if not text.split():
        with pytest.raises(InputError):
            read_label(text)
    else:
        once = read_label(text)
        assert read_label(once.label) == once


@pytest.mark.parametrize("empty", ["", "  ", "\n\t"])
def test_an_empty_label_is_refused(empty: str) -> None:
    with pytest.raises(InputError) as caught:
        read_label(empty)
    error = caught.value
    assert (error.came, error.wanted) == ("an empty label", "some words")
    assert error.todo == 'say what the feature is about, as "capital cities"'


def test_every_form_has_its_sentences() -> None:
    assert set(SAID) == set(FORMS)


@pytest.mark.parametrize("name", SAID)
def test_a_form_claims_what_has_it_and_nothing_near_it(name: str) -> None:
    assert claimed(name, *SAID[name]) == [True, False]


def test_words_are_whole_words_in_any_case() -> None:
    texts = ("A River runs.", "Rivers run.", "The streams and a RIVER.", "Riverside", "a river's bank")
    assert claimed('the word "river"', *texts) == [True, False, True, False, False]
    assert claimed('the words "river" or "rivers"', *texts) == [True, True, True, False, False]
    assert claimed('the word "river\'s"', *texts) == [False, False, False, False, True]


def test_what_is_no_single_word_is_looked_for_as_written() -> None:
    texts = ("He lives in New York.", "A new yorker", "York is new.", "Born in 1990.", "Born in 19901.")
    assert claimed('the word "New York"', *texts) == [True, False, False, False, False]
    assert claimed('the words "1990" or "york"', *texts) == [True, False, True, True, False]


def test_an_ending_and_a_beginning_are_less_than_the_word() -> None:
    texts = ("He is singing.", "Ing is a name.", "Kings came.", "UNDOING it", "un", "He sings under it.")
    assert claimed('words ending in "-ing"', *texts) == [True, False, False, True, False, False]
    assert claimed('words beginning with "un-"', *texts) == [False, False, False, True, False, True]


@settings(deadline=None)
@given(SENTENCES, st.text("abé'", min_size=1, max_size=3))
def test_endings_and_beginnings_are_those_of_a_plain_scan(texts: list[str], part: str) -> None:
    for made, has in ((ending_label(part), str.endswith), (beginning_label(part), str.startswith)):
        wanted = [any(has(w, part) and len(w) > len(part) for w in words_of(text)) for text in texts]
        assert claimed(made, *texts) == wanted


@settings(deadline=None)
@given(SENTENCES, st.lists(st.text("abé", min_size=1, max_size=3), min_size=1, max_size=3))
def test_words_are_those_of_a_plain_scan(texts: list[str], words: list[str]) -> None:
    wanted = [any(match[0].casefold() in words for match in WORD.finditer(text)) for text in texts]
    assert claimed(words_label(tuple(words)), *texts) == wanted


def test_a_meaning_claims_what_is_near_it() -> None:
    embed = Embedder()
    texts = (
        "The violinist played a sonata with the orchestra.",
        "She composed songs and a symphony for piano.",
        "The chemical reaction releases carbon dioxide.",
        "He scored two goals in the second half of the match.",
    )
    found = claim(read_label("classical music"), Sentences(texts, embed(texts)), embed)
    assert found.inside.tolist() == [True, True, False, False]
    assert found.outside.tolist() == [False, False, True, True]
    nearness = np.array([embed([text])[0] @ embed(["classical music"])[0] for text in texts])
    assert found.nearness is not None and np.allclose(found.nearness, nearness, atol=1e-5)


def test_between_near_and_far_a_meaning_says_nothing() -> None:
    vectors = np.array([[1, 0], [0.2, 0.98], [0, 1], [0.3, 0.954]], np.float32)
    found = claim(
        read_label("boats"),
        Sentences(["a", "b", "c", "d"], vectors),
        lambda some: np.array([[1, 0]] * len(some), np.float32),
    )
    assert found.inside.tolist() == [True, False, False, True]
    assert found.outside.tolist() == [False, False, True, False]


def test_a_meaning_needs_vectors() -> None:
    with pytest.raises(InputError) as caught:
        claim(read_label("boats"), Sentences(["a boat"]), Embedder())
    assert caught.value.came == "the label 'boats', read by its meaning, for sentences without embeddings"
    assert caught.value.wanted == "sentences with their embeddings"
    assert caught.value.todo.startswith("use a label read by rule, as the word ")


def test_a_word_of_the_pattern_is_one_word() -> None:
    assert words_of("The king's well-known cafés, 1990 and x_y") == {
        "the",
        "king's",
        "well",
        "known",
        "cafés",
        "and",
        "x",
        "y",
    }
    assert re.fullmatch(WORD, "O’Neill")
