"""One unit of a self-check: everything that is measured of one fact.

Sound edit, planted defects, and one edit measured again with fresh probes. All of it shares what was
read of the unedited model, and every made-up edit is optimised once.
"""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from assay.benchmarks.asking import Bench, question_of
from assay.benchmarks.generation import TOP_K, likely, openings_of
from assay.benchmarks.names import NAMES
from assay.benchmarks.seen import Opening, Seen
from assay.benchmarks.stability import values_of
from assay.benchmarks.suite import run_suite
from assay.edits.delta import Edit
from assay.edits.side_by_side import Stack, side_by_side
from assay.generators.catalogue.facts import key
from assay.generators.plan import Plan
from assay.models.generate import continue_with_likelihood
from assay.probes.measure import Question
from assay.selfcheck.cells import Cell, Unit
from assay.selfcheck.contrasts import benchmarks_of
from assay.selfcheck.facts import Fact, edit_of
from assay.selfcheck.planted import NONE, PLANTED, SOUND, Ground
from assay.selfcheck.tools import Tools

COLLAPSE, RETENTION = "sequential_collapse_threshold", "sequential_edit_retention"
FURTHER = (COLLAPSE, "batch_edit_consistency", RETENTION)
"""The benchmarks that add further edits."""
FURTHER_DRAWN_FROM = 7
"""Further edits of one fact at all seeds together: its first plan's own and some of the second's."""


@dataclass(frozen=True)
class Piece:
    """What is to be measured of one fact."""

    fact: Fact
    again: tuple[str, ...]
    """Conditions of the edits that are measured again."""
    seeds: tuple[int, ...]
    """Seeds of the probes, the first one alone for what is not measured again."""


@dataclass(frozen=True)
class _Task:
    """One edit on the bench at one seed, and the benchmarks that are run on it."""

    condition: str
    bench: Bench
    wanted: tuple[str, ...]


def measure_unit(tools: Tools, piece: Piece) -> Unit:
    """All cells of one fact; the weights are the unedited ones afterwards."""
    began = time.perf_counter()
    plans = _plans(tools, piece)
    ground = Ground(
        tools.model, tools.layer, tools.contexts, tools.moments, tools.settings, plans[0], tools.seed
    )
    tasks = _tasks(ground, piece, plans)
    _read_ahead(tools.layer, tasks)
    cells = [
        Cell.of(piece.fact.case, task.condition, task.bench.seed, result)
        for task in tasks
        for result in run_suite(task.bench, task.wanted)
    ]
    request = plans[0].request
    return Unit(
        piece.fact.case,
        request.subject,
        request.relation,
        request.target,
        tuple(cells),
        overlap(plans),
        time.perf_counter() - began,
    )


def _plans(tools: Tools, piece: Piece) -> list[Plan]:
    """One plan per seed. The further edits of all are drawn from a few, since each costs an optimisation."""
    plans = [tools.plan(piece.fact.request, seed) for seed in piece.seeds]
    own = plans[0].synthetic
    taken = {key(made.request.subject) for made in own}
    others = [
        made for plan in plans[1:2] for made in plan.synthetic if key(made.request.subject) not in taken
    ]
    pool = [*own, *others[: FURTHER_DRAWN_FROM - len(own)]]
    return plans[:1] + [
        replace(plan, synthetic=tuple(random.Random(seed).sample(pool, len(own))))
        for plan, seed in zip(plans[1:], piece.seeds[1:], strict=True)
    ]


def _tasks(ground: Ground, piece: Piece, plans: Sequence[Plan]) -> list[_Task]:
    """Every edit that is measured, with each plan that it is measured with; one edit's share what they read."""
    sound = edit_of(piece.fact)
    seen = Seen()
    tasks = []
    for condition in (SOUND, *PLANTED):
        again = condition in piece.again
        edit = sound if condition == SOUND else PLANTED[condition].make(ground, ground.plan.request, sound)
        # Weights without a change read as the unedited ones do.
        own = (
            replace(seen, after=seen.before, texts_after=seen.texts_before)
            if condition == NONE
            else seen.of_another_edit()
        )
        for plan, seed in zip(plans if again else plans[:1], piece.seeds, strict=False):
            asked = plan if condition == SOUND else PLANTED[condition].plan(plan)
            wanted = _wanted(ground.layer, edit, condition, again)
            if set(FURTHER).intersection(wanted) == {COLLAPSE}:
                asked = _behaviour_only(asked)
            bench = Bench(ground.model, edit, asked, ground.moments, ground.settings.bench, seed, seen=own)
            tasks.append(_Task(condition, bench, wanted))
    return tasks


