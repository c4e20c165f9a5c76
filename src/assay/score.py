"""One Score type for both halves of assay, and the interval that travels with it.

A number never travels alone: it carries what it was computed from, how sure it is, and what would
count as good. "Could not score" is a state with a reason, never 0.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import sqrt
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Verdict = Literal["high", "low", "uncertain", "unscored"]
Interval = tuple[float, float]
LETTERS: Mapping[Verdict, str] = {"high": "H", "low": "L", "uncertain": "U", "unscored": "-"}
"""How a verdict stands in a pattern."""


@dataclass(frozen=True)
class Score:
    """One score with everything that must travel with it."""

    id: str
    """Stable name, as in the specification's table (``edit_bench``, ``interp``, ...)."""
    value: float | None
    """In [0, 1]; None when it could not be computed (then ``reason`` says why)."""
    raw: float | None
    """The same quantity before clipping or rescaling, in its own unit."""
    interval: Interval | None
    """95% interval of ``value``; None when n is too small to have one."""
    n: int
    """How many probes, sentences or edits made ``value``."""
    n_unscored: int
    """How many were meant to but could not be used."""
    threshold: float
    """``value`` at or above this passes."""
    reason: str | None = None
    """Why ``value`` is None."""
    figures: Mapping[str, float | None] = field(default_factory=dict)
    """Named side figures (``leak``, ``snr``, ``ceiling``, ...)."""
    direction: Literal["higher"] = "higher"
    """All scores of assay are better when higher; recorded so that tables say so."""

    @property
    def passed(self) -> bool | None:
        """Whether the value reaches the threshold; None when unscored."""
        return None if self.value is None else self.value >= self.threshold

    @property
    def verdict(self) -> Verdict:
        """high / low, or uncertain when the interval straddles the threshold."""
        if self.value is None:
            return "unscored"
        if self.interval and self.interval[0] < self.threshold <= self.interval[1]:
            return "uncertain"
        return "high" if self.value >= self.threshold else "low"

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dict; ``score`` holds the value, as the command line's ``--json`` names it."""
        return {
            "id": self.id,
            "score": self.value,
            "raw": self.raw,
            "interval": list(self.interval) if self.interval else None,
            "n": self.n,
            "n_unscored": self.n_unscored,
            "threshold": self.threshold,
            "passed": self.passed,
            "verdict": self.verdict,
            "direction": self.direction,
            "reason": self.reason,
            "figures": dict(self.figures),
        }


def unscored(id: str, reason: str, threshold: float, n_unscored: int = 0) -> Score:
    """The state "could not score", with its reason."""
    return Score(id, None, None, None, 0, n_unscored, threshold, reason)


def bootstrap(
    groups: Sequence[Sequence[Any] | NDArray[Any]],
    statistic: Callable[..., float],
    seed: int,
    resamples: int = 2000,
) -> Interval | None:
    """95% percentile bootstrap interval of ``statistic(*groups)``.

    Each group is resampled with replacement on its own (probes of different kinds are never mixed).
    None when any group has fewer than two items: one observation has no spread.
    """
    if any(len(group) < 2 for group in groups):
        return None
    rng = np.random.default_rng(seed)
    arrays: list[NDArray[Any]] = [np.asarray(group) for group in groups]
    draws = [statistic(*(a[rng.integers(0, len(a), len(a))] for a in arrays)) for _ in range(resamples)]
    finite = [d for d in draws if np.isfinite(d)]
    if not finite:
        return None
    low, high = np.percentile(finite, [2.5, 97.5])
    return float(low), float(high)


def wilson(hits: int, n: int) -> Interval | None:
    """95% Wilson score interval of a share: honest at 0 of n and n of n, where resampling is not."""
    if n == 0:
        return None
    z = 1.959963984540054
    share = hits / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    # At the ends the formula is exact in theory and off by a rounding error in floating point.
    return 0.0 if hits == 0 else centre - half, 1.0 if hits == n else centre + half


@dataclass(frozen=True)
class Meaning:
    """What several scores say together: the reading of a suite, or of a feature."""

    pattern: str
    """A letter of LETTERS for each of the scores that make it."""
    sentences: tuple[str, ...]
    next_steps: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dict."""
        return {
            "pattern": self.pattern,
            "sentences": list(self.sentences),
            "next_steps": list(self.next_steps),
        }
