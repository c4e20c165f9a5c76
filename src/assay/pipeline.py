"""The main job from end to end: locate, edit, validate, commit or roll back, then the thirteen.

The command line, the web and notebooks call these functions; what happens is told by events.
"""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
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
from assay.edits.contexts import sample_contexts
from assay.edits.delta import Edit, load_edit
from assay.edits.key_value import check_reach
from assay.edits.locate import Trace, candidate_layers, trace
from assay.edits.make import check_method, check_request, make_edit
from assay.edits.moments import Moments, second_moments
from assay.edits.validate import Verdict, validate
from assay.errors import RequestError
from assay.events import Emit, ignore, stage
from assay.features.watch import watching
from assay.generators.ahead import planning
from assay.generators.means import Means, means_in
from assay.generators.plan import Plan, Request
from assay.generators.plan_json import plan_from_json
from assay.generators.table import asking, generator
from assay.models.load import load
from assay.models.model import Model
from assay.models.tokens import subject_span, text_of
from assay.probes.measure import Question, ask
from assay.score import Meaning
from assay.settings import Settings

ALREADY = 0.5
"""P(target) before the edit from which on the model counts as saying the target already."""

NOTHING: Mapping[str, Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True)
class Options:
    """What a user chooses for one run."""

    model: str = "smollm2"
    layer: int | None = None
    """None: the model's own swept layer first, then the trace's ranking."""
    method: str = "rome"
    variant: str = "r-rome"
    generator: str = "catalogue"
    corpus: str = "factbook"
    bench: bool = True
    only: tuple[str, ...] | None = None
    seed: int = 0
    trace: bool = True
    sae: str | None = None
    """A folder or an alias; None: the one that comes with the model, if any; ``none``: none."""
    base_url: str | None = None
    """Address of the server that a generator asks; None: the provider's own."""
    timeout: float | None = None
    """Seconds to wait for one answer of it; None: the setting."""


@dataclass(frozen=True)
class Outcome:
    """How a run ended."""

    status: str
    """committed | rolled_back"""
    edit: Edit | None
    """The committed edit; None when every candidate was rolled back."""
    verdict: Verdict
    """The checks of the committed edit, or of the last candidate."""
    results: tuple[BenchResult, ...] = ()
    reading: Meaning | None = None


Opener = Callable[[str, Path], Model]
"""``(name, cache)`` to a model in float32, such as ``models.load.load``."""


def open_model(name: str, cache: Path, emit: Emit = ignore, opener: Opener | None = None) -> Model:
    """Load a model and tell what it is."""
    with stage(emit, "load", f"loading {name}"):
        model = (opener or load)(name, cache)
    emit("run_started", {"model": describe(model)})
    return model


def describe(model: Model) -> dict[str, Any]:
    """What a run records about its model."""
    return {
        "id": model.id,
        "hash": model.hash,
        "family": model.family.name,
        "n_layers": model.n_layers,
        "d_model": model.d_model,
        "d_mlp": model.d_mlp,
        "dtype": str(model.dtype).removeprefix("torch."),
        "device": str(model.device),
        "tokenizer": type(model.tokenizer).__name__,
        "vocabulary": len(model.tokenizer),
        "start_token": None if model.start is None else text_of(model, [model.start]),
    }


