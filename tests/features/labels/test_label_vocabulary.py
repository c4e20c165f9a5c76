"""The vocabulary: which concepts a corpus has enough of, and what each of them claims there."""

import numpy as np
import pytest

from assay.corpus.sentences import Sentences, words_of
from assay.features.labels.concepts import Concept, claim, ending_label, read_label
from assay.features.labels.topics import topics
from assay.features.labels.vocabulary import LEAST, MOST, WORDS_WITH_PART, Vocabulary, vocabulary

STEMS = ("walk", "sing", "climb", "paint", "hunt", "row", "mourn", "jump", "fish", "roam", "sail", "cook")
VOWELS = "aeiou"


def embed(texts: list[str]) -> np.ndarray:
    """A unit vector of its own for each text; "rivers" points where the first twenty sentences do."""
    rows = [np.random.default_rng(sum(map(ord, text))).normal(size=64) for text in texts]
    made = np.array([row / np.linalg.norm(row) for row in rows], np.float32)
    made[[text == topics()[0] for text in texts]] = np.eye(64, dtype=np.float32)[0]
    return made


@pytest.fixture(scope="module")
def sentences() -> Sentences:
    rng = np.random.default_rng(0)
    texts = []
    for at in range(400):
        verb = f"{rng.choice(STEMS)}{rng.choice(list(VOWELS))}ing"
        parts = [
            "The man",
            f"was {verb}" if at % 3 == 0 else "was late",
            "in the house" if at % 2 else "at sea",
        ]
        parts += [f"in {1800 + at % 90}"] if at % 5 == 0 else []
        parts += ["by chance and luck"] if at < 2 * LEAST else []
        parts += ["rarely"] if at < LEAST else []
        parts += ["seldom"] if at < LEAST - 1 else []
        texts.append(" ".join(parts) + ".")
    vectors = np.zeros((400, 64), np.float32)
    vectors[:20, 0], vectors[20:, 1] = 1, 1
    return Sentences(texts, vectors)


@pytest.fixture(scope="module")
def known(sentences: Sentences) -> Vocabulary:
    return vocabulary(sentences, embed)


def test_each_column_is_what_its_concept_claims(known: Vocabulary, sentences: Sentences) -> None:
    assert known.claims.shape == (400, len(known.concepts)) and known.claims.dtype == np.float32
    dense = known.claims.toarray()
    for column, concept in enumerate(known.concepts):
        assert np.array_equal(dense[:, column] == 1, claim(concept, sentences, embed).inside), concept.label
    assert set(np.unique(dense)) == {0, 1}


def test_none_claims_too_few_or_too_many_and_no_two_the_same(known: Vocabulary) -> None:
    sizes = np.asarray(known.claims.sum(0)).ravel()
    assert sizes.min() >= LEAST and sizes.max() <= MOST * 400
    columns = {column.tobytes() for column in known.claims.toarray().T}
    assert len(columns) == len(known.concepts)


def test_what_is_kept_and_what_is_left_out(known: Vocabulary) -> None:
    labels = {concept.label for concept in known.concepts}
    assert {'the word "house"', 'the word "rarely"', "years", 'words ending in "-ing"', topics()[0]} <= labels
    assert 'the word "man"' not in labels  # in all sentences
    assert 'the word "seldom"' not in labels  # in too few
    assert [f'the word "{word}"' in labels for word in ("and", "by", "chance", "luck")] == [
        True,
        *[False] * 3,
    ]
    assert "numbers" not in labels  # here they are years, which come first


def test_an_ending_needs_many_words(known: Vocabulary, sentences: Sentences) -> None:
    assert sum(word.endswith("ing") for word in sentences.by_word) >= WORDS_WITH_PART
    few = {word for word in sentences.by_word if word.endswith("aing")}
    assert 0 < len(few) < WORDS_WITH_PART
    assert ending_label("aing").label not in {concept.label for concept in known.concepts}


def test_the_same_words_in_the_same_order(known: Vocabulary, sentences: Sentences) -> None:
    again = vocabulary(sentences, embed)
    assert again.concepts == known.concepts
    kinds = [concept.kind for concept in known.concepts]
    assert kinds == sorted(kinds, key=["words", "ending", "beginning", "form", "meaning"].index)


def test_too_little_text_has_no_concepts() -> None:
    few = Sentences(["A man."] * 3, np.zeros((3, 64), np.float32))
    found = vocabulary(few, embed)
    assert found.concepts == () and found.claims.shape == (3, 0)


def test_words_by_their_parts_are_found_as_by_a_scan(sentences: Sentences) -> None:
    words = set().union(*(words_of(text) for text in sentences.texts))
    assert set(sentences.by_word) == words
    for part in ("ing", "e", "s", "wal", "zzz", "man", ""):
        ending = {w for w in words if w.endswith(part) and w != part}
        beginning = {w for w in words if w.startswith(part) and w != part}
        assert set(sentences.words_ending(part)) == ending
        assert sentences.words_beginning(part) == sorted(beginning)
    assert read_label('words ending in "-ing"') == Concept('words ending in "-ing"', "ending", ("ing",))