def _behaviour_only(plan: Plan) -> Plan:
    """The plan without what collapse does not look at: whether any of the edits in a row still holds."""
    return replace(
        plan,
        probes={**plan.probes, RETENTION: ()},
        synthetic=tuple(replace(made, probes=()) for made in plan.synthetic),
    )


def _wanted(layer: int, edit: Edit, condition: str, again: bool) -> tuple[str, ...]:
    """All thirteen of sound edits and of those measured again, else what says something about the defect.

    Further edits follow at the layer of the edit. At a layer of its own none of their values are shared,
    and the benchmarks that need them are left out.
    """
    wanted = tuple(NAMES) if again or condition == SOUND else benchmarks_of(condition)
    return tuple(id for id in wanted if edit.layer == layer or id not in FURTHER)


def _read_ahead(layer: int, tasks: Sequence[_Task]) -> None:
    """Whatever the suites will want, in few and full batches; they find it in what was seen.

    Each edit's probes at all seeds, the values of all further edits, and every paragraph that LEME judges.
    """
    by_edit: dict[int, list[_Task]] = {}
    for task in tasks:
        by_edit.setdefault(id(task.bench.seen), []).append(task)
    for group in by_edit.values():
        group[0].bench.readings([question for task in group for question in _questions(task)])
    chained = [task.bench for task in tasks if set(FURTHER) & set(task.wanted)]
    if chained:
        values_of(chained[0], [made for bench in chained for made in bench.plan.synthetic])
    _write_ahead([task.bench for task in tasks if "leme" in task.wanted])


def _questions(task: _Task) -> Iterator[Question]:
    bench = task.bench
    for id in task.wanted:
        yield from map(question_of, bench.plan.probes.get(id, ()))
    if set(FURTHER) & set(task.wanted):
        yield from map(Question, bench.plan.neutral[: bench.settings.collapse_prompts])


def _write_ahead(benches: Sequence[Bench]) -> None:
    """Every paragraph by the unedited model and by each edited one, in one batch; and how likely it is."""
    if not benches:
        return
    model, seen, length = benches[0].model, benches[0].seen, benches[0].settings.long_tokens
    wanted: dict[tuple[int, Opening], tuple[dict[Opening, list[int]], Stack]] = {}
    for bench in benches:
        for opening in openings_of(bench):
            wanted.setdefault((id(seen.texts_before), opening), (seen.texts_before, ()))
            texts = bench.seen.texts_after
            wanted.setdefault((id(texts), opening), (texts, (bench.edit,)))
    openings = [opening for _, opening in wanted]
    with side_by_side(model, [stack for _, stack in wanted.values()]):
        rows = continue_with_likelihood(
            model, [ids for ids, _ in openings], length, [seed for _, seed in openings], TOP_K
        )
    for opening, row, (texts, stack) in zip(openings, rows, wanted.values(), strict=True):
        texts[opening] = row.ids
        if not stack:
            seen.likely[opening[0], tuple(row.ids)] = row.mean_logp
    likely(model, seen, openings, [row.ids for row in rows])


def overlap(plans: Sequence[Plan]) -> Mapping[str, float]:
    """Benchmark to the mean share of prompts that two plans have in common (of the union of both)."""
    prompts = [{id: {p.prompt for p in probes} for id, probes in plan.probes.items()} for plan in plans]
    out = {}
    for id in NAMES:
        shares = [
            len(a[id] & b[id]) / len(a[id] | b[id])
            for a, b in combinations(prompts, 2)
            if a.get(id) and b.get(id)
        ]
        if shares:
            out[id] = sum(shares) / len(shares)
    return out
