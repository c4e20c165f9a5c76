"""What a language model is asked for: one question per purpose, and how many of each axis are wanted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from assay.generators.catalogue.positive import VALIDATION_SHARE

FACT = "fact"
"""The purpose that is asked about first: the others are told its answer."""

SHOTS = 2
"""Worked examples before a question."""

OPENINGS = 5
NEUTRAL = 24
"""Neutral prompts of a plan."""

Count = Callable[["Wanted"], int]


@dataclass(frozen=True)
class Wanted:
    """How large a plan is to be."""

    n: int
    """Probes per benchmark."""
    edits: int
    """Further edits."""

    @property
    def half(self) -> int:
        """A half of the probes, rounded up."""
        return -(-self.n // 2)

    @property
    def third(self) -> int:
        """A third of the probes, rounded up."""
        return -(-self.n // 3)


@dataclass(frozen=True)
class Purpose:
    """One question to the model."""

    id: str
    """Name of its prompt file and of the form of its answer."""
    title: str
    """For people who watch."""
    wants: Mapping[str, Count]
    """Axis to how many of it a plan takes."""


PURPOSES: tuple[Purpose, ...] = (
    Purpose(
        "wording",
        "the fact in other words",
        {
            "direct": lambda w: w.half,
            "paraphrase": lambda w: VALIDATION_SHARE + w.half + w.n,
            "surface": lambda w: w.n,
        },
    ),
    Purpose(
        "reach",
        "sentences that imply it",
        {"implied": lambda w: w.third, "context": lambda w: w.third, "indirect": lambda w: w.third},
    ),
    Purpose(
        "transfer",
        "other structures and names",
        {"template": lambda w: w.third, "alias": lambda w: w.third, "compositional": lambda w: w.third},
    ),
    Purpose(
        "premise",
        "what follows from it",
        {"multi_hop": lambda w: w.half, "inverse": lambda w: min(2, w.n), "alternate": lambda w: w.third},
    ),
    Purpose("question", "questions", {"question": lambda w: w.half, "examples": lambda w: 2 * SHOTS}),
    Purpose("subject", "other facts of the subject", {"same_subject": lambda w: w.n}),
    Purpose(
        "elsewhere", "facts of other subjects", {"unrelated": lambda w: w.n, "cross_domain": lambda w: w.n}
    ),
    Purpose("further", "further edits", {"edits": lambda w: w.edits}),
    Purpose(
        "prose",
        "openings and neutral prompts",
        {"openings": lambda w: OPENINGS, "neutral": lambda w: NEUTRAL},
    ),
)
"""In the order in which a plan counts them."""


def ask_for(missing: int) -> int:
    """How many to ask for where so many are missing: some will not pass the audit."""
    return missing + max(2, missing // 3) if missing else 0
