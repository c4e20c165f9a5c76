import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from assay.report.text import cells, clean, one_line, token
from assay.report.words import NONE, interval, number, probability, seconds

ANYTHING = st.text(st.characters(codec=None), max_size=60)  # lone surrogates included


@given(ANYTHING)
def test_cleaned_text_cannot_act_and_can_be_written(text: str) -> None:
    shown = clean(text)
    shown.encode()
    assert not any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\t\n" for c in shown)
    assert not any(unicodedata.bidirectional(c) in ("RLO", "LRO", "RLE", "LRE", "PDF") for c in shown)


@given(ANYTHING, st.integers(1, 40))
def test_one_line_keeps_its_promise(text: str, limit: int) -> None:
    shown = one_line(text, limit)
    assert len(shown) <= limit and "\n" not in shown


@given(ANYTHING, st.integers(1, 40))
def test_cells_are_exactly_as_wide_as_asked(text: str, width: int) -> None:
    assert cell_len(cells(text, width)) == width


def test_a_cut_says_how_much_is_missing() -> None:
    assert clean("a" * 1_000_000, 10) == "a" * 10 + "… [10 of 1,000,000 characters]"


def test_a_leading_space_of_a_token_is_visible() -> None:
    assert token(" Paris") == "␣Paris"
    assert token("Paris") == "Paris"


def test_no_number_is_never_zero() -> None:
    assert {number(None), number(float("nan")), probability(None), interval(None), seconds(None)} == {NONE}
    assert number(0.0004) == "4e-04"
    assert probability(0.0004) == "<0.01"
    assert number(0.0) == "0.00"


def test_durations() -> None:
    assert [seconds(x) for x in (0.44, 38, 200)] == ["0.4 s", "38 s", "3 min 20 s"]
