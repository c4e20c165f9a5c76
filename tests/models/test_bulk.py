"""Bulk work runs in bfloat16 only where that is not far slower than float32."""

from time import perf_counter

import pytest
import torch

from assay.models import bulk
from assay.models.bulk import bulk_dtype


@pytest.mark.parametrize(("quick", "chosen"), [(True, torch.bfloat16), (False, torch.float32)])
def test_it_is_what_the_processor_is_quick_in(
    monkeypatch: pytest.MonkeyPatch, quick: bool, chosen: torch.dtype
) -> None:
    monkeypatch.setattr(bulk, "_processor_is_quick", lambda: quick)
    assert bulk_dtype("cpu") is chosen


def test_a_torch_without_onednn_stays_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert bulk_dtype("cpu") is torch.float32


def test_it_pays_on_this_machine() -> None:
    """A layer's product as in training, in turns so that a busy machine slows both: the other dtype is not far
    quicker. Where it is wrong, it is so by a factor of ten and more."""
    times: dict[torch.dtype, list[float]] = {torch.bfloat16: [], torch.float32: []}
    for _ in range(4):
        for dtype, found in times.items():
            left, right = torch.ones(512, 576, dtype=dtype), torch.ones(576, 1536, dtype=dtype)
            began = perf_counter()
            _ = left @ right
            found.append(perf_counter() - began)
    quickest = {dtype: min(found) for dtype, found in times.items()}
    chosen = bulk_dtype("cpu")
    assert quickest.pop(chosen) < 5 * min(quickest.values())
