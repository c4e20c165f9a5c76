"""The words, symbols and number formats that every rendering shares.

A verdict is always a word and a symbol; a colour may be added, and is never the only sign.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

NONE = "–"
"""Shown where there is no number: never 0."""


@dataclass(frozen=True)
class Word:
    """One state, in every form it is shown in."""

    word: str
    symbol: str
    tone: str
    """good | bad | unsure | none: the page's class."""
    style: str
    """The terminal's style."""


VERDICTS: Mapping[str, Word] = {
    "high": Word("pass", "✓", "good", "bold green"),
    "low": Word("fail", "✗", "bad", "bold red"),
    "uncertain": Word("uncertain", "≈", "unsure", "bold yellow"),
    "unscored": Word("not scored", "∅", "none", "dim"),
    "missing": Word("not run", "○", "none", "dim"),
}
"""``Score.verdict``, and ``missing`` for a benchmark that has not run."""

TO_COME = Word("to come", "…", "none", "dim")
"""In place of ``missing`` while the run goes on: its turn has not come yet."""

LEVELS: Mapping[str, str] = {"high": "high", "low": "low"}
"""A feature's score does not pass or fail: it is high or low."""

STATUSES: Mapping[str, Word] = {
    "committed": Word("committed", "✓", "good", "bold green"),
    "rolled_back": Word("rolled back", "↩", "bad", "bold red"),
    "interrupted": Word("interrupted", "‖", "unsure", "bold yellow"),
    "running": Word("still running", "…", "unsure", "bold yellow"),
    "failed": Word("failed", "✗", "bad", "bold red"),
    "queued": Word("waiting", "…", "none", "dim"),
    "done": Word("done", "✓", "good", "bold green"),
}
"""The run's ``status``."""

UNKNOWN = Word("unknown", "?", "none", "dim")
"""A status that this version has no word for."""

WHY: Mapping[str, str] = {
    "default": "this model's own default layer",
    "trace": "ranked by the causal trace",
    "asked": "the layer that was asked for",
    "fallback": "a sixth of the way up, for want of a sweep or a trace",
}
"""``candidate.why`` in words."""

AT_MOST = frozenset({"lower", "at_most", "max", "below", "<="})
"""Directions in which a smaller figure is better."""


def level_word(verdict: str) -> Word:
    """The verdict on a feature's score."""
    shared = VERDICTS.get(verdict, VERDICTS["missing"])
    return Word(LEVELS.get(verdict, shared.word), shared.symbol, shared.tone, shared.style)


def number(value: Any, digits: int = 2) -> str:
    """A figure for people; a dash for None and for what is not finite."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, int | float) or not isfinite(value):
        return NONE
    if isinstance(value, int):
        return f"{value:,}"
    if value != 0 and abs(value) < 0.5 * 10**-digits:
        return f"{value:.0e}"  # 0.00 would say "none", which is another claim
    return f"{value:,.{digits}f}" if abs(value) < 1e6 else f"{value:.2e}"


def probability(value: Any) -> str:
    """A probability: two digits, or ``<0.01`` where two digits would say 0."""
    if isinstance(value, int | float) and 0 < value < 0.005:
        return "<0.01"
    return number(float(value)) if isinstance(value, int | float) else NONE


def signed(value: float, digits: int = 2) -> str:
    """A difference with its sign; without one where nothing but zeros would be shown."""
    shown = f"{value:+.{digits}f}"
    return shown.replace("-", "−") if float(shown) else shown[1:]


def difference(row: Mapping[str, Any]) -> tuple[str, str]:
    """The difference between two runs' scores, and what it means, of a row that ``runs.compare`` gave.

    One that is shown as 0.00 is called the same, however it came about: no figure on the page says otherwise.
    """
    delta, change = row["delta"], str(row["change"])
    if delta is None:
        return NONE, change
    shown = signed(delta)
    return shown, change if float(shown.replace("−", "-")) else "same"


def interval(pair: Sequence[float] | None) -> str:
    """``0.31–0.66``, or a dash."""
    return f"{number(float(pair[0]))}–{number(float(pair[1]))}" if pair else NONE


def limit_sign(direction: Any) -> str:
    """The sign between a figure and its threshold."""
    return "≤" if direction in AT_MOST else "≥"


def seconds(value: Any) -> str:
    """A duration: ``0.4 s``, ``38 s``, ``3 min 20 s``."""
    if not isinstance(value, int | float) or not isfinite(value):
        return NONE
    if value < 10:
        return f"{value:.1f} s"
    whole = round(value)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"
