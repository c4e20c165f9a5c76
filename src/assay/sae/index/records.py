"""What an index answers with."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Float64, Int, Int64

from assay.sae.evaluate import DENSE


@dataclass(frozen=True)
class Statistics:
    """How often and how strongly one feature fires."""

    feature: int
    density: float
    """Share of the tokens it fires on."""
    n_tokens: int
    """Tokens it fires on."""
    max: float
    """Largest activation; 0 for a dead feature."""
    mean: float | None
    """Mean activation over the tokens it fires on; None for a dead feature."""

    @property
    def dead(self) -> bool:
        """Whether it fires on no token of the corpus."""
        return self.n_tokens == 0

    @property
    def dense(self) -> bool:
        """Whether it fires on more than a tenth of the tokens."""
        return self.density > DENSE


@dataclass(frozen=True, eq=False)
class Postings:
    """The tokens on which one feature fires."""

    places: Int64[np.ndarray, " n"]
    """Numbers of the tokens in the index, ascending; start tokens are not counted."""
    values: Float32[np.ndarray, " n"]
    """Activations there."""


@dataclass(frozen=True, eq=False)
class Firing:
    """Token positions at which one feature fires."""

    rows: Int[np.ndarray, " n"]
    """Which token row; a row stands for one document."""
    positions: Int[np.ndarray, " n"]
    """Position of the token in its row, the start token being 0; leave that one out."""
    activations: Float[np.ndarray, " n"]
    """The feature's activation there, in the SAE's own unit."""


@dataclass(frozen=True, eq=False)
class Peaks:
    """The sentences in which one feature fires."""

    sentences: Int64[np.ndarray, " n"]
    """Numbers of the sentences in the index."""
    values: Float32[np.ndarray, " n"]
    """Largest activation in each."""


@dataclass(frozen=True, eq=False)
class RowPeaks:
    """The rows of text in which one feature fires."""

    rows: Int64[np.ndarray, " n"]
    """Numbers of the rows in the index."""
    values: Float32[np.ndarray, " n"]
    """Largest activation in each."""


@dataclass(frozen=True, eq=False)
class Histogram:
    """Activations of one feature where it fires, in bins of equal width from 0 to its largest."""

    edges: Float64[np.ndarray, " bins_and_one"]
    counts: Int64[np.ndarray, " bins"]
    """Tokens in each bin; the upper edge belongs to the bin above, that of the last bin to the last."""


@dataclass(frozen=True)
class Neighbour:
    """A feature of similar direction."""

    feature: int
    cosine: float
    """Of the decoder rows."""


@dataclass(frozen=True)
class TokenLogit:
    """A token that a feature promotes or suppresses."""

    id: int
    token: str
    """Its text."""
    logit: float
    """Per unit of activation, over the mean of all tokens."""


@dataclass(frozen=True)
class LogitEnds:
    """The tokens at both ends of a feature's logit weights, the outermost first."""

    promoted: tuple[TokenLogit, ...]
    suppressed: tuple[TokenLogit, ...]


@dataclass(frozen=True, eq=False)
class Example:
    """One sentence with a feature's activation on each of its tokens."""

    sentence: int
    """Its number in the index."""
    row: int
    """The row of text that it stands in."""
    position: int
    """Position of its first token in that row, the start token being 0."""
    tokens: tuple[str, ...]
    """The text of each token; together they are the sentence, white space in front included."""
    activations: Float32[np.ndarray, " tokens"]
    """0 where the feature is silent."""

    @property
    def text(self) -> str:
        """The sentence, without white space around it."""
        return "".join(self.tokens).strip()

    @property
    def peak(self) -> int:
        """The token with the largest activation, the first of equals."""
        return int(self.activations.argmax())

    @property
    def value(self) -> float:
        """The largest activation."""
        return float(self.activations.max())
