"""One unit of a self-check: everything that is measured of one fact.

Sound edit, planted defects, and one edit measured again with fresh probes. All of it shares what was
read of the unedited model, and every made-up edit is optimised once.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path

from assay.benchmarks.asking import Bench, question_of
from assay.benchmarks.generation import TOP_K, openings_of
from assay.benchmarks.names import NAMES
from assay.benchmarks.seen import Seen, write
from assay.benchmarks.suite import run_suite
from assay.corpus.sources import corpus
from assay.edits.contexts import sample_contexts
from assay.edits.delta import Edit
from assay.edits.locate import candidate_layers
from assay.edits.make import make_edit
from assay.edits.moments import Moments, second_moments
from assay.edits.validate import validate
from assay.generators.plan import Generator, Plan, Request
from assay.generators.table import generator
from assay.models.load import load
from assay.models.model import Model
from assay.selfcheck.cells import Cell, Unit
from assay.selfcheck.contrasts import benchmarks_of
from assay.selfcheck.planted import PLANTED, SOUND, Ground
from assay.settings import Settings

FURTHER = ("sequential_collapse_threshold", "batch_edit_consistency", "sequential_edit_retention")
"""The benchmarks that add further edits."""


@dataclass(frozen=True)
class Tools:
    """What a worker keeps between units."""

    model: Model
    moments: Moments
    contexts: tuple[str, ...]
    layer: int
    maker: Generator
    settings: Settings
    seed: int
    seen: Seen = field(default_factory=Seen)
    """Its values of made-up edits recur from fact to fact; the readings of each fact are kept apart."""


@dataclass(frozen=True)
class ToolsOf:
    """How a worker gets its tools; a plain record, so that it can be sent to another process."""

    model: str
    cache: Path
    settings: Settings
    seed: int
    generator: str = "catalogue"
    corpus: str = "factbook"

    def __call__(self) -> Tools:
        """Load the model and what belongs to it; second moments come from the cache."""
        model = load(self.model, self.cache)
        ((layer, _),) = candidate_layers(model, None, None, 1)
        moments = second_moments(
            model, corpus(self.corpus), self.cache, layers=[layer], settings=self.settings.moments
        )
        contexts = sample_contexts(model, self.seed, self.settings.edit)
        return Tools(model, moments, contexts, layer, generator(self.generator), self.settings, self.seed)


@dataclass(frozen=True)
class Piece:
    """What is to be measured of one fact."""

    case: int
    request: Request
    planted: bool
    """Whether the planted defects are measured on it."""
    again: str | None
    """Condition of the edit that is measured again; None: none is."""
    seeds: tuple[int, ...]
    """Seeds of the probes, the first one for the planted defects."""


def measure_unit(tools: Tools, piece: Piece) -> Unit:
    """All cells of one fact; the weights are the unedited ones afterwards."""
    began = time.perf_counter()
    plans = [_plan(tools, piece.request, seed) for seed in piece.seeds]
    plan, seen = plans[0], Seen(values=tools.seen.values)
    sound = make_edit(
        tools.model,
        [plan.request],
        tools.layer,
        tools.moments,
        contexts=tools.contexts,
        settings=tools.settings.edit,
        seed=tools.seed,
        ridge=tools.settings.moments.ridge,
    )
    verdict = validate(tools.model, sound, plan.paraphrases, plan.neutral, tools.settings.validate)
    about = (piece.case, plan.request.subject, plan.request.relation, plan.request.target)
    if not verdict.passed:
        reason = f"no sound edit: {verdict.reason}"
        return Unit(*about, reason, (), seconds=time.perf_counter() - began)
    ground = Ground(tools.model, tools.layer, tools.contexts, tools.moments, tools.settings, plan, tools.seed)
    cells: list[Cell] = []
    conditions = [SOUND, *PLANTED] if piece.planted else []
    for condition in dict.fromkeys([*conditions, *([piece.again] if piece.again else [])]):
        edit = sound if condition == SOUND else PLANTED[condition].make(ground, plan.request, sound)
        moments = tools.moments if condition == SOUND else PLANTED[condition].moments(tools.moments)
        known = (
            Seen(seen.before, seen.texts_before, seen.values, seen.before, seen.texts_before)
            if condition == "none"
            else seen.of_another_edit()
        )
        base = Bench(
            tools.model,
            edit,
            plan,
            moments,
            tools.settings.bench,
            piece.seeds[0],
            seen=known,
        )
        again = condition == piece.again
        if again:
            _read_ahead(base, plans, piece.seeds)
        for seed, drawn in zip(piece.seeds, plans, strict=True) if again else [(piece.seeds[0], plan)]:
            bench = replace(base, plan=drawn, seed=seed, memo={})
            for result in run_suite(bench, _wanted(tools, edit, condition, again)):
                cells.append(Cell.of(piece.case, condition, seed, result))
    return Unit(*about, None, tuple(cells), overlap(plans), time.perf_counter() - began)


def _plan(tools: Tools, request: Request, seed: int) -> Plan:
    bench = tools.settings.bench
    return tools.maker.plan(request, seed, bench.n_probes, bench.n_synthetic)


def _wanted(tools: Tools, edit: Edit, condition: str, again: bool) -> tuple[str, ...]:
    """All thirteen of sound edits and of those measured again, else what says something about the defect.

    Further edits follow at the layer of the edit. At a layer of its own none of their values are shared,
    and the benchmarks that need them are left out.
    """
    wanted = tuple(NAMES) if again or condition == SOUND else benchmarks_of(condition)
    shared = edit.layer == tools.layer
    return tuple(id for id in wanted if shared or id not in FURTHER)


def _read_ahead(bench: Bench, plans: Sequence[Plan], seeds: Sequence[int]) -> None:
    """Read all plans' probes in one go and write all their paragraphs side by side; the suites find them."""
    questions = [question_of(p) for plan in plans for probes in plan.probes.values() for p in probes]
    bench.readings(questions)
    openings = [
        opening
        for plan, seed in zip(plans, seeds, strict=True)
        for opening in openings_of(replace(bench, plan=plan, seed=seed))
    ]
    length = bench.settings.long_tokens
    write(bench.model, bench.seen.texts_before, openings, length, TOP_K)
    with bench.edit.applied(bench.model):
        write(bench.model, bench.seen.texts_after, openings, length, TOP_K)


def overlap(plans: Iterable[Plan]) -> Mapping[str, float]:
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
