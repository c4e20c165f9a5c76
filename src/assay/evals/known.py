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
    neighbours: bool = False
    """Whether it must hold on the neighbouring prompts, too."""


def per_token(answer: Answer) -> float:
    """Mean log-probability per token, nats: what CounterFact's metrics compare."""
    return answer.logp / len(answer.logps)


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "argmax": Rule(
            "every token of the true object is the argmax (greedy decoding says it)",
            lambda true, new: true.argmax_all,
        ),
        "preferred": Rule(
            "per token, the true object is likelier than the new one, on the prompt and on every neighbour",
            lambda true, new: per_token(true) > per_token(new),
            neighbours=True,
        ),
    }
)
"""Name to rule. ``argmax`` is strict; ``preferred`` is when the data set's own metrics are right before the
edit, so that what they lose after it is the edit's doing."""


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
    if rule.neighbours:
        near = [
            (i, p)
            for i, case in enumerate(cases)
            if known[i]
            for p in case.prompts
            if p.purpose == "neighborhood"
        ]
        readings = ask(model, [Question(p.text, p.answers) for _, p in near])
        for (i, _), reading in zip(near, readings, strict=True):
            new, true = reading.answers
            known[i] &= rule.holds(true, new)
    return known


def _question(fact: Rewrite) -> Question:
    return Question(fact.prompt, (fact.target_true or "", fact.target_new))
