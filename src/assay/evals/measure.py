"""One case from beginning to end: ask, edit, ask again, restore."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.datasets.case import Case, Prompt, Test
from assay.edits.delta import Edit
from assay.edits.key_value import KeyValue
from assay.evals.asking import counted, outcomes, prepare_prompts, say, see, texts_of
from assay.evals.editing import Means, edit_of, requests_of, values_of
from assay.evals.metric import Evaluation, Outcome, Seen
from assay.models.model import Model

Cell = tuple[int, str]
"""Layer and variant."""


@dataclass(frozen=True)
class Optimised:
    """One case's facts at one layer, optimised together with those of other cases."""

    values: tuple[KeyValue, ...]
    seconds: float
    """This case's part of the time."""


def optimise_cases(model: Model, cases: Sequence[Case], layer: int, means: Means) -> dict[str, Optimised]:
    """Case id to its keys and values; all facts share the steps of one optimisation."""
    began = time.perf_counter()
    requests = [requests_of(case) for case in cases]
    values = iter(values_of(model, [r for own in requests for r in own], layer, means))
    split = [tuple(next(values) for _ in own) for own in requests]
    share = (time.perf_counter() - began) / len(cases)
    return {case.id: Optimised(own, share) for case, own in zip(cases, split, strict=True)}


def measure_case(
    model: Model,
    case: Case,
    evaluation: Evaluation,
    cells: Mapping[Cell, Optimised],
    means: Means,
    floor: int,
) -> Iterator[tuple[Cell, dict[str, Any]]]:
    """Each cell's line of one case, for the case file; the weights are the unedited ones after each.

    ``floor`` is the lowest layer that the whole run edits: what lies below is run once for all cells.
    """
    began = time.perf_counter()
    prompts, tests = evaluation.prompts(case), evaluation.tests(case)
    prepared = prepare_prompts(model, prompts, floor)
    before = see(model, prompts, prepared)
    said = say(model, [t for test in tests for t in texts_of(test.conditions)], evaluation.tokens)
    counts = counted(tests, said)
    asked = [t for test, yes in zip(tests, counts, strict=True) if yes for t in texts_of(test.queries)]
    said |= say(model, [text for text in asked if text not in said], evaluation.tokens)
    told = outcomes(tests, counts, said)
    shared = time.perf_counter() - began

    for (layer, variant), made in cells.items():
        began = time.perf_counter()
        edit = edit_of(model, requests_of(case), made.values, variant, means)
        with edit.applied(model):
            after = see(model, prompts, prepared)
            answered = say(model, asked, evaluation.tokens)
        ended = outcomes(tests, counts, answered)
        yield (
            (layer, variant),
            {
                **_about(case, edit),
                "before": evaluation.score(before, told),
                "after": evaluation.score(after, ended),
                "prompts": _prompts(prompts, before, after),
                "tests": _tests(tests, told, ended, said, answered),
                "figures": dict(edit.figures),
                # The first two are spent once for all variants (and layers) that are run together.
                "seconds_before": shared,
                "seconds_value": made.seconds,
                "seconds_edit": time.perf_counter() - began,
            },
        )


def _about(case: Case, edit: Edit) -> dict[str, Any]:
    fact = case.first
    return {
        "case": case.id,
        "relation": fact.relation,
        "prompt": fact.prompt,
        "subject": fact.subject,
        "target_new": fact.target_new,
        "target_true": fact.target_true,
        "edits": len(case.rewrites),
        "layer": edit.layer,
        "method": edit.method,
        "variant": edit.variant,
    }


def _prompts(
    prompts: Sequence[Prompt], before: Sequence[Seen], after: Sequence[Seen]
) -> list[dict[str, Any]]:
    return [
        {
            "purpose": prompt.purpose,
            "text": prompt.text,
            "answers": prompt.answers,
            "before": {"nll": old.nll, "argmax": old.argmax},
            "after": {"nll": new.nll, "argmax": new.argmax},
        }
        for prompt, old, new in zip(prompts, before, after, strict=True)
    ]


def _tests(
    tests: Sequence[Test],
    before: Sequence[Outcome],
    after: Sequence[Outcome],
    said: Mapping[str, str],
    answered: Mapping[str, str],
) -> list[dict[str, Any]]:
    """The tests with their texts; a test that is not counted has nulls."""
    return [
        {
            "purpose": test.purpose,
            "before": old.passed,
            "after": new.passed,
            "queries": [
                {
                    "text": query.text,
                    "accepted": query.accepted,
                    "match": query.match,
                    "before": said.get(query.text),
                    "after": answered.get(query.text),
                }
                for query in test.queries
            ],
        }
        for test, old, new in zip(tests, before, after, strict=True)
    ]
