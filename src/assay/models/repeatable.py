"""Sums in a fixed order on a GPU too, where threads otherwise race to add: the same seed gives the same edit."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def in_fixed_order(device: torch.device | str) -> Iterator[None]:
    """Inside, work on a GPU gives the same bits each time, at the cost of slower kernels; a processor does anyway.

    What torch was set to before holds again afterwards. Forward passes need no such care: only gradients and sums
    into chosen places do.
    """
    if torch.device(device).type != "cuda":
        yield
        return
    # cuBLAS asks for it once per process, torch before every product.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    strict, lenient = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(strict, warn_only=lenient)
