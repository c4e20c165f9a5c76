"""What a metric is, and what metrics are computed from: one case's readings before or after an edit."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.datasets.case import Case, Prompt, Test

Scores = dict[str, float | None]
"""Metric id to one case's value, the mean within the case; None when the case has nothing to score."""


@dataclass(frozen=True)
class Seen:
    """One prompt's answers, teacher-forced."""

    purpose: str
    """A key of ``assay.datasets.case.PURPOSES``."""
    nll: tuple[float, ...]
    """Mean over an answer's tokens of -log p, nats; one per answer."""
    argmax: tuple[tuple[bool, ...], ...]
    """Whether each token of each answer was the most probable one."""


@dataclass(frozen=True)
class Outcome:
    """One test on free text."""

    purpose: str
    passed: bool | None
    """None when the unedited model failed the test's conditions: then it is not counted."""


@dataclass(frozen=True)
class Metric:
    """One figure of a table."""

    id: str
    title: str
    """What it says, in a few words."""
    source: str
    """Paper and section that define it."""
    needs: str | None = None
    """Counted only over cases in which this metric is 1 after the edit."""
    harmonic: tuple[str, ...] = ()
    """The harmonic mean of these metrics' means over cases, not a mean of its own."""
    compared: bool = False
    """Whether the thirteen benchmarks are set beside it, case by case."""

    def of(self, line: Mapping[str, Any]) -> float | None:
        """A case's value after the edit, from its line; None when there is none or it does not count."""
        value: float | None = line["after"][self.id]
        return None if self.needs and line["after"][self.needs] != 1 else value


@dataclass(frozen=True)
class Evaluation:
    """How one data set is asked and scored."""

    metrics: tuple[Metric, ...]
    prompts: Callable[[Case], tuple[Prompt, ...]]
    """What is asked teacher-forced."""
    tests: Callable[[Case], tuple[Test, ...]]
    """What is asked in free text."""
    tokens: int
    """Length of a free continuation, tokens."""
    score: Callable[[Sequence[Seen], Sequence[Outcome]], Scores]
    """One case's metrics, before or after the edit."""


def mean(values: Iterable[float]) -> float | None:
    """The mean; None of nothing."""
    known = list(values)
    return sum(known) / len(known) if known else None


def share(outcomes: Sequence[Outcome], purpose: str) -> float | None:
    """Share of the counted tests of one purpose that passed; None when none was counted."""
    return mean(o.passed for o in outcomes if o.purpose == purpose and o.passed is not None)


def token_accuracy(seen: Sequence[Seen], purpose: str) -> float | None:
    """Share of the first answer's tokens that are the argmax, mean over prompts."""
    return mean(sum(s.argmax[0]) / len(s.argmax[0]) for s in seen if s.purpose == purpose)


def exact(seen: Sequence[Seen], purpose: str, answer: int = 0) -> float | None:
    """Share of prompts after which every token of an answer is the argmax: greedy decoding would say it."""
    return mean(all(s.argmax[answer]) for s in seen if s.purpose == purpose)
