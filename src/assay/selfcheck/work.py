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
from assay.benchmarks.generation import TOP_K, openings_of
from assay.benchmarks.names import NAMES
from assay.benchmarks.seen import Seen, write
from assay.benchmarks.suite import run_suite
from assay.edits.delta import Edit
from assay.generators.catalogue.facts import key
from assay.generators.plan import Plan, Synthetic
from assay.selfcheck.cells import Cell, Unit
from assay.selfcheck.contrasts import benchmarks_of
from assay.selfcheck.facts import Fact, edit_of
from assay.selfcheck.planted import NONE, PLANTED, SOUND, Ground
from assay.selfcheck.tools import Tools

FURTHER = ("sequential_collapse_threshold", "batch_edit_consistency", "sequential_edit_retention")
"""The benchmarks that add further edits."""


@dataclass(frozen=True)
class Piece:
    """What is to be measured of one fact."""

    fact: Fact
    planted: bool
    """Whether the planted defects are measured on it."""
    again: str | None
    """Condition of the edit that is measured again; None: none is."""
    seeds: tuple[int, ...]
    """Seeds of the probes, the first one for the planted defects."""


def measure_unit(tools: Tools, piece: Piece) -> Unit:
    """All cells of one fact; the weights are the unedited ones afterwards."""
    began = time.perf_counter()
    plans = _plans(tools, piece)
    sound = edit_of(piece.fact)
    ground = Ground(
        tools.model, tools.layer, tools.contexts, tools.moments, tools.settings, plans[0], tools.seed
    )
    seen = Seen(values=tools.seen.values)
    conditions = [SOUND, *PLANTED] if piece.planted else []
    cells: list[Cell] = []
    for condition in dict.fromkeys([*conditions, *([piece.again] if piece.again else [])]):
        again = condition == piece.again
        for bench in _benches(ground, condition, sound, plans if again else plans[:1], piece.seeds, seen):
            for result in run_suite(bench, _wanted(tools, bench.edit, condition, again)):
                cells.append(Cell.of(piece.fact.case, condition, bench.seed, result))
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
    """One plan per seed; from the third seed on the further edits are drawn from those of the first two,
    since each costs an optimisation."""
    plans = [tools.plan(piece.fact.request, seed) for seed in piece.seeds]
    pool = [made for plan in plans[:2] for made in plan.synthetic]
    return plans[:2] + [
        replace(p, synthetic=_drawn(pool, s)) for p, s in zip(plans[2:], piece.seeds[2:], strict=True)
    ]


def _drawn(pool: Sequence[Synthetic], seed: int) -> tuple[Synthetic, ...]:
    """Half of the pool, no subject twice."""
    order = list(pool)
    random.Random(seed).shuffle(order)
    apart = {key(made.request.subject): made for made in order}
    return tuple(apart.values())[: len(pool) // 2]


def _benches(
    ground: Ground, condition: str, sound: Edit, plans: Sequence[Plan], seeds: Sequence[int], seen: Seen
) -> Iterator[Bench]:
    """The edit of a condition on the bench, with each plan in turn; they share what they read."""
    request = ground.plan.request
    edit = sound if condition == SOUND else PLANTED[condition].make(ground, request, sound)
    # Weights without a change read as the unedited ones do.
    own = (
        replace(seen, after=seen.before, texts_after=seen.texts_before)
        if condition == NONE
        else seen.of_another_edit()
    )
    benches = [
        Bench(
            ground.model,
            edit,
            plan if condition == SOUND else PLANTED[condition].plan(plan),
            ground.moments,
            ground.settings.bench,
            seed,
            seen=own,
        )
        for plan, seed in zip(plans, seeds, strict=False)
    ]
    if len(benches) > 1:
        _read_ahead(benches)
    yield from benches


def _wanted(tools: Tools, edit: Edit, condition: str, again: bool) -> tuple[str, ...]:
    """All thirteen of sound edits and of those measured again, else what says something about the defect.

    Further edits follow at the layer of the edit. At a layer of its own none of their values are shared,
    and the benchmarks that need them are left out.
    """
    wanted = tuple(NAMES) if again or condition == SOUND else benchmarks_of(condition)
    return tuple(id for id in wanted if edit.layer == tools.layer or id not in FURTHER)


def _read_ahead(benches: Sequence[Bench]) -> None:
    """Read all plans' probes in one go and write all their paragraphs side by side; the suites find them."""
    one = benches[0]
    one.readings([question_of(p) for b in benches for probes in b.plan.probes.values() for p in probes])
    openings = [opening for bench in benches for opening in openings_of(bench)]
    write(one.model, one.seen.texts_before, openings, one.settings.long_tokens, TOP_K)
    with one.edit.applied(one.model):
        write(one.model, one.seen.texts_after, openings, one.settings.long_tokens, TOP_K)


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
