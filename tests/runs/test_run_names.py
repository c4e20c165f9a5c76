import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import StoreError
from assay.runs.names import new_id, pick, slug

IDS = ["20300101-000000-eiffel-berlin-0001", "20300102-000000-eiffel-oslo-0002", "20300102-000001-rome-0003"]


@given(st.sampled_from(["edit", "bench", "trace"]), st.text(), st.text())
def test_an_id_is_short_and_safe_as_a_folder_for_any_text(kind: str, subject: str, target: str) -> None:
    assert re.fullmatch(r"\d{8}-\d{6}-[a-z0-9-]{1,15}-[0-9a-f]{4}", new_id(kind, subject, target))


@pytest.mark.parametrize(
    ("text", "longest", "wanted"),
    [
        ("Eiffel Tower", 8, "eiffel"),
        ("São Paulo", 20, "sao-paulo"),
        ("Llanfairpwll", 6, "llanfa"),
        ("東京", 9, ""),
    ],
)
def test_a_slug_keeps_whole_words(text: str, longest: int, wanted: str) -> None:
    assert slug(text, longest) == wanted


def test_an_id_says_what_it_is_about() -> None:
    assert "-eiffel-berlin-" in new_id("edit", "The Eiffel Tower", "Berlin")
    assert "-bench-eiffel-" in new_id("bench", "The Eiffel Tower", "Berlin")


def test_a_run_is_found_by_id_by_its_start_and_as_the_last() -> None:
    assert pick(IDS[0], IDS) == IDS[0]
    assert pick("20300101", IDS) == IDS[0]
    assert pick("last", IDS) == IDS[2]


@pytest.mark.parametrize(
    ("asked", "came", "todo"),
    [
        ("20300102", "run '20300102', the start of 2 runs", f"write more of it: {IDS[1]}, {IDS[2]}"),
        ("oslo", "run 'oslo', which is not stored", f"nearest: {IDS[1]}, "),
        ("", "run '', which is not stored", "nearest: "),
    ],
)
def test_a_run_that_is_not_there_is_answered_with_the_nearest(asked: str, came: str, todo: str) -> None:
    with pytest.raises(StoreError) as caught:
        pick(asked, IDS)
    assert caught.value.came == came
    assert caught.value.todo.startswith(todo)


def test_an_empty_store_says_how_to_begin() -> None:
    with pytest.raises(StoreError, match="no run is stored yet") as caught:
        pick("last", [])
    assert "assay edit" in caught.value.todo
