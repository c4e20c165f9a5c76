"""Batches cost as little as they can."""

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.models import batches
from assay.models.batches import TOKENS_TO_START, cheapest_batches


def cost(lengths: list[int], pieces: list[slice]) -> int:
    return sum(max(lengths[p]) * len(lengths[p]) + TOKENS_TO_START for p in pieces)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=9).map(sorted), st.integers(40, 200))
def test_no_other_cut_is_cheaper(lengths: list[int], limit: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "TOKENS_PER_BATCH", limit)
        found = cheapest_batches(lengths)
    assert [n for p in found for n in lengths[p]] == lengths
    assert all(max(lengths[p]) * len(lengths[p]) <= limit or len(lengths[p]) == 1 for p in found)
    inner = range(1, len(lengths))
    ends = [[0, *cuts, len(lengths)] for n in range(len(lengths)) for cuts in combinations(inner, n)]
    every = [[slice(a, b) for a, b in pairwise(some)] for some in ends]
    allowed = [
        pieces
        for pieces in every
        if all(max(lengths[p]) * len(lengths[p]) <= limit or len(lengths[p]) == 1 for p in pieces)
    ]
    assert cost(lengths, found) == min(cost(lengths, pieces) for pieces in allowed)


def test_nothing_to_cut() -> None:
    assert cheapest_batches([]) == []
