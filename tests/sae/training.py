"""Small things that tests of training share: planted dictionaries, tiny settings, activations in memory."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from assay.sae.activations import Activations
from assay.settings import SaeSettings

SMALL = SaeSettings(features=64, k=4, batch=256, passes=4, dead_window=2_000, bf16=False)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As many threads as OMP_THREAD_LIMIT surely allows: see ``assay.sae.threads``."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def small(**changes: Any) -> SaeSettings:
    return replace(SMALL, **changes)


def activations(x: Tensor, key: str = "key") -> Activations:
    """Vectors as if a model had made them, in two shards."""
    half = len(x) // 2
    return Activations((x[:half], x[half:]), torch.zeros(len(x), dtype=torch.int32), key, 1, "m", "c", 16)


def directions(count: int, d: int, seed: int = 0) -> Tensor:
    """Unit rows."""
    rows = torch.randn(count, d, generator=torch.Generator().manual_seed(seed))
    return rows / rows.norm(dim=-1, keepdim=True)


def planted(truth: Tensor, n: int, active: int = 3, seed: int = 1) -> Tensor:
    """Each vector is a sum of ``active`` of the true directions with weights in [1, 2], off the origin."""
    generator = torch.Generator().manual_seed(seed)
    which = torch.rand(n, len(truth), generator=generator).argsort(-1)[:, :active]
    weight = 1 + torch.rand(n, active, generator=generator)
    return (truth[which] * weight[..., None]).sum(1) * 7 + 3
