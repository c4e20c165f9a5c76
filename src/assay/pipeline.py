"""The main job from end to end: locate, edit, validate, commit or roll back, then the thirteen.

The command line, the web and notebooks call these functions; what happens is told by events.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from assay.benchmarks.names import chosen
from assay.benchmarks.result import BenchResult
from assay.characterise import assess, judge, moments_for, plan_sizes, tell_plan
from assay.edits.contexts import sample_contexts
from assay.edits.delta import Edit
from assay.edits.key_value import check_reach
from assay.edits.locate import Trace, candidate_layers, trace
from assay.edits.make import check_method, check_request, make_edit
from assay.edits.validate import Verdict, validate
from assay.errors import RequestError
from assay.events import Emit, stage
from assay.features.watch import watching
from assay.generators.ahead import planning
from assay.generators.means import means_in
from assay.generators.plan import Plan, Request
from assay.generators.table import asking, generator
from assay.models.model import Model
from assay.models.opened import Opener, open_model
from assay.models.tokens import subject_span
from assay.options import Options
from assay.probes.measure import Question, ask
from assay.score import Meaning
from assay.settings import Settings

ALREADY = 0.5
"""P(target) before the edit from which on the model counts as saying the target already."""


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
    is open already. ``cache`` is that of a home, which may hold the user's own scores and labels of features.
    """
    settings = settings or Settings()
    check_method(options.method, options.variant)
    chosen(options.only)
    means = means_in(cache, options.base_url, options.timeout, emit, settings.llm)
    maker = generator(options.generator, means)
    watch = watching(options.sae, options.model, cache.parent)
    seen = asking(options.generator, means)
    if watch is not None:
        seen["features"] = asdict(watch.settings)
    emit("run_started", {"settings": {**settings.to_json(), **seen}})
    with planning(maker, request, options.seed, *plan_sizes(settings), emit) as made:
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
        moments = moments_for(model, options, cache, [candidates[0][0]], settings, emit)
        with stage(emit, "contexts", "sampling contexts"):
            contexts = sample_contexts(model, options.seed, settings.edit)
        plan = made.plan()
    keep(plan)
    tell_plan(plan, emit)
    if watch is not None:
        watch.before(model, plan, emit)

    verdict = Verdict(())
    for index, (layer, why) in enumerate(candidates):
        emit("candidate", {"layer": layer, "index": index, "of": len(candidates), "why": why})
        if index:  # most edits validate at the first layer, and a layer's moments take a pass over text
            moments = moments_for(model, options, cache, [layer], settings, emit)
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
            judge(results, plan, options, means, emit, settings)
            return Outcome("committed", edit, verdict, results, meaning)
        emit("rolled_back", {"layer": layer, "reason": verdict.reason})
    return Outcome("rolled_back", None, verdict)


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


def _not_said_already(model: Model, request: Request) -> None:
    (reading,) = ask(model, [Question(request.prompt, (request.target,))])
    said = reading.answers[0]
    if said.argmax_all and said.p >= ALREADY:
        raise RequestError(
            f"the model says {request.target!r} already (P = {said.p:.2f})",
            "a target that differs from what holds now",
            "choose another target",
        )
