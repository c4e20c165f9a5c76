"""How alike sentences are: a square that says what the table says."""

import pytest

from assay.report.alike import MOST, mean, square, usable

ALIKE = {"of": [0, 2, 3], "cosine": [[1.0, 0.5, 0.1], [0.5, 1.0, -0.2], [0.1, -0.2, 1.0]]}


def test_every_pair_of_two_different_sentences_is_a_cell_that_says_its_cosine() -> None:
    drawn = square(ALIKE, "How alike")
    assert drawn is not None
    assert drawn.count("cosine 0.50") == drawn.count("cosine 0.10") == drawn.count("cosine -0.20") == 2
    assert "1 and 3: cosine 0.50" in drawn and "3 and 4: cosine -0.20" in drawn
    assert drawn.count("<rect") == 6 + 9
    assert "mean cosine 0.13" in drawn and 'role="img"' in drawn


def test_the_mean_leaves_the_diagonal_out() -> None:
    assert mean(ALIKE) == pytest.approx((0.5 + 0.1 - 0.2) / 3)
    assert mean({"of": [0, 1], "cosine": [[1.0, None], [None, 1.0]]}) is None


@pytest.mark.parametrize(
    "alike",
    [
        None,
        {},
        {"of": [], "cosine": []},
        {"of": [0], "cosine": [[1.0]]},
        {"of": [0, 1], "cosine": [[1.0], [1.0]]},
        {"of": [0, 1, 2], "cosine": [[1.0, 0.0], [0.0, 1.0]]},
    ],
)
def test_what_is_no_square_of_two_or_more_is_not_drawn(alike: dict[str, list[object]] | None) -> None:
    assert not usable(alike) and square(alike, "How alike") is None


def test_what_is_missing_is_a_dash() -> None:
    drawn = square({"of": [0, 1], "cosine": [[1.0, None], [float("nan"), 1.0]]}, "How alike")
    assert drawn is not None and drawn.count(": cosine –") == 2


def test_a_picture_has_its_limit() -> None:
    n = 2 * MOST
    drawn = square({"of": list(range(n)), "cosine": [[0.5] * n] * n}, "How alike")
    assert drawn is not None and drawn.count(": cosine 0.50") == MOST * (MOST - 1)
