"""One figure of speed: what it is, how it is measured, and what came out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ground import Ground


@dataclass(frozen=True)
class Figure:
    """A row of the table. Functions go by ``module.function``, so that listing the table imports none of them, and one
    that cannot be imported fails alone."""

    id: str
    row: str | None
    """How the row of the README's section "Speed" begins that quotes it; None for one that is not quoted there."""
    words: str
    """What it is; beside others in a row of the README, which of them."""
    part: str
    """Measures what can be had in less than a minute."""
    whole: str = ""
    """Measures all of it; empty where the part is all of it."""

    @property
    def title(self) -> str:
        """What a reader of the table sees."""
        return ", ".join(filter(None, (self.row, self.words)))

    def measure(self, ground: "Ground", whole: bool) -> "Found":
        """Measure it; raises whatever the program does."""
        module, name = ((whole and self.whole) or self.part).split(".")
        measure: Callable[[Ground], Found] = getattr(import_module(module), name)
        return measure(ground)


@dataclass(frozen=True)
class Found:
    """What came out."""

    figure: float
    """Of the whole, in ``unit``."""
    raw: Mapping[str, Any] = field(default_factory=dict)
    """The numbers that it was made of."""
    unit: str = "s"
    """``s``, or ``times`` for how often as fast one way is as another."""
    share: float = 1.0
    """How much of the whole's work was measured."""
    part: str = ""
    """What was measured and how the whole was reckoned from it; empty where the whole was measured."""

    def shown(self) -> str:
        """The figure for people."""
        return f"{self.figure:.3g} times" if self.unit == "times" else duration(self.figure)

    def measured(self) -> str:
        """How much of the whole was measured, for people."""
        return f"part {100 * self.share:.2g}%" if self.part else "whole"


def duration(seconds: float) -> str:
    """As the README writes it: ``0.09 s``, ``8.2 s``, ``57 s``, ``13 min 21 s``."""
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
