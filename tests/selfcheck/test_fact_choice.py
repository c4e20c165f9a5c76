"""Facts are chosen the same way whichever worker is faster; a check that was stopped asks nothing twice."""

import pytest

from assay.selfcheck.facts import _settled


@pytest.mark.parametrize(
    ("told", "wanted", "chosen"),
    [
        ({}, 2, []),
        ({0: None, 1: "no", 2: None}, 2, [0, 2]),
        ({0: None, 1: "no", 2: None, 3: None}, 2, [0, 2]),
        ({0: None, 4: None, 5: None}, 2, [0]),  # 1 to 3 are still being tried
        ({4: None, 5: None, 6: None, 7: None}, 2, []),
    ],
)
def test_only_what_is_settled_from_the_start_is_chosen(
    told: dict[int, str | None], wanted: int, chosen: list[int]
) -> None:
    assert _settled(told, wanted) == chosen
