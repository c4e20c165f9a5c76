"""The book of labels: every label a feature ever had, added to and never changed."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.errors import StoreError
from assay.features.labels.book import FILE, LabelBook, Labelled
from assay.features.place import place_of

AUTOMATIC = Labelled(3, "years", "automatic", {"r": 0.5, "d": None})
BY_HAND = Labelled(3, "dates of battles", "user")
OTHER = Labelled(1, 'the word "river"', "relabelled", {"r": 0.25})


def test_the_last_label_is_its_own_and_all_are_kept(tmp_path: Path) -> None:
    book = LabelBook(tmp_path / "deep" / FILE)
    assert (len(book), list(book), book.get(3), 3 in book, book.history(3)) == (0, [], None, False, ())
    book.add([AUTOMATIC, OTHER])
    book.add([BY_HAND])
    for one in (book, LabelBook(tmp_path / "deep" / FILE)):
        assert one[3] == one.get(3) == BY_HAND and one[1] == OTHER
        assert one.history(3) == (AUTOMATIC, BY_HAND)
        assert (len(one), list(one), 3 in one, 2 in one) == (2, [1, 3], True, False)


def test_adding_leaves_earlier_lines_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / FILE
    LabelBook(path).add([AUTOMATIC])
    before = path.read_bytes()
    LabelBook(path).add([BY_HAND])
    assert path.read_bytes().startswith(before) and path.read_text().count("\n") == 2
    assert json.loads(path.read_text().splitlines()[1]) == {
        "feature": 3,
        "label": "dates of battles",
        "source": "user",
        "figures": {},
        "at": BY_HAND.at,
    }


def test_books_of_others_are_merged_by_appending(tmp_path: Path) -> None:
    LabelBook(tmp_path / "mine").add([AUTOMATIC])
    LabelBook(tmp_path / "theirs").add([BY_HAND, OTHER])
    with (tmp_path / "mine").open("ab") as file:
        file.write((tmp_path / "theirs").read_bytes())
    assert LabelBook(tmp_path / "mine").history(3) == (AUTOMATIC, BY_HAND)


def test_the_saes_own_labels_come_first_and_are_only_read(tmp_path: Path) -> None:
    shipped = tmp_path / "sae"
    LabelBook(shipped / FILE).add([AUTOMATIC, OTHER])
    before = (shipped / FILE).read_bytes()
    place = place_of(tmp_path / "home", "f00d" * 16, shipped)
    place.labels().add([BY_HAND])
    book = place.labels()
    assert book[3] == BY_HAND and book[1] == OTHER and book.history(3) == (AUTOMATIC, BY_HAND)
    assert (shipped / FILE).read_bytes() == before
    assert (tmp_path / "home" / "features" / "f00df00df00df00d" / FILE).read_text().count("\n") == 1


def test_adding_none_makes_a_book_that_is_read_as_empty(tmp_path: Path) -> None:
    LabelBook(tmp_path / FILE).add([])
    assert len(LabelBook(tmp_path / FILE)) == 0


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 5), st.text(st.characters(codec="utf-8"))), max_size=6))
def test_any_label_comes_back(tmp_path: Path, some: list[tuple[int, str]]) -> None:
    path = tmp_path / FILE
    path.unlink(missing_ok=True)
    given_ = [Labelled(feature, label, "user") for feature, label in some]
    LabelBook(path).add(given_)
    again = LabelBook(path)
    for feature in range(6):
        assert again.history(feature) == tuple(one for one in given_ if one.feature == feature)


@pytest.mark.parametrize(
    "line",
    [
        b"not JSON",
        b'{"feature": 3, "label": "years"',
        b"[3]",
        b'{"feature": 3, "label": "years"}',
        b'{"feature": 3, "label": "years", "source": "user", "colour": "red"}',
        b'{"feature": "3", "label": "years", "source": "user"}',
        b'{"feature": true, "label": "years", "source": "user"}',
        b'{"feature": 3, "label": null, "source": "user"}',
        b'{"feature": 3, "label": "years", "source": "a stranger"}',
        b"\xff\xfe",
        b"",
    ],
)
def test_a_damaged_line_is_named(line: bytes, tmp_path: Path) -> None:
    path = tmp_path / FILE
    LabelBook(path).add([AUTOMATIC, OTHER])
    first, second, _ = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([first, line, second, b""]))
    with pytest.raises(StoreError) as caught:
        LabelBook(path)
    assert caught.value.came.startswith(f"line 2 of {path}, which is no label: ")
    assert caught.value.wanted == "one JSON object a line, as assay wrote them"
    assert caught.value.todo == "take the line out; all others stand by themselves"
    path.write_bytes(b"\n".join([first, second, b""]))
    assert list(LabelBook(path)) == [1, 3]


def test_where_it_cannot_be_written_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="file"):
        LabelBook(tmp_path / "file" / FILE).add([AUTOMATIC])
