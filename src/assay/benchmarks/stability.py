"""Benchmarks that add further edits: in a row (collapse, retention) and all at once (batch).

All three take the same further edits. Their values are found once, on the unedited model: edits at one layer
leave its keys alone, and what they leave of the layers above is all that a value depends on. Collapse and
retention share one chain: the committed edit, then each further edit solved on the weights as they then
are. The chain is solved once, every edit in it undone bit for bit, and the states that it went through are
read side by side.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from assay.benchmarks.asking import Bench, mean, question_of, result_of, valued
from assay.benchmarks.result import ProbeResult, Step
from assay.benchmarks.retention import NO_PROBES, Outcome
from assay.edits.delta import Edit
from assay.edits.key_value import KeyValue
from assay.edits.side_by_side import side_by_side
from assay.edits.solve import joint, rank_one
from assay.edits.written import settings_of, written
from assay.events import stage
from assay.generators.plan import Synthetic
from assay.probes.measure import Question, Reading, kl, prepare, read_each
from assay.score import Score, bootstrap, unscored

HELD = 0.5
"""Mean P of its target at or above which an edit counts as held."""


@dataclass(frozen=True)
class Chain:
    """The committed edit and what the model was like after it and after each further edit."""

    subjects: tuple[tuple[str, str], ...]
    """Subject and target of each step, the committed edit first."""
    baseline_kl: tuple[tuple[float, ...], ...]
    """[step][neutral prompt], KL(unedited || now), nats."""
    original: tuple[tuple[float, ...], ...]
    """[step][probe], P of the committed edit's target."""
    own: tuple[float, ...]
    """Mean P of each step's own target right after it was made."""
    probes: tuple[ProbeResult, ...]
    """The committed edit's probes, before any edit and after the last."""


