"""What scoring and pages ask of an index, one feature at a time: a whole index answers it, or a digest of one."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
from jaxtyping import Float32, Float64, Int64
from numpy.typing import NDArray

from assay.errors import Mismatch
from assay.sae.index.files import About
from assay.sae.index.records import Example, Histogram, LogitEnds, Neighbour, Statistics

BINS = 40
DECILES = 10
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.99)
"""Quantiles that are shown."""


class Rows(Sequence[list[int]]):
    """All rows of text as token ids, the start token included; each is read when it is asked for."""

    def __init__(self, index: "IndexReader") -> None:
        self._index = index

    def __len__(self) -> int:
        return self._index.about.n_rows

    @overload
    def __getitem__(self, at: int) -> list[int]: ...
    @overload
    def __getitem__(self, at: slice) -> list[list[int]]: ...
    def __getitem__(self, at: int | slice) -> list[int] | list[list[int]]:
        if isinstance(at, slice):
            return [self[n] for n in range(*at.indices(len(self)))]
        ids = self._index.row_ids(range(len(self))[at])
        start = self._index.about.start
        return ids if start is None else [start, *ids]


class IndexReader(ABC):
    """Sentences, tokens and rows have the same numbers in a digest as in the index that it was made of.

    Every method that takes a feature raises Mismatch for one that does not exist.
    """

    folder: Path
    """Where what is made by its help is kept."""
    about: About
    """What the index is of."""
    arrays: Mapping[str, NDArray[Any]]
    """By name; of the text at least ``rows``, ``documents`` and ``sentences``: see ``files.py``."""

    @property
    @abstractmethod
    def key(self) -> str:
        """The name of the index itself."""

    @property
    def digest(self) -> str | None:
        """The name of the digest that is read; None of a whole index."""
        return None

    @abstractmethod
    def statistics(self, feature: int) -> Statistics:
        """How often and how strongly it fires."""

    @abstractmethod
    def histogram(self, feature: int) -> Histogram:
        """Its activations where it fires, in BINS linear bins from 0 to the largest."""

    @abstractmethod
    def quantiles(self, feature: int, shares: Sequence[float]) -> Float64[np.ndarray, " shares"]:
        """Quantiles of its activations over the tokens it fires on, interpolated; NaN for a dead feature."""

    @abstractmethod
    def top(self, feature: int, n: int) -> list[Example]:
        """The ``n`` sentences on which it fires most, by largest activation: one per row of text, near-duplicates
        left out (see ``pick.py``). Fewer where there are not so many."""

    @abstractmethod
    def deciles(self, feature: int, n: int, seed: int = 0) -> list[list[Example]]:
        """``n`` sentences of each tenth of those on which it fires, from the weakest tenth to the strongest; fewer
        where there are not so many."""

    @abstractmethod
    def nearest(self, feature: int, n: int) -> list[Neighbour] | None:
        """The features of most similar direction, the nearest first; None where that is not known."""

    @abstractmethod
    def logit_ends(self, feature: int, n: int) -> LogitEnds | None:
        """The ``n`` tokens that it promotes and suppresses most; None where that is not known."""

    @abstractmethod
    def row_ids(self, row: int) -> list[int]:
        """The token ids of a row of text, without the start token."""

    @abstractmethod
    def pieces(self, begin: int, end: int) -> list[str]:
        """The texts of the tokens from place ``begin`` to before ``end``, all of one row."""

    @property
    def rows(self) -> Rows:
        """The rows of text, as ``features.mui.ablate_features`` takes them beside ``firing``."""
        return Rows(self)

    def sentences(self, some: Sequence[int]) -> Iterator[str]:
        """The texts of some sentences by number, without white space around them."""
        return (self._text_of(sentence).strip() for sentence in some)

    def _row_of(self, places: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
        return np.searchsorted(self.arrays["rows"], places, side="right") - 1

    def _tokens_of(self, sentence: int) -> tuple[int, int]:
        begin, end = self.arrays["sentences"][sentence : sentence + 2].tolist()
        return begin, end

    def _text_of(self, sentence: int) -> str:
        return "".join(self.pieces(*self._tokens_of(sentence)))

    def _example(
        self, sentence: int, row: int, begin: int, activations: Float32[np.ndarray, " tokens"]
    ) -> Example:
        """The tokens from ``begin`` on, with the activation on each."""
        position = begin - int(self.arrays["rows"][row]) + self.about.lead
        return Example(
            sentence, row, position, tuple(self.pieces(begin, begin + len(activations))), activations
        )

    def _check_feature(self, feature: int) -> int:
        if not 0 <= feature < self.about.d_sae:
            raise Mismatch(
                f"feature {feature} of the SAE {self.about.sae_id}",
                f"a feature from 0 to {self.about.d_sae - 1}",
                "choose a number in that range",
            )
        return feature
