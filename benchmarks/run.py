"""Medians and ratios, fast against slow and obvious, measured side by side in one run on the default model.

    make bench            everything (about a quarter of an hour on two cores)

Slow versions are those of tests/oracles. Repeats are interleaved, so that a busy machine slows both.
Absolute times are not comparable between machines; ratios of one run are.
"""

import json
import platform
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import torch

import assay
from ablation import CASES, packed_ablation
from assay.benchmarks.asking import Bench
from assay.benchmarks.suite import run_suite
from assay.corpus.sources import corpus
from assay.edits.contexts import sample_contexts
from assay.edits.key_value import rows_of
from assay.edits.make import make_edit
from assay.edits.moments import second_moments
from assay.edits.optimise import key_and_value, keys_and_values
from assay.generators.plan import Request
from assay.generators.table import generator
from assay.models.tokens import answer_ids, encode
from assay.probes.measure import Question, ask
from assay.runs.home import find_home
from assay.sae.shipped import open_sae
from assay.settings import EditSettings
from features import features_cost
from oracles import measure_slowly, optimise_slowly
from probes import probes_cost
from scoring import scoring_cost

REQUEST = Request("The Eiffel Tower is located in the city of", "The Eiffel Tower", "Berlin", "Paris")
LAYER = 5


def processor() -> str:
    """The processor's name, where the system tells it."""
    info = Path("/proc/cpuinfo")
    names = [x.split(":")[1].strip() for x in info.read_text().splitlines() if x.startswith("model name")]
    return names[0] if names else platform.processor()


def side_by_side(
    fast: Callable[[], Any], slow: Callable[[], Any], repeats: int
) -> tuple[float, float, Any, Any]:
    """Median seconds of each, interleaved, and the last result of each."""
    times: tuple[list[float], list[float]] = ([], [])
    last: list[Any] = [None, None]
    for _ in range(repeats):
        for which, call in enumerate((fast, slow)):
            began = time.perf_counter()
            last[which] = call()
            times[which].append(time.perf_counter() - began)
    return median(times[0]), median(times[1]), last[0], last[1]


def main() -> None:
    """Measure and print one JSON document, with a table for people on stderr."""
    cache = find_home().cache
    began = time.perf_counter()
    model = assay.load("smollm2")
    loaded = time.perf_counter() - began
    contexts = sample_contexts(model, 0)
    moments = second_moments(model, corpus(), cache, layers=[LAYER])
    out: dict[str, Any] = {
        "machine": {
            "processor": processor(),
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
        "load_seconds": round(loaded, 2),
    }

    settings = EditSettings(steps=5, early_stop=0.0)
    rows, lasts = rows_of(model, REQUEST, contexts)
    target, essence = answer_ids(model, REQUEST.prompt, REQUEST.target), encode(model, REQUEST.subject)
    fast, slow, kv, (v, _) = side_by_side(
        lambda: key_and_value(model, LAYER, REQUEST, contexts, settings),
        lambda: optimise_slowly(model, LAYER, rows, lasts, essence, target, settings),
        3,
    )
    out["value_optimisation"] = {
        "what": f"{settings.steps} steps, {len(rows)} contexts, layer {LAYER}",
        "fast_seconds": round(fast, 3),
        "slow_seconds": round(slow, 3),
        "ratio": round(slow / fast, 2),
        "relative_difference_of_v": float((kv.v - v).norm() / v.norm()),
    }

    plan = generator("catalogue").plan(REQUEST, 0)
    further, few = [made.request for made in plan.synthetic], contexts[:3]
    fast, slow, together, alone = side_by_side(
        lambda: keys_and_values(model, LAYER, further, few, settings),
        lambda: [key_and_value(model, LAYER, request, few, settings) for request in further],
        3,
    )
    out["facts_together"] = {
        "what": f"{settings.steps} steps, {len(further)} facts, {len(few)} contexts each, against one by one",
        "fast_seconds": round(fast, 3),
        "slow_seconds": round(slow, 3),
        "ratio": round(slow / fast, 2),
        "relative_difference_of_v": max(
            float((a.v - b.v).norm() / b.v.norm()) for a, b in zip(together, alone, strict=True)
        ),
    }

    asked = [(p.prompt, (p.target, p.expected)) for p in plan.probes["portability_sub_metrics"] if p.expected]
    fast, slow, quick, plain = side_by_side(
        lambda: ask(model, [Question(q, answers) for q, answers in asked]),
        lambda: [[measure_slowly(model, q, a)[0] for a in answers] for q, answers in asked],
        3,
    )
    worst = max(
        abs(x - y)
        for reading, slow_answers in zip(quick, plain, strict=True)
        for answer, logps in zip(reading.answers, slow_answers, strict=True)
        for x, y in zip(answer.logps, logps, strict=True)
    )
    out["probe_reading"] = {
        "what": f"{len(asked)} probes with two answers each",
        "fast_seconds": round(fast, 3),
        "slow_seconds": round(slow, 3),
        "ratio": round(slow / fast, 2),
        "largest_difference_nats": worst,
    }

    out["packed_ablation"] = [packed_ablation(model, open_sae("smollm2"), *case) for case in CASES]

    out["features"] = features_cost()
    out["score_command"] = scoring_cost()

    edit = make_edit(model, [plan.request], LAYER, moments, contexts=contexts)
    began = time.perf_counter()
    results = run_suite(Bench(model, edit, plan, moments))
    out["suite"] = {
        "what": "thirteen benchmarks, model loaded, moments cached",
        "seconds": round(time.perf_counter() - began, 1),
        "each": {r.score.id: round(r.seconds, 2) for r in results},
    }
    out["probes_by_a_language_model"] = probes_cost(repeats=1)
    out["peak_memory_gb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)
    sys.stdout.write(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main()
