"""Which features are listed, in which order, and in which order their labels deserve a look."""

from pathlib import Path

import pandas as pd
import pytest

from assay.errors import InputError, StoreError
from assay.features.choice import chosen_features
from assay.features.labelling import QUEUE, review_queue
from assay.features.place import TABLE, place_of
from assay.features.reading import DEAD, PATTERNS, UNDECIDED
from assay.features.table import NAMES

ROWS = [
    # feature, label, interp, mui, ratio, name, leaning
    (0, "years", 0.9, 0.2, 0.01, "decorative", "decorative"),
    (1, None, None, None, None, DEAD, DEAD),
    (2, 'the word "River"', 0.1, 0.9, 0.30, "mislabelled", "mislabelled"),
    (3, "rivers and lakes", 0.2, 0.9, 0.40, "mislabelled", "mislabelled"),
    (4, "a (b|c) .*", 0.7, None, None, UNDECIDED, "ideal"),
    (5, "towns", 0.8, 0.7, 0.10, "ideal", "ideal"),
    (6, "noise", 0.1, 0.1, 0.01, "dead or noise", "dead or noise"),
    (7, "kings", 0.7, 0.3, 0.02, UNDECIDED, "used but tangled"),
]


@pytest.fixture
def table() -> pd.DataFrame:
    names = ["feature", "label", "interp", "mui", "ratio", "name", "leaning"]
    return pd.DataFrame(ROWS, columns=names)


def features(some: pd.DataFrame) -> list[int]:
    return some["feature"].tolist()


def test_the_largest_come_first_and_missing_ones_last(table: pd.DataFrame) -> None:
    assert features(chosen_features(table)) == [2, 3, 5, 7, 0, 4]
    assert features(chosen_features(table, sort="interp")) == [0, 5, 4, 7, 3, 2]
    assert features(chosen_features(table, sort="feature", noise=True)) == [7, 6, 5, 4, 3, 2, 1, 0]


def test_noise_is_left_out_unless_asked_for(table: pd.DataFrame) -> None:
    assert set(features(chosen_features(table, noise=True))) == set(range(8))
    assert features(chosen_features(table, reading="dead or noise")) == [6]
    assert features(chosen_features(table, reading=DEAD)) == [1]


def test_one_reading(table: pd.DataFrame) -> None:
    assert features(chosen_features(table, reading="mislabelled")) == [2, 3]
    assert features(chosen_features(table, reading="broad detector")) == []


def test_labels_are_searched_as_plain_text_in_any_case(table: pd.DataFrame) -> None:
    assert features(chosen_features(table, search="river")) == [2, 3]
    assert features(chosen_features(table, search="(B|C) .*")) == [4]
    assert features(chosen_features(table, search="zebra")) == []
    assert features(chosen_features(table, search="", noise=True, sort="feature"))[-1] == 0


def test_search_and_sort_where_no_feature_has_a_label_or_a_score(table: pd.DataFrame) -> None:
    table["label"], table["mui"] = None, None
    assert features(chosen_features(table, search="river")) == []
    assert features(chosen_features(table)) == [0, 2, 3, 4, 5, 7]


def test_the_queue_goes_by_what_a_better_label_would_gain(table: pd.DataFrame) -> None:
    """Coherent and used but mislabelled ones first, decorative ones last; of one kind the most used ones."""
    assert features(chosen_features(table, review=True)) == [3, 2, 7, 5, 4, 0]
    assert list(review_queue(table).columns) == list(table.columns)


def test_the_queue_names_every_reading_that_is_looked_at() -> None:
    firm = {pattern.name for pattern in PATTERNS.values()}
    assert set(QUEUE) == firm - {"dead or noise"} | {UNDECIDED}
    assert (QUEUE[0], QUEUE[-1]) == ("mislabelled", "decorative")


def test_a_column_that_is_not_there(table: pd.DataFrame) -> None:
    with pytest.raises(InputError) as caught:
        chosen_features(table, sort="intrep")
    assert caught.value.came == "column 'intrep'"
    assert caught.value.wanted == "one of feature, label, interp, mui, ratio, name, leaning"
    assert caught.value.todo == "did you mean interp?"
    with pytest.raises(InputError) as caught:
        chosen_features(table, sort="zzzzz")
    assert caught.value.todo == "choose one of these"


def test_a_reading_that_is_not_there(table: pd.DataFrame) -> None:
    with pytest.raises(InputError) as caught:
        chosen_features(table, reading="idael")
    assert caught.value.came == "reading 'idael'"
    assert caught.value.wanted == "one of " + ", ".join(NAMES)
    assert caught.value.todo == "did you mean ideal?"
    with pytest.raises(InputError) as caught:
        chosen_features(table, reading="zzzzz")
    assert caught.value.todo == "choose one of these"


def test_the_users_table_comes_before_the_saes_own(table: pd.DataFrame, tmp_path: Path) -> None:
    place = place_of(tmp_path / "home", "f00d" * 16, tmp_path / "sae")
    assert place.table() is None
    (tmp_path / "sae").mkdir()
    table.to_parquet(tmp_path / "sae" / TABLE)
    shipped = place.table()
    assert shipped is not None and len(shipped) == 8
    place.own.mkdir(parents=True)
    table.head(2).to_parquet(place.table_path)
    own = place.table()
    assert own is not None and len(own) == 2


@pytest.mark.parametrize("what", ["text", "cut", "another"])
def test_a_damaged_table_is_named(what: str, table: pd.DataFrame, tmp_path: Path) -> None:
    place = place_of(tmp_path, "f00d" * 16, None)
    place.own.mkdir(parents=True)
    if what == "text":
        place.table_path.write_text("feature,label\n1,years\n")
    elif what == "cut":
        table.to_parquet(place.table_path)
        place.table_path.write_bytes(place.table_path.read_bytes()[:-20])
    else:
        table[["label"]].to_parquet(place.table_path)
    with pytest.raises(StoreError) as caught:
        place.table()
    assert caught.value.came.startswith(f"{place.table_path}, which cannot be read: ")
    assert caught.value.wanted == "the table that assay features score --all wrote"
    assert caught.value.todo == "move the file away and make it again"
