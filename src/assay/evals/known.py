"""Which cases to run: a fact that the model never knew cannot be unlearnt, and says little about an edit."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from assay.datasets.case import Case, Rewrite
from assay.events import Emit, ignore
from assay.models.model import Model
from assay.probes.measure import Answer, Question, ask

CASES_PER_BATCH = 64


@dataclass(frozen=True)
class Rule:
    """When the unedited model counts as knowing a fact."""

    says: str
    """In words, for the result."""
    holds: Callable[[Answer, Answer], bool]
    """From the true object's answer and the new one's."""


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "argmax": Rule(
            "every token of the true object is the argmax (greedy decoding says it)",
            lambda true, new: true.argmax_all,
        ),
        "likelier": Rule(
            "the true object's first token has rank 1 and P(true) > P(new)",
            lambda true, new: true.rank == 1 and true.logp > new.logp,
        ),
    }
)
"""Name to rule; ``argmax`` is the default."""


@dataclass(frozen=True)
class Selection:
    """The cases to run, and what became of the others."""

    cases: tuple[Case, ...]
    unknown: int
    """Cases that were asked about and left out."""
    not_asked: int
    """Cases after the limit was reached."""


def select(
    model: Model, cases: Sequence[Case], rule: str | None, limit: int | None, emit: Emit = ignore
) -> Selection:
    """The first ``limit`` cases (None: all) whose every true object the unedited model knows.

    ``rule`` is a key of RULES, or None to take all. A fact without a true object counts as known.
    """
    enough = len(cases) if limit is None else limit
    if rule is None:
        return Selection(tuple(cases[:enough]), 0, max(0, len(cases) - enough))
    chosen: list[Case] = []
    asked = 0
    for at in range(0, len(cases), CASES_PER_BATCH):
        batch = cases[at : at + CASES_PER_BATCH]
        for case, known in zip(batch, _known(model, batch, RULES[rule]), strict=True):
            if len(chosen) == enough:
                break
            asked += 1
            if known:
                chosen.append(case)
        title = f"known facts: {len(chosen)} of {asked}"
        emit("stage_progress", {"stage": "known", "title": title, "done": asked, "total": len(cases)})
        if len(chosen) == enough:
            break
    return Selection(tuple(chosen), asked - len(chosen), len(cases) - asked)


def _known(model: Model, cases: Sequence[Case], rule: Rule) -> list[bool]:
    facts = [(i, fact) for i, case in enumerate(cases) for fact in case.rewrites if fact.target_true]
    readings = ask(model, [_question(fact) for _, fact in facts])
    known = [True] * len(cases)
    for (i, _), reading in zip(facts, readings, strict=True):
        known[i] &= rule.holds(reading.answers[0], reading.answers[1])
    return known


def _question(fact: Rewrite) -> Question:
    return Question(fact.prompt, (fact.target_true or "", fact.target_new))
