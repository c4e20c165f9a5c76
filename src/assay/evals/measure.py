"""One case from beginning to end: ask, edit, ask again, restore; and the thirteen benchmarks where wanted."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.corpus.sources import corpus
from assay.datasets.case import Case, Prompt, Test
from assay.edits.contexts import sample_contexts
from assay.edits.delta import Edit
from assay.edits.key_value import KeyValue
from assay.edits.moments import second_moments
from assay.evals.asking import counted, outcomes, prepare_prompts, say, see, texts_of
from assay.evals.editing import Means, edit_of, requests_of, values_of
from assay.evals.metric import Evaluation, Outcome, Seen
from assay.evals.scoring import maker_of, probed, scores_of
from assay.evals.table import EVALUATIONS
from assay.generators.plan import Generator
from assay.models.load import load
from assay.models.model import Model
from assay.settings import Settings

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
    maker: Generator | None = None,
) -> Iterator[tuple[Cell, dict[str, Any]]]:
    """Each cell's line of one case, for the case file; the weights are the unedited ones after each.

    ``floor`` is the lowest layer that the whole run edits: what lies below is run once for all cells.
    ``maker`` makes the probes of the thirteen benchmarks; None: they are not run.
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
    probes = probed(case, maker, means) if maker else None

    for (layer, variant), made in cells.items():
        began = time.perf_counter()
        edit = edit_of(model, requests_of(case), made.values, variant, means)
        with edit.applied(model):
            after = see(model, prompts, prepared)
            answered = say(model, asked, evaluation.tokens)
        ended = outcomes(tests, counts, answered)
        seconds = time.perf_counter() - began
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
                "seconds_edit": seconds,
                **(scores_of(model, edit, probes, means) if maker else {}),
            },
        )


@dataclass(frozen=True)
class Tools:
    """What a worker keeps between groups of cases."""

    model: Model
    evaluation: Evaluation
    means: Means
    maker: Generator | None = None
    """Makes the probes of the benchmarks; None: they are not run."""


@dataclass(frozen=True)
class ToolsOf:
    """How a worker process gets its tools; a plain record, so that it can be sent there."""

    model: str
    cache: Path
    corpus: str
    layers: tuple[int, ...]
    settings: Settings
    seed: int
    format: str
    benchmarks: bool = False
    """Whether the thirteen benchmarks are run."""

    def __call__(self) -> Tools:
        """Load the model; second moments come from the cache."""
        model = load(self.model, self.cache)
        moments = second_moments(
            model, corpus(self.corpus), self.cache, layers=self.layers, settings=self.settings.moments
        )
        contexts = sample_contexts(model, self.seed, self.settings.edit)
        means = Means(moments, contexts, self.settings, self.seed)
        return Tools(model, EVALUATIONS[self.format], means, maker_of(self.benchmarks))


@dataclass(frozen=True)
class Group:
    """Cases whose values are optimised together, and what is missing of each."""

    cases: tuple[Case, ...]
    missing: Mapping[str, tuple[Cell, ...]]
    """Case id to the cells that are not finished."""
    floor: int


def measure_group(tools: Tools, group: Group) -> list[tuple[str, Cell, dict[str, Any]]]:
    """(case id, cell, line) of everything that is missing; all cases of the group are optimised in any case,
    so that a run that was killed ends with the same numbers."""
    model, means = tools.model, tools.means
    layers = dict.fromkeys(layer for cells in group.missing.values() for layer, _ in cells)
    values = {layer: optimise_cases(model, group.cases, layer, means) for layer in layers}
    out = []
    for case in group.cases:
        cells = {(layer, v): values[layer][case.id] for layer, v in group.missing[case.id]}
        if cells:
            lines = measure_case(model, case, tools.evaluation, cells, means, group.floor, tools.maker)
            out += [(case.id, cell, line) for cell, line in lines]
    return out


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
