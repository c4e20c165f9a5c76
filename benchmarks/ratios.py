"""Fast ways against the slow, obvious ones of tests/oracles, in one run.

Repeats are interleaved, so that a busy machine slows both.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

from assay.edits.contexts import sample_contexts
from assay.edits.key_value import rows_of
from assay.edits.optimise import key_and_value, keys_and_values
from assay.generators.plan import Plan
from assay.generators.table import generator
from assay.models.tokens import answer_ids, encode
from assay.probes.measure import Question, ask
from assay.settings import EditSettings
from edits import REQUEST
from figure import Found
from ground import Ground, model
from oracles import measure_slowly, optimise_slowly

LAYER = 5
SETTINGS = EditSettings(steps=5, early_stop=0.0)
FEW = 3
"""Contexts of each fact where several are optimised together."""
REPEATS = 3


@dataclass(frozen=True)
class Both:
    """What the two ways took and gave."""

    fast: list[float]
    slow: list[float]
    last: tuple[Any, Any]
    """The last results."""

    def found(self, what: str, difference: dict[str, float]) -> Found:
        """The ratio of the medians."""
        raw = {"what": what, "fast_seconds": self.fast, "slow_seconds": self.slow, **difference}
        return Found(median(self.slow) / median(self.fast), raw, unit="times")


def side_by_side(fast: Callable[[], Any], slow: Callable[[], Any], repeats: int = REPEATS) -> Both:
    """Both, in turns."""
    times: tuple[list[float], list[float]] = ([], [])
    last: list[Any] = [None, None]
    for _ in range(repeats):
        for which, call in enumerate((fast, slow)):
            began = time.perf_counter()
            last[which] = call()
            times[which].append(time.perf_counter() - began)
    return Both(*times, (last[0], last[1]))


def contexts(ground: Ground) -> tuple[str, ...]:
    """Sampled prefixes."""
    return sample_contexts(ground.once(model).model, 0)


def plan(ground: Ground) -> Plan:
    """The probes of the demo's edit."""
    return generator("catalogue").plan(REQUEST, 0)


def value_optimisation(ground: Ground) -> Found:
    """One fact in all its contexts, against every pass through the whole model."""
    loaded, prefixes = ground.once(model).model, ground.once(contexts)
    rows, lasts = rows_of(loaded, REQUEST, prefixes)
    target, essence = answer_ids(loaded, REQUEST.prompt, REQUEST.target), encode(loaded, REQUEST.subject)
    both = side_by_side(
        lambda: key_and_value(loaded, LAYER, REQUEST, prefixes, SETTINGS),
        lambda: optimise_slowly(loaded, LAYER, rows, lasts, essence, target, SETTINGS),
    )
    made, (v, _) = both.last
    what = f"{SETTINGS.steps} steps, {len(rows)} contexts, layer {LAYER}"
    return both.found(what, {"relative_difference_of_v": float((made.v - v).norm() / v.norm())})


def facts_together(ground: Ground) -> Found:
    """Several facts, against one by one."""
    loaded, few = ground.once(model).model, ground.once(contexts)[:FEW]
    further = [made.request for made in ground.once(plan).synthetic]
    both = side_by_side(
        lambda: keys_and_values(loaded, LAYER, further, few, SETTINGS),
        lambda: [key_and_value(loaded, LAYER, request, few, SETTINGS) for request in further],
    )
    apart = (float((a.v - b.v).norm() / b.v.norm()) for a, b in zip(*both.last, strict=True))
    what = f"{SETTINGS.steps} steps, {len(further)} facts, {len(few)} contexts each"
    return both.found(what, {"relative_difference_of_v": max(apart)})


def probe_reading(ground: Ground) -> Found:
    """Probes with two answers each, against a pass for each answer."""
    loaded, probes = ground.once(model).model, ground.once(plan).probes["portability_sub_metrics"]
    asked = [(p.prompt, (p.target, p.expected)) for p in probes if p.expected]
    both = side_by_side(
        lambda: ask(loaded, [Question(prompt, answers) for prompt, answers in asked]),
        lambda: [[measure_slowly(loaded, prompt, a)[0] for a in answers] for prompt, answers in asked],
    )
    apart = (
        abs(x - y)
        for reading, slow_answers in zip(*both.last, strict=True)
        for answer, logps in zip(reading.answers, slow_answers, strict=True)
        for x, y in zip(answer.logps, logps, strict=True)
    )
    what = f"{len(asked)} probes with two answers each"
    return both.found(what, {"largest_difference_nats": max(apart)})