def run_edit(
    request: Request,
    options: Options,
    emit: Emit,
    cache: Path,
    save: Callable[[Edit, Plan], None],
    settings: Settings | None = None,
    opener: Opener | None = None,
    keep: Callable[[Plan], None] = lambda plan: None,
) -> Outcome:
    """Edit one fact: try up to three layers, commit the first that validates, then measure it. Where a language model
    makes the probes, it also judges LEME's paragraphs at the end, beside the rule.

    ``save`` is called with the edit and the plan before ``committed`` is emitted, so that a committed edit
    is always on disk; ``keep`` is handed the plan as soon as it is made, for edits that will not be committed. The
    model's weights are the unedited ones whenever this function is not measuring. ``opener`` may hand over a model that
    is open already.
    """
    settings = settings or Settings()
    check_method(options.method, options.variant)
    chosen(options.only)
    means = means_in(cache, options.base_url, options.timeout, emit, settings.llm)
    maker = generator(options.generator, means)
    watch = watching(options.sae, options.model)
    seen = asking(options.generator, means)
    if watch is not None:
        seen["features"] = asdict(watch.settings)
    emit("run_started", {"settings": {**settings.to_json(), **seen}})
    with planning(maker, request, options.seed, *_sizes(settings), emit) as made:
        emit = made.emit
        model = open_model(options.model, cache, emit, opener)
        check_request(model, request)
        if options.layer is not None:
            check_reach(model, options.layer, request)
        if watch is not None:
            watch.check(model)
        known = made.request()
        check_request(model, known)
        _not_said_already(model, known)
        found: Trace | None = None
        if options.trace:
            found = trace(model, known, seed=options.seed, settings=settings.trace, emit=emit)
            emit("trace", found.to_json())
        candidates = candidate_layers(model, found, options.layer, settings.validate.candidates)
        moments = _moments(model, options, cache, [n for n, _ in candidates], settings, emit)
        with stage(emit, "contexts", "sampling contexts"):
            contexts = sample_contexts(model, options.seed, settings.edit)
        plan = made.plan()
    keep(plan)
    _tell_plan(plan, emit)
    if watch is not None:
        watch.before(model, plan, emit)

    verdict = Verdict(())
    for index, (layer, why) in enumerate(candidates):
        emit("candidate", {"layer": layer, "index": index, "of": len(candidates), "why": why})
        edit = make_edit(
            model,
            [plan.request],
            layer,
            moments,
            method=options.method,
            variant=options.variant,
            seed=options.seed,
            contexts=contexts,
            settings=settings.edit,
            ridge=settings.moments.ridge,
            emit=emit,
        )
        emit("optimised", {"layer": layer, "steps": len(edit.figures["loss"]), **edit.figures})
        with stage(emit, "validate", "three checks"):
            verdict = validate(model, edit, plan.paraphrases, plan.neutral, settings.validate)
        for check in verdict.checks:
            emit("check", {"layer": layer, **check.to_json()})
        if verdict.passed:
            edit = replace(edit, figures={**edit.figures, "validation": verdict.to_json()})
            save(edit, plan)
            told = {
                "edit_id": edit.id,
                "contexts": len(contexts),
                "method": edit.method,
                "variant": edit.variant,
            }
            emit("committed", {"layer": layer, **told})
            if watch is not None:
                watch.after(model, edit, plan, emit)
            if not options.bench:
                return Outcome("committed", edit, verdict)
            results, meaning = assess(model, edit, plan, moments, options, emit, settings)
            _judge(results, plan, options, means, emit, settings)
            return Outcome("committed", edit, verdict, results, meaning)
        emit("rolled_back", {"layer": layer, "reason": verdict.reason})
    return Outcome("rolled_back", None, verdict)


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
            sizes = _sizes(settings)
            making = beside.enter_context(planning(maker, edit.request, options.seed, *sizes, emit))
            emit, ready = making.emit, making.plan
        model = open_model(options.model, cache, emit, opener)
        edit.check(model)
        moments = _moments(model, options, cache, [edit.layer], settings, emit)
        made = ready()
    if plan is None:
        keep(made)
    _tell_plan(made, emit)
    results, _ = assess(model, edit, made, moments, options, emit, settings, done)
    _judge(results, made, options, means, emit, settings, done)


def run_trace(
    request: Request, options: Options, emit: Emit, cache: Path, settings: Settings | None = None
) -> dict[str, Any]:
    """The causal trace of a prompt, as JSON."""
    settings = settings or Settings()
    model = open_model(options.model, cache, emit)
    subject_span(model, request.prompt, request.subject)
    found = trace(model, request, seed=options.seed, settings=settings.trace, emit=emit).to_json()
    emit("trace", found)
    return found


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


def _judge(
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


def _tell_plan(plan: Plan, emit: Emit) -> None:
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


def _sizes(settings: Settings) -> tuple[int, int]:
    """Probes per benchmark and further edits of a plan."""
    return settings.bench.n_probes, settings.bench.n_synthetic


def _moments(
    model: Model, options: Options, cache: Path, layers: list[int], settings: Settings, emit: Emit
) -> Moments:
    return second_moments(
        model, corpus(options.corpus), cache, layers=layers, settings=settings.moments, emit=emit
    )


def _not_said_already(model: Model, request: Request) -> None:
    (reading,) = ask(model, [Question(request.prompt, (request.target,))])
    said = reading.answers[0]
    if said.argmax_all and said.p >= ALREADY:
        raise RequestError(
            f"the model says {request.target!r} already (P = {said.p:.2f})",
            "a target that differs from what holds now",
            "choose another target",
        )
