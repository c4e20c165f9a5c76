"""What a run says while it runs: one append-only stream of small events.

Every stage takes an ``emit`` function and calls it; the terminal's progress bar, the store, the
report and any web page read the same events. A stage never knows who listens.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

Emit = Callable[[str, Mapping[str, Any]], None]
"""``emit(kind, data)``: ``kind`` is a key of KINDS, ``data`` is JSON-able."""

KINDS: Mapping[str, str] = {
    "run_queued": "the same as run_started, of a run that waits for a worker",
    "run_started": "run_id, request {prompt, subject, target, old, relation}, model {id, hash}, settings",
    "stage_started": "stage (id), title (what is running, for people), total (steps, or null if unknown)",
    "stage_progress": "stage, done, total, title; in training seconds_left and saes {k, l1, loss, ev, l0, dead} too",
    "stage_finished": "stage, seconds",
    "plan": "generator, relation, relation_confidence, generic, n_probes, n_rejected, notes",
    "trace": "the causal trace as Trace.to_json()",
    "carried": "what carries the subject before the edit as Carried.to_json()",
    "candidate": "layer, index (0-based), of (how many), why (default | trace | asked)",
    "optimised": "layer, steps, loss (list, nats), p_target (last step), seconds",
    "check": "layer, id, value, threshold, direction, passed, figures",
    "rolled_back": "layer, reason",
    "committed": "layer, edit_id, contexts, method, variant",
    "feature_scores": "some of the fields of FeatureScores.to_json(): interp, then purity, then mui, then reading",
    "footprint": "the feature footprint as Footprint.to_json()",
    "bench_started": "id, title, index (0-based), of",
    "bench_result": "one benchmark as BenchResult.to_json()",
    "reading": "pattern, sentences, next_steps",
    "judged": "id of a benchmark, and what a language model says of its texts, as benchmarks.llm_judge gives it",
    "not_judged": "id of a benchmark, judge (a generator's name), base_url, timeout, came (why it did not judge)",
    "run_finished": "status (committed | rolled_back), seconds",
    "run_failed": "error, resumable",
}


@contextmanager
def stage(emit: Emit, id: str, title: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
    """Say that a stage begins and ends, with its seconds; yields ``tick(done)`` for its progress."""
    began = time.perf_counter()
    emit("stage_started", {"stage": id, "title": title, "total": total})

    def tick(done: int) -> None:
        emit("stage_progress", {"stage": id, "title": title, "done": done, "total": total})

    yield tick
    emit("stage_finished", {"stage": id, "seconds": time.perf_counter() - began})


def ignore(kind: str, data: Mapping[str, Any]) -> None:
    """An ``emit`` for callers that listen to nothing; unknown kinds are still a programming error."""
    if kind not in KINDS:
        raise KeyError(f"unknown event kind {kind!r}")
