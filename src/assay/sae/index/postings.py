"""From codes token by token to codes feature by feature: one counting sort that needs little memory.

The codes come in parts that are read again for every block of features, so what is held is one part and one
block, however many codes there are.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Float32, Float64, Int32, Int64, UInt, UInt32

BLOCK = 1 << 26
"""Codes of the features that are sorted at a time: 400 MB. A feature with more is a block of its own."""
LARGEST = float(np.finfo(np.float16).max)
SMALLEST = np.finfo(np.float16).smallest_subnormal


class Part(NamedTuple):
    """The codes of consecutive tokens, ordered by token."""

    fired: Int32[np.ndarray, " tokens"]
    """How many features fired on each token."""
    feature: UInt[np.ndarray, " nnz"]
    value: Float[np.ndarray, " nnz"]
    """Activations, all above 0."""


@dataclass(frozen=True, eq=False)
class Tally:
    """Sums over all codes of each feature."""

    count: Int64[np.ndarray, " d_sae"]
    """Tokens it fired on."""
    total: Float64[np.ndarray, " d_sae"]
    """Sum of its activations."""
    largest: Float32[np.ndarray, " d_sae"]
    """Largest activation; 0 for a feature that never fires."""
    dtype: np.dtype[Any]
    """float16, or float32 when any part has it."""

    @property
    def begin(self) -> Int64[np.ndarray, " begins"]:
        """Where the codes of each feature begin once they are sorted; the last entry is their number."""
        return np.concatenate([[0], self.count.cumsum()])


def narrowed(value: Float32[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Activations in float16, where none is above what that can hold; else as they are.

    float16 keeps 11 bits. What it would round to 0 stays its smallest number: what fired has fired.
    """
    if value.max(initial=0.0) > LARGEST:
        return value
    return np.maximum(value.astype(np.float16), SMALLEST)


def tally(parts: Iterable[Part], d_sae: int) -> Tally:
    """One pass over all codes."""
    count, total = np.zeros(d_sae, np.int64), np.zeros(d_sae)
    largest = np.zeros(d_sae, np.float32)
    dtype: np.dtype[Any] = np.dtype(np.float16)
    for part in parts:
        dtype = np.promote_types(dtype, part.value.dtype)
        feature, value = part.feature.astype(np.intp), part.value.astype(np.float32)
        count += np.bincount(feature, minlength=d_sae)
        total += np.bincount(feature, value, minlength=d_sae)
        np.maximum.at(largest, feature, value)
    return Tally(count, total, largest, dtype)


def feature_major(
    parts: Callable[[], Iterable[Part]],
    begin: Int64[np.ndarray, " begins"],
    dtype: np.dtype[Any],
    block: int = BLOCK,
) -> Iterator[tuple[UInt32[np.ndarray, " n"], Float[np.ndarray, " n"]]]:
    """(places, values) of block after block of features, each feature's ordered by place.

    A place is the number of a token over all parts. ``begin`` is that of the codes' Tally, ``parts`` gives them
    from the start each time it is called.
    """
    for low, high in _blocks(begin, block):
        size = int(begin[high] - begin[low])
        places, values = np.empty(size, np.uint32), np.empty(size, dtype)
        free = begin[low:high] - begin[low]  # the next place of each feature
        first = 0
        for part in parts():
            place = np.repeat(np.arange(first, first + len(part.fired), dtype=np.uint32), part.fired)
            first += len(part.fired)
            mine = (part.feature >= low) & (part.feature < high)
            feature = part.feature[mine]
            order = np.argsort(feature, kind="stable")  # for 2-byte numbers this is a counting sort
            feature = feature[order].astype(np.intp) - low
            count = np.bincount(feature, minlength=high - low)
            # A feature's codes of this part follow each other: its next place, and one on for each.
            target = np.arange(len(order)) + (free - (count.cumsum() - count))[feature]
            places[target], values[target] = place[mine][order], part.value[mine][order]
            free += count
        yield places, values


def _blocks(begin: Int64[np.ndarray, " begins"], block: int) -> Iterator[tuple[int, int]]:
    """First and last-but-one feature of each block: as many as have ``block`` codes together, at least one."""
    low, d_sae = 0, len(begin) - 1
    while low < d_sae:
        most = int(np.searchsorted(begin, begin[low] + block, side="right")) - 1
        high = min(max(most, low + 1), d_sae)
        yield low, high
        low = high
