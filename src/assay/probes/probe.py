"""A probe: one prompt, the text whose probability is asked for, and what it is for."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Probe:
    """One question put to a model before and after an edit."""

    prompt: str
    """Text up to, but without, the answer. No trailing space."""
    target: str
    """The text whose probability is measured, without a leading space."""
    is_positive: bool = True
    """Whether a good edit should make ``target`` likely here."""
    axis: str | None = None
    """Sub-axis of its benchmark (``direct``, ``alias``, ``surface``, ...), one of generators.plan.AXES."""
    expected: str | None = None
    """The answer the unedited model should give, if known: the old object for a probe of the edited
    fact, the true answer for a probe of another fact."""
    source: str = "user"
    """Where it came from: generator, relation and template, for whoever inspects it."""

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dict; ``Probe(**d)`` is its inverse."""
        return asdict(self)
