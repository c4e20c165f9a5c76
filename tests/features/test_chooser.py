"""Choosing rows fast gives what choosing them slowly gives."""

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.errors import InputError
from assay.features.choice import chosen_features, small
from assay.features.chooser import NEEDED, ORDERS, Chooser
from assay.features.table import NAMES

LABELS = (None, "years", "Rivers", 'the word "river"', "ÄRZTE und Ärzte", "İstanbul", "a (b|c) .*", "")


def table_of(n: int, seed: int) -> pd.DataFrame:
    """Many equal values and many missing ones, in an order that is nobody's."""
    rng = np.random.default_rng(seed)
    made = pd.DataFrame({"feature": rng.permutation(n)})
    made["label"] = pd.array([LABELS[k] for k in rng.integers(0, len(LABELS), n)], dtype="string")
    made["name"] = [NAMES[k] for k in rng.integers(0, len(NAMES), n)]
    made["leaning"] = [NAMES[k] for k in rng.integers(0, len(NAMES), n)]
    for name in ("interp", "mui", "ratio"):
        made[name] = np.where(rng.random(n) < 0.2, np.nan, rng.integers(0, 5, n) / 4)
    return made


@given(
    seed=st.integers(0, 20),
    n=st.integers(0, 60),
    sort=st.sampled_from(["feature", "label", "interp", "mui", "name"]),
    reading=st.none() | st.sampled_from(NAMES),
    search=st.none() | st.sampled_from(["RIVER", "ärzte", "i", "(b|", "zebra", "İ"]),
    review=st.booleans(),
    noise=st.booleans(),
)
def test_the_same_rows_in_the_same_order(
    seed: int, n: int, sort: str, reading: str | None, search: str | None, review: bool, noise: bool
) -> None:
    table = table_of(n, seed)
    wanted = chosen_features(table, sort=sort, reading=reading, search=search, review=review, noise=noise)
    chooser = Chooser(table)
    for _ in range(2):  # made, and kept
        found = chooser.places(sort=sort, reading=reading, search=search, review=review, noise=noise)
        assert table["feature"].iloc[found].tolist() == wanted["feature"].tolist()


def test_rising_is_the_other_way_round_but_for_missing_and_equal_ones() -> None:
    table = pd.DataFrame({"feature": range(5), "mui": [0.2, None, 0.1, 0.2, 0.9]})
    for name, value in {"label": "a", "name": "ideal", "leaning": "ideal", "ratio": 0.1}.items():
        table[name] = value
    chooser = Chooser(table)
    assert chooser.places().tolist() == [4, 0, 3, 2, 1]
    assert chooser.places(rising=True).tolist() == [2, 0, 3, 4, 1]
    assert chooser.places(sort="feature", rising=True).tolist() == [0, 1, 2, 3, 4]


def test_one_leaning() -> None:
    table = table_of(200, 1)
    found = Chooser(table).places(reading="undecided", leaning="ideal")
    kept = table[(table["name"] == "undecided") & (table["leaning"] == "ideal")]
    assert set(found.tolist()) == set(kept.index)


def test_no_more_orders_are_kept_than_said() -> None:
    table = table_of(20, 2).assign(**{f"c{n}": np.arange(20.0) for n in range(2 * ORDERS)})
    chooser = Chooser(table)
    for n in range(2 * ORDERS):
        chooser.places(sort=f"c{n}")
    assert len(chooser._orders) == ORDERS


@pytest.mark.parametrize(
    ("asked", "came"), [("sort", "column"), ("reading", "reading"), ("leaning", "reading")]
)
def test_what_is_not_there_is_named(asked: str, came: str) -> None:
    with pytest.raises(InputError) as caught:
        Chooser(table_of(5, 0)).places(**{asked: "idael"})
    assert caught.value.came == f"{came} 'idael'"


@pytest.mark.parametrize("column", NEEDED)
def test_a_table_that_lacks_a_column(column: str) -> None:
    with pytest.raises(InputError) as caught:
        Chooser(table_of(5, 0).drop(columns=column))
    assert caught.value.came == f"a table of features without the column {column}"


@pytest.mark.slow
def test_a_million_rows_are_chosen_in_a_pages_time() -> None:
    n = 1_000_000
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"feature": np.arange(n)})
    table["label"] = pd.array(np.char.add("a label of feature ", np.arange(n).astype(str)), dtype="string")
    table["name"] = np.array(NAMES)[rng.integers(0, len(NAMES), n)]
    table["leaning"] = table["name"]
    table["mui"] = table["ratio"] = rng.random(n)
    chooser = Chooser(table)
    chooser.places(search="feature 77", reading="ideal")
    times = []
    for _ in range(5):
        began = time.perf_counter()
        found = chooser.places(search="feature 77", reading="ideal")
        times.append(time.perf_counter() - began)
    assert len(found) > 100 and min(times) < 0.4


@given(
    seed=st.integers(0, 20),
    n=st.integers(0, 60),
    given_=st.dictionaries(st.integers(-1, 70), st.sampled_from([text for text in LABELS if text])),
    search=st.sampled_from(["RIVER", "ärzte", "i", "(b|", "zebra", "İ", "s\x00r"]),
)
def test_labels_given_since_are_searched_beside_those_of_the_table(
    seed: int, n: int, given_: dict[int, str], search: str
) -> None:
    table = table_of(n, seed)
    chooser = Chooser(table)
    for _ in range(2):  # the second time in place of the first
        chooser.also_called(given_)
    found = {int(table["feature"].iloc[row]) for row in chooser.places(search=search, noise=True)}
    both = pd.DataFrame({"since": [given_.get(f, "") for f in table["feature"]], "scored": table["label"]})
    wanted = [small(both[name]).str.contains(search.lower(), regex=False) for name in both]
    assert found == set(table["feature"][wanted[0] | wanted[1]])
    chooser.also_called({})
    assert chooser.places(search=search).tolist() == Chooser(table).places(search=search).tolist()