def synthetic_contexts(bench: Bench) -> tuple[str, ...]:
    """The bare prompt and some of the committed edit's contexts, evenly spread over their lengths."""
    sampled = bench.edit.contexts[1:]
    step = max(1, len(sampled) // bench.settings.synthetic_contexts)
    return ("", *sampled[::step][: bench.settings.synthetic_contexts])


def values_of(bench: Bench, made: Sequence[Synthetic]) -> list[KeyValue]:
    """Key and value of made-up edits at the committed edit's layer, those not seen before found together."""
    contexts = synthetic_contexts(bench)
    settings = replace(settings_of(bench.edit), early_stop=bench.settings.synthetic_early_stop)
    requests = [one.request for one in made]
    return bench.seen.values_of(bench.model, bench.edit.layer, requests, contexts, settings, bench.emit)


def _ridge(bench: Bench) -> float:
    return float(bench.edit.settings.get("ridge", 1e-3))


def _solved(bench: Bench, number: int, kv: KeyValue) -> Edit:
    """The further edit of this number, solved on the weights as they are now."""
    update = rank_one(bench.model, kv, bench.moments, ridge=_ridge(bench))
    requests = (bench.plan.synthetic[number].request,)
    return Edit(requests, "rome", "r-rome", (update,), bench.model.id, bench.model.hash, bench.seed)


def chain_of(bench: Bench) -> Chain:
    """The chain, walked when first asked for."""
    if "chain" not in bench.memo:
        bench.memo["chain"] = _walk(bench)
    chain: Chain = bench.memo["chain"]
    return chain


def _walk(bench: Bench) -> Chain:
    """Apply the committed edit and the further ones in order; then read the model as it was after each."""
    model = bench.model
    probes = bench.plan.probes.get("sequential_edit_retention", ())
    neutral = [Question(n) for n in bench.plan.neutral[: bench.settings.collapse_prompts]]
    questions = [question_of(p) for p in probes]
    calm_before, calm_first = bench.readings(neutral)
    asked_before, asked_first = bench.readings(questions)
    values = values_of(bench, bench.plan.synthetic)
    own = [[question_of(p) for p in made.probes] for made in bench.plan.synthetic]
    edits = [bench.edit]
    with stage(bench.emit, "chain", "edits in a row", len(values) + 1) as tick:
        with ExitStack() as stack:
            stack.enter_context(bench.edit.applied(model))
            for number, value in enumerate(values):
                edits.append(_solved(bench, number, value))
                stack.enter_context(edits[-1].applied(model))
                tick(number + 1)
        later = _after_each(bench, edits, [*neutral, *questions], own)
        tick(len(edits))
    calm = [calm_first, *(r[: len(neutral)] for r in later)]
    asked = [asked_first, *(r[len(neutral) : len(neutral) + len(questions)] for r in later)]
    said = [asked_first, *(r[len(neutral) + len(questions) :] for r in later)]
    pairs = zip(probes, asked_before, asked[-1], strict=True)
    return Chain(
        subjects=tuple((edit.request.subject, edit.request.target) for edit in edits),
        baseline_kl=tuple(tuple(kl(b, a) for b, a in zip(calm_before, now, strict=True)) for now in calm),
        original=tuple(tuple(r.answers[0].p for r in now) for now in asked),
        own=tuple(mean([r.answers[0].p for r in now]) if now else 0.0 for now in said),
        probes=tuple(result_of(model, p, b, a) for p, b, a in pairs),
    )


def _after_each(
    bench: Bench, edits: Sequence[Edit], always: Sequence[Question], own: Sequence[Sequence[Question]]
) -> list[list[Reading]]:
    """What is read after each further edit: what is always asked, then what is asked of that edit only."""
    questions, groups = list(always), [0] * len(always)
    for step, some in enumerate(own):
        questions += some
        groups += [step + 1] * len(some)
    prepared = prepare(bench.model, questions, bench.edit.layer, groups)

    def states(rows: Sequence[int]) -> AbstractContextManager[None]:
        return side_by_side(bench.model, [tuple(edits[: step + 2]) for step in rows])

    steps = range(len(own))
    found = read_each(bench.model, prepared, [steps, *([step] for step in steps)], states)
    numbers = {group: [n for n, g in enumerate(groups) if g == group] for group in range(len(own) + 1)}
    return [[found[n, step] for n in (*numbers[0], *numbers[step + 1])] for step in steps]


def _steps(chain: Chain, values: Sequence[float]) -> list[Step]:
    return [
        Step(i, s, t, v, own >= HELD)
        for i, ((s, t), v, own) in enumerate(zip(chain.subjects, values, chain.own, strict=True))
    ]


def share_before_collapse(kls: Any, limit: float) -> float:
    """Share of further edits before mean KL first exceeds ``limit``; 0 when the first edit alone does.

    ``kls`` is (steps, prompts); step 0 is the committed edit.
    """
    over = np.flatnonzero(np.asarray(kls).mean(1) > limit)
    steps = len(kls) - 1
    return 1.0 if not len(over) else max(0, int(over[0]) - 1) / steps


def collapse(id: str, threshold: float, bench: Bench) -> Outcome:
    """How many edits in a row the model stands before its behaviour on neutral prompts is gone."""
    if not bench.plan.synthetic or not bench.plan.neutral:
        return Outcome(unscored(id, NO_PROBES, threshold))
    chain, limit = chain_of(bench), bench.settings.collapse_kl
    kls = np.asarray(chain.baseline_kl)
    value = share_before_collapse(kls, limit)
    interval = bootstrap(
        [kls.T], lambda rows: share_before_collapse(rows.T, limit), bench.seed, bench.settings.resamples
    )
    over = np.flatnonzero(kls.mean(1) > limit)
    figures = {
        "collapse_index": float(over[0]) if len(over) else None,
        "kl_committed": float(kls[0].mean()),
        "kl_last": float(kls[-1].mean()),
        "limit": limit,
    }
    score = Score(id, value, value, interval, len(kls) - 1, 0, threshold, None, figures)
    return Outcome(score, steps=_steps(chain, [float(k.mean()) for k in kls]))


def retention(id: str, threshold: float, bench: Bench) -> Outcome:
    """Mean over the further edits of min(1, P_k / P_0) of the committed edit's target."""
    if not bench.plan.synthetic or not bench.plan.probes.get(id):
        return Outcome(unscored(id, NO_PROBES, threshold))
    chain = chain_of(bench)
    p = np.asarray(chain.original)
    first = float(p[0].mean())
    figures = {"p_first": first, "p_last": float(p[-1].mean())}
    results = valued(chain.probes, [r.p_after for r in chain.probes])
    if first < bench.settings.surface_floor:
        reason = f"the original never held: mean P {first:.3f} right after the edit"
        return Outcome(Score(id, None, None, None, 0, len(p) - 1, threshold, reason, figures), results)

    def kept(rows: Any) -> float:
        means = rows.T.mean(1)
        return float(np.minimum(1, means[1:] / max(float(means[0]), 1e-9)).mean())

    curve = np.minimum(1, p.mean(1) / first)
    interval = bootstrap([list(p.T)], kept, bench.seed, bench.settings.resamples)
    value = float(curve[1:].mean())
    score = Score(id, value, value, interval, len(p) - 1, 0, threshold, None, figures)
    return Outcome(score, results, steps=_steps(chain, [float(c) for c in curve]))


def batch(id: str, threshold: float, bench: Bench) -> Outcome:
    """The committed edit and all synthetic ones solved jointly, then every one of them probed."""
    own = bench.plan.probes.get(id, ())
    if not bench.plan.synthetic or not own:
        return Outcome(unscored(id, NO_PROBES, threshold))
    model, made = bench.model, bench.plan.synthetic
    facts = [written(bench.model, bench.edit), *values_of(bench, made)]
    requests = (bench.edit.request, *(s.request for s in made))
    update = joint(model, facts, bench.moments, ridge=_ridge(bench))
    together = Edit(requests, "memit", "joint", (update,), model.id, model.hash, bench.seed)
    groups = [own, *(s.probes for s in made)]
    joined = replace(bench, edit=together, seen=bench.seen.of_another_edit())
    with stage(bench.emit, "batch", "edits made at once", 1) as tick:
        results = joined.results_of([p for g in groups for p in g])
        tick(1)
    results = valued(results, [r.p_after for r in results])
    parts, at = [], 0
    for group in groups:
        parts.append(results[at : at + len(group)])
        at += len(group)
    per_edit = [mean([r.p_after for r in part]) for part in parts]
    old = [[r.expected_p_before for r in part if r.expected_p_before is not None] for part in parts]
    figures = {
        "held": mean([float(v >= HELD) for v in per_edit]),
        "original": per_edit[0],
        "synthetic": mean(per_edit[1:]),
    }
    value = mean(per_edit)
    interval = bootstrap([per_edit], lambda x: float(np.mean(x)), bench.seed, bench.settings.resamples)
    steps = [
        Step(i, r.subject, r.target, v, v >= HELD)
        for i, (r, v) in enumerate(zip(requests, per_edit, strict=True))
    ]
    ceiling = mean([mean([float(v) for v in o]) for o in old]) if all(old) else None
    score = Score(id, value, value, interval, len(per_edit), 0, threshold, None, figures)
    return Outcome(score, results, ceiling, steps=steps)
