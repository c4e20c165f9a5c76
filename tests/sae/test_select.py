"""The batch's n largest activations: the same as a full sort gives, whatever the guess."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from assay.sae import select
from assay.sae.select import batch_topk

NONE = torch.zeros(0, dtype=torch.int64)


def by_sorting(x: Tensor, w: Tensor, b: Tensor, n: int) -> Tensor:
    """Flat places of the n largest positive activations; equal ones in order of place."""
    pre = torch.addmm(b, x, w.T).relu().flatten().float()
    order = torch.sort(pre, descending=True, stable=True).indices[:n]
    return order[pre[order] > 0].sort().values


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    rows=st.integers(1, 40),
    features=st.integers(1, 70),
    share=st.floats(0.0, 1.2),
    guess=st.one_of(st.none(), st.floats(0, 50)),
    dtype=st.sampled_from([torch.float32, torch.bfloat16]),
)
def test_equals_a_full_sort(
    seed: int, rows: int, features: int, share: float, guess: float | None, dtype: torch.dtype
) -> None:
    generator = torch.Generator().manual_seed(seed)
    x, w, b = (
        torch.randn(shape, generator=generator).to(dtype) for shape in ((rows, 8), (features, 8), (features,))
    )
    n = max(1, round(share * rows * features))
    found = batch_topk(x, w, b, n, guess, NONE)
    wanted = by_sorting(x, w, b, n)
    assert torch.equal(found.row * features + found.feature, wanted)
    pre = torch.addmm(b, x, w.T).flatten().float()
    assert torch.equal(found.value, pre[wanted])
    assert found.smallest == (float(pre[wanted].min()) if len(wanted) else 0.0)


def test_equal_values_are_taken_in_order_of_place() -> None:
    x, w, b = torch.ones(4, 1), torch.ones(16, 1), torch.zeros(16)
    found = batch_topk(x, w, b, 10, 1.0, NONE)
    assert torch.equal(found.row * 16 + found.feature, torch.arange(10))


def test_several_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(select, "BLOCK", 7)
    x, w, b = torch.randn(40, 8), torch.randn(24, 8), torch.zeros(24)
    watch = torch.tensor([3, 20])
    found = batch_topk(x, w, b, 100, None, watch)
    assert torch.equal(found.row * 24 + found.feature, by_sorting(x, w, b, 100))
    torch.testing.assert_close(found.watched, (x @ w.T)[:, watch])
