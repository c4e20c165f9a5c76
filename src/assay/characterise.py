"""The thirteen benchmarks of an edit, just committed or stored, with their reading and LEME's second judge."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import Any

from assay.benchmarks.asking import Bench
from assay.benchmarks.llm_judge_suite import LEME, judge_suite, judges
from assay.benchmarks.names import chosen
from assay.benchmarks.reading import read_suite
from assay.benchmarks.result import BenchResult
from assay.benchmarks.suite import run_suite
from assay.corpus.sources import corpus
from assay.edits.delta import Edit, load_edit
from assay.edits.moments import Moments, second_moments
from assay.events import Emit, ignore, stage
from assay.generators.ahead import planning
from assay.generators.means import Means, means_in
from assay.generators.plan import Plan
from assay.generators.plan_json import plan_from_json
from assay.generators.table import asking, generator
from assay.models.model import Model
from assay.models.opened import Opener, open_model
from assay.options import Options
from assay.score import Meaning
from assay.settings import Settings

NOTHING: Mapping[str, Mapping[str, Any]] = MappingProxyType({})


def run_bench(
    edit_file: Path,
    plan: Mapping[str, Any] | None,
    options: Options,
    emit: Emit,
    cache: Path,
    done: Mapping[str, Mapping[str, Any]] = NOTHING,
    settings: Settings | None = None,
    keep: Callable[[Plan], None] = lambda plan: None,
    opener: Opener | None = None,
) -> None:
    """The thirteen on a stored edit: on its own saved probes, or on fresh ones when ``plan`` is None.

    ``done`` holds finished results as JSON: those benchmarks are not run again, but the reading counts
    them. ``keep`` is handed fresh probes before they are used.
    """
    settings = settings or Settings()
    chosen(options.only)
    edit = load_edit(edit_file)
    means = means_in(cache, options.base_url, options.timeout, emit, settings.llm)
    asks = plan is None or judges(options.generator, options.only)
    seen = asking(options.generator, means) if asks else {}
    emit("run_started", {"settings": {**settings.to_json(), **seen}})
    with ExitStack() as beside:
        if plan is not None:
            stored = plan_from_json(plan)
            ready: Callable[[], Plan] = lambda: stored  # noqa: E731 - what making.plan is for fresh ones
        else:
            maker = generator(options.generator, means)
            sizes = plan_sizes(settings)
            making = beside.enter_context(planning(maker, edit.request, options.seed, *sizes, emit))
            emit, ready = making.emit, making.plan
        model = open_model(options.model, cache, emit, opener)
        edit.check(model)
        moments = moments_for(model, options, cache, [edit.layer], settings, emit)
        made = ready()
    if plan is None:
        keep(made)
    tell_plan(made, emit)
    results, _ = assess(model, edit, made, moments, options, emit, settings, done)
    judge(results, made, options, means, emit, settings, done)


def assess(
    model: Model,
    edit: Edit,
    plan: Plan,
    moments: Moments,
    options: Options,
    emit: Emit = ignore,
    settings: Settings | None = None,
    done: Mapping[str, Mapping[str, Any]] = NOTHING,
) -> tuple[tuple[BenchResult, ...], Meaning]:
    """The benchmarks of an edit that are not ``done``, and the reading of all of them."""
    settings = settings or Settings()
    bench = Bench(model, edit, plan, moments, settings.bench, options.seed, emit)
    with stage(emit, "probes", "reading the probes"):
        bench.read_ahead()
    results = tuple(run_suite(bench, options.only, done))
    meaning = read_suite([*done.values(), *(r.to_json() for r in results)])
    emit("reading", meaning.to_json())
    return results, meaning


def judge(
    results: tuple[BenchResult, ...],
    plan: Plan,
    options: Options,
    means: Means,
    emit: Emit,
    settings: Settings,
    done: Mapping[str, Mapping[str, Any]] = NOTHING,
) -> None:
    """LEME's second judge, where a language model makes the probes; its score stays the rule's."""
    if not judges(options.generator, options.only):
        return
    leme = next((one.to_json() for one in results if one.score.id == LEME), done.get(LEME))
    judge_suite(
        options.generator,
        means,
        plan.request,
        leme,
        seed=options.seed,
        resamples=settings.bench.resamples,
        emit=emit,
    )


def tell_plan(plan: Plan, emit: Emit) -> None:
    """Tell what was written for an edit: counts and where they come from."""
    emit(
        "plan",
        {
            "generator": plan.generator,
            "relation": plan.request.relation,
            "relation_confidence": plan.relation_confidence,
            "generic": plan.generic,
            "n_probes": sum(len(p) for p in plan.probes.values()),
            "n_rejected": len(plan.rejects),
            "notes": list(plan.notes),
            "old": plan.request.old,
        },
    )


def plan_sizes(settings: Settings) -> tuple[int, int]:
    """Probes per benchmark and further edits of a plan."""
    return settings.bench.n_probes, settings.bench.n_synthetic


def moments_for(
    model: Model, options: Options, cache: Path, layers: list[int], settings: Settings, emit: Emit
) -> Moments:
    """Second moments of the keys at ``layers``, from the corpus that a run names."""
    return second_moments(
        model, corpus(options.corpus), cache, layers=layers, settings=settings.moments, emit=emit
    )
