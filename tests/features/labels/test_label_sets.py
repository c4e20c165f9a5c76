"""Sentences for and against a label are drawn by the label alone: apart from each other, of like length, by seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.corpus.sentences import Sentences
from assay.features.labels.concepts import Claim, read_label
from assay.features.labels.sets import BEST, LIKE, draw_sets, sets_of


def bank(n: int = 400, every: int = 4, seed: int = 0) -> Sentences:
    """Of ``n`` sentences of mixed lengths every so many has a river."""
    rng = np.random.default_rng(seed)
    words = ["stone", "house", "light", "table", "winter", "of", "a"]
    texts = [" ".join(rng.choice(words, rng.integers(3, 40))) for _ in range(n)]
    return Sentences([f"river {text}" if at % every == 0 else text for at, text in enumerate(texts)])


def no_embedder(some: list[str]) -> np.ndarray:
    raise AssertionError("a label read by rule needs no embedder")


RIVER = read_label('the word "river"')


@pytest.mark.parametrize("n", [1, 10, 60])
def test_each_set_has_as_many_as_asked_and_they_share_none(n: int) -> None:
    sentences = bank()
    found = draw_sets(RIVER, sentences, no_embedder, n, 3)
    assert len(found.matching) == len(found.other) == n
    assert all("river" in sentences.texts[s] for s in found.matching)
    assert not any("river" in sentences.texts[s] for s in found.other)
    assert len(set(found.matching) | set(found.other)) == 2 * n
    assert found.inside == frozenset(range(0, 400, 4))


def test_the_seed_decides() -> None:
    sentences = bank()
    a, b, c = (draw_sets(RIVER, sentences, no_embedder, 10, seed) for seed in (1, 1, 2))
    assert np.array_equal(a.matching, b.matching) and np.array_equal(a.other, b.other)
    assert not np.array_equal(a.matching, c.matching) and not np.array_equal(a.other, c.other)


def test_the_other_set_is_of_like_length() -> None:
    """Each is among the nearest in length that are left; drawn at random, the means would be far apart."""
    sentences = bank(4_000)
    long = np.flatnonzero(sentences.lengths > np.quantile(sentences.lengths, 0.9))
    inside = np.isin(np.arange(4_000), long[::2])
    found = sets_of(Claim(inside, ~inside), sentences, 40, 0)
    mean = sentences.lengths[found.matching].mean()
    assert sentences.lengths[~inside].mean() < 0.75 * mean
    assert abs(sentences.lengths[found.other].mean() - mean) < 0.1 * mean
    pool = np.sort(np.abs(sentences.lengths[~inside][:, None] - sentences.lengths[found.matching]), axis=0)
    reach = pool[LIKE + len(found.other) - 1].max()
    assert all(
        np.abs(sentences.lengths[found.matching] - length).min() <= reach
        for length in sentences.lengths[found.other]
    )


def test_a_label_that_claims_few_still_has_others_enough() -> None:
    sentences = bank(100, every=40)
    found = draw_sets(RIVER, sentences, no_embedder, 10, 0)
    assert found.matching.tolist() == [0, 40, 80]
    assert len(found.other) == len(set(found.other)) == 10


def test_a_label_that_claims_none_or_all() -> None:
    sentences = bank(50)
    none = draw_sets(read_label('the word "ship"'), sentences, no_embedder, 10, 0)
    assert (len(none.matching), len(none.other), none.inside) == (0, 10, frozenset())
    every = sets_of(Claim(np.ones(50, bool), np.zeros(50, bool)), sentences, 10, 0)
    assert (len(every.matching), len(every.other)) == (10, 0)
    few = sets_of(Claim(np.arange(50) > 3, np.arange(50) <= 3), sentences, 10, 0)
    assert (len(few.matching), few.other.tolist()) == (10, [0, 1, 2, 3])


def test_of_a_meaning_the_nearest_are_drawn_and_none_that_is_in_between() -> None:
    sentences = bank(300)
    nearness = np.linspace(0, 1, 300).astype(np.float32)
    claimed = Claim(nearness >= 0.3, nearness < 0.12, nearness)
    found = sets_of(claimed, sentences, 10, 0)
    assert found.matching.min() >= 300 - BEST * 10
    assert found.other.max() < 0.12 * 300
    assert len(found.inside) == int(claimed.inside.sum())


@settings(deadline=None)
@given(st.lists(st.sampled_from("ino"), min_size=1, max_size=40), st.integers(1, 12), st.integers(0, 5))
def test_whatever_is_claimed_sets_keep_to_it(sides: list[str], n: int, seed: int) -> None:
    """``i``: claimed, ``o``: clearly not, ``n``: neither."""
    side = np.array(sides)
    sentences = Sentences(["x" * (3 + at % 7) for at in range(len(sides))])
    found = sets_of(Claim(side == "i", side == "o"), sentences, n, seed)
    assert set(side[found.matching]) <= {"i"} and set(side[found.other]) <= {"o"}
    assert len(set(found.matching.tolist())) == min(n, sides.count("i"))
    assert len(set(found.other.tolist())) == len(found.other) == min(n, sides.count("o"))
