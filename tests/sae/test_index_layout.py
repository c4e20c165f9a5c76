"""The parts an index is made of: the counting sort, the rounding, the windows and where sentences end."""

from itertools import accumulate, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_index_codes import text

from assay.corpus.sources import hashed
from assay.errors import InputError
from assay.models.model import Model
from assay.sae.index.postings import Part, feature_major, narrowed, tally
from assay.sae.index.sentences import LONGEST, SHORTEST, sentence_lengths
from assay.sae.index.windows import windows_of
from assay.sae.rows import rows_of
from oracles import postings_slowly
from tiny import TEXT, tiny_model

FEATURES = 6
Tokens = list[dict[int, float]]
VALUES = st.floats(2**-10, 2**10, width=16)
TOKENS = st.lists(st.dictionaries(st.integers(0, FEATURES - 1), VALUES), max_size=8)


def part(tokens: Tokens, kind: type = np.uint16, wide: bool = False) -> Part:
    codes = [pair for fired in tokens for pair in sorted(fired.items())]
    return Part(
        np.array([len(fired) for fired in tokens], np.int32),
        np.array([feature for feature, _ in codes], kind),
        np.array([value for _, value in codes], np.float32 if wide else np.float16),
    )


@given(st.lists(TOKENS, min_size=1, max_size=4), st.integers(1, 30), st.sampled_from([np.uint16, np.uint32]))
def test_sorted_like_the_slow_way(several: list[Tokens], block: int, kind: type) -> None:
    parts = [part(tokens, kind, wide=n == 1) for n, tokens in enumerate(several)]
    sums = tally(parts, FEATURES)
    blocks = list(feature_major(lambda: iter(parts), sums.begin, sums.dtype, block))
    places, values = (np.concatenate(column) for column in zip(*blocks, strict=True))
    wanted = postings_slowly([fired for tokens in several for fired in tokens], FEATURES)
    begin = sums.begin.tolist()
    assert begin == [0, *accumulate(map(len, wanted))]
    for feature, mine in enumerate(wanted):
        span = slice(begin[feature], begin[feature + 1])
        assert list(zip(places[span].tolist(), values[span].tolist(), strict=True)) == mine
        assert sums.total[feature] == pytest.approx(sum(value for _, value in mine))
        assert sums.largest[feature] == max((value for _, value in mine), default=0)
    assert values.dtype == sums.dtype == (np.float32 if len(several) > 1 else np.float16)
    longest = max(map(len, wanted))
    assert all(len(place) <= max(block, longest) for place, _ in blocks)


@given(st.lists(st.floats(2**-60, 1e6, width=32), max_size=20))
def test_rounding(values: list[float]) -> None:
    exact = np.array(values, np.float32)
    found = narrowed(exact)
    assert (found > 0).all()
    if found.dtype == np.float32:
        assert exact.max() > 65_504 and np.array_equal(found, exact)
    else:
        assert np.isfinite(found).all()
        error = np.abs(found.astype(np.float64) - exact)
        assert (error <= np.maximum(exact * 2.0**-11, 2.0**-24)).all()


def test_windows_are_the_rows_with_their_text(some_model: Model) -> None:
    many = "Zoë said 你好 to the 🦊, e\u0301tude. " * 12
    corpus = hashed("mixed", [TEXT, "short", many, *text(3).documents])
    for context, tokens in ((16, 10_000), (30, 333)):
        found = list(windows_of(some_model, corpus, context, tokens))
        lead = [] if some_model.start is None else [some_model.start]
        assert [[*lead, *one.ids.tolist()] for one in found] == list(
            rows_of(some_model, corpus, context, tokens)
        )
        for one in found:
            assert one.text in corpus.documents[one.document]
            assert len(one.ends) == len(one.ids) and one.ends[-1] == len(one.text)
            assert (np.diff(one.ends, prepend=0) >= 0).all()
    whole = dict.fromkeys(range(len(corpus.documents)), "")
    for one in windows_of(some_model, corpus, 16, 10_000):
        assert corpus.documents[one.document].startswith(whole[one.document] + one.text)
        whole[one.document] += one.text


def test_without_a_start_token_a_row_has_room_for_one_more() -> None:
    model = tiny_model("llama", start=False)
    assert {len(one.ids) for one in windows_of(model, hashed("one", [TEXT]), 16, 64)} == {16}
    with pytest.raises(InputError, match="rows of 7 tokens\n  wanted: at least 8"):
        list(windows_of(model, text(), 7, 100))


def by_words(words: str) -> list[str]:
    """The sentences of a text whose tokens are its words, each with the space in front."""
    tokens = [word if n == 0 else f" {word}" for n, word in enumerate(words.split(" "))]
    lengths = sentence_lengths(words, list(accumulate(map(len, tokens))))
    marks = [0, *accumulate(lengths)]
    assert marks[-1] == len(tokens)
    return ["".join(tokens[a:b]).strip() for a, b in pairwise(marks)]


@pytest.mark.parametrize(
    "sentences",
    [
        ["It rained all day long.", "Then the sun came out again."],
        ["“Is it really over now?”", "He shrugged and went home."],
        ["He had met J. R. R. Tolkien once.", "That is all he said."],
        ["It cost 3.5 million euros in 1990.", "Who would have paid it?!"],
        ["This one breaks off here\nand", "goes on after a line break"],
        ["No end"],
        ["A sentence of some length. Short."],
        ["Yes. So it always goes."],
    ],
    ids=lambda sentences: sentences[0][:12],
)
def test_where_sentences_end(sentences: list[str]) -> None:
    assert by_words(" ".join(sentences)) == sentences


def test_long_sentences_are_cut_into_parts_of_like_length() -> None:
    found = by_words("word " * (2 * LONGEST + 1) + "end.")
    assert [len(one.split()) for one in found] == [43, 43, 44]


@given(
    st.text(alphabet="ab .!?\n\"'…", max_size=300), st.lists(st.integers(0, 300), min_size=1, max_size=200)
)
def test_sentences_have_all_tokens(words: str, cuts: list[int]) -> None:
    ends = sorted(min(cut, len(words)) for cut in cuts)
    lengths = sentence_lengths(words, ends)
    assert sum(lengths) == len(ends) and all(0 < n <= LONGEST for n in lengths)
    assert all(n >= SHORTEST for n in lengths) or len(ends) < SHORTEST
