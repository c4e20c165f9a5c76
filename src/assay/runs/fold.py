"""From a run's stream of events to one document: what run.json, ``--json`` and every report show.

A pure function, so that a live page, a finished report and a test see the same thing. Streams may stop
anywhere: what did not happen is null, never 0.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from assay.runs.clock import seconds_between
from assay.runs.records import Event

SCHEMA_VERSION = 1
"""Raised when a field of the document changes its meaning or goes away."""

Document = dict[str, Any]


def empty() -> Document:
    """The document of a run of which nothing is known yet: every field there is."""
    return {
        "schema_version": SCHEMA_VERSION,
        "run_id": None,
        "kind": None,
        "status": "running",
        "created_at": None,
        "finished_at": None,
        "error": None,
        "resumable": None,
        "request": None,
        "model": {"id": None, "hash": None},
        "options": {},
        "settings": {},
        "versions": {},
        "generator": None,
        "trace": None,
        "candidates": [],
        "edit": None,
        "validation": {"passed": None, "checks": []},
        "carried": None,
        "footprint": None,
        "feature": None,
        "benchmarks": [],
        "reading": None,
        "timings": {"total": 0.0},
    }


def fold(events: Sequence[Event]) -> Document:
    """The document of a run from its events in order, all of them or the first so many.

    A second result of one benchmark (after a resumed or repeated suite) takes the place of the first.
    ``timings.total`` counts the time between the events of each sitting, so it grows while a run runs and
    leaves out the pause before a resumed one.
    """
    run = empty()
    sitting = None
    earlier = 0.0
    for event in events:
        if event.kind in STEPS:
            STEPS[event.kind](run, event.data)
        if event.kind in AFTERWARDS:
            continue
        if run["created_at"] is None:
            run["created_at"] = event.at
        if event.kind in ENDS:
            run["finished_at"] = event.at
        if sitting is None or "versions" in event.data:  # only a sitting's first event carries versions
            earlier, sitting = run["timings"]["total"], event.at
        run["timings"]["total"] = round(earlier + seconds_between(sitting, event.at), 3)
    run["validation"] = _validation(run)
    return run


ENDS = ("run_finished", "run_failed")
AFTERWARDS = ("judged",)
"""What may be added to a run that has ended, and is no part of its time."""


def _started(run: Document, data: Mapping[str, Any]) -> None:
    """The store, the pipeline and a resumed sitting each tell what they know; later knowledge is added."""
    run.update(status="running", finished_at=None, error=None, resumable=None)
    for name in ("run_id", "kind"):
        run[name] = data.get(name) or run[name]
    for name in ("request", "model", "options", "settings", "versions"):
        told = {key: value for key, value in (data.get(name) or {}).items() if value is not None}
        run[name] = {**(data.get(name) or {}), **(run[name] or {}), **told} or run[name]


def _stage_finished(run: Document, data: Mapping[str, Any]) -> None:
    timings = run["timings"]
    timings[data["stage"]] = round(timings.get(data["stage"], 0.0) + data["seconds"], 6)


def _plan(run: Document, data: Mapping[str, Any]) -> None:
    named = {key: value for key, value in data.items() if key != "generator"}
    run["generator"] = {"name": data.get("generator"), **named}


def _trace(run: Document, data: Mapping[str, Any]) -> None:
    run["trace"] = dict(data)


def _carried(run: Document, data: Mapping[str, Any]) -> None:
    run["carried"] = dict(data)


def _footprint(run: Document, data: Mapping[str, Any]) -> None:
    run["footprint"] = dict(data)


def _candidate(run: Document, data: Mapping[str, Any]) -> None:
    run["candidates"].append({**data, "optimised": None, "checks": [], "rolled_back": None})


def _tried(run: Document, layer: int) -> Document:
    """The newest candidate at ``layer``."""
    for candidate in reversed(run["candidates"]):
        if candidate["layer"] == layer:
            return candidate  # type: ignore[no-any-return]
    _candidate(run, {"layer": layer, "why": None})
    return run["candidates"][-1]  # type: ignore[no-any-return]


def _optimised(run: Document, data: Mapping[str, Any]) -> None:
    _tried(run, data["layer"])["optimised"] = {key: value for key, value in data.items() if key != "layer"}


def _check(run: Document, data: Mapping[str, Any]) -> None:
    checks = _tried(run, data["layer"])["checks"]
    checks.append({key: value for key, value in data.items() if key != "layer"})


def _rolled_back(run: Document, data: Mapping[str, Any]) -> None:
    _tried(run, data["layer"])["rolled_back"] = data["reason"]


def _committed(run: Document, data: Mapping[str, Any]) -> None:
    candidate = _tried(run, data["layer"])
    run["edit"] = {
        "method": run["options"].get("method"),
        "variant": run["options"].get("variant"),
        **data,
        "why": candidate["why"],
        **(candidate["optimised"] or {}),
    }


def _bench_result(run: Document, data: Mapping[str, Any]) -> None:
    results = {result["id"]: result for result in run["benchmarks"]}
    results[data["id"]] = dict(data)
    run["benchmarks"] = list(results.values())


def _reading(run: Document, data: Mapping[str, Any]) -> None:
    run["reading"] = dict(data)


def _judged(run: Document, data: Mapping[str, Any]) -> None:
    """Beside the benchmark's own score; one judgement a model, the last one."""
    for result in run["benchmarks"]:
        if result["id"] == data["id"]:
            others = [one for one in result.get("judges") or () if _who(one) != _who(data)]
            result["judges"] = [*others, dict(data)]
            result.pop("not_judged", None)


def _who(judged: Mapping[str, Any]) -> tuple[str, str]:
    return judged["judge"]["generator"], judged["judge"]["model"]


def _not_judged(run: Document, data: Mapping[str, Any]) -> None:
    """Why the suite's own judge said nothing, until one does."""
    for result in run["benchmarks"]:
        if result["id"] == data["id"]:
            result["not_judged"] = dict(data)


def _finished(run: Document, data: Mapping[str, Any]) -> None:
    run["status"] = data["status"]


def _failed(run: Document, data: Mapping[str, Any]) -> None:
    run.update(status=data.get("status", "failed"), error=data["error"], resumable=data["resumable"])


def _queued(run: Document, data: Mapping[str, Any]) -> None:
    _started(run, data)
    run["status"] = "queued"


def _feature_scores(run: Document, data: Mapping[str, Any]) -> None:
    """The scores of a feature come one after another."""
    run["feature"] = {**(run["feature"] or {}), **data}


STEPS: Mapping[str, Callable[[Document, Mapping[str, Any]], None]] = {
    "run_queued": _queued,
    "run_started": _started,
    "stage_finished": _stage_finished,
    "plan": _plan,
    "trace": _trace,
    "carried": _carried,
    "candidate": _candidate,
    "optimised": _optimised,
    "check": _check,
    "rolled_back": _rolled_back,
    "committed": _committed,
    "footprint": _footprint,
    "feature_scores": _feature_scores,
    "bench_result": _bench_result,
    "reading": _reading,
    "judged": _judged,
    "not_judged": _not_judged,
    "run_finished": _finished,
    "run_failed": _failed,
}
"""Event kind to what it adds to the document; the other kinds only move a progress bar."""


def _validation(run: Document) -> Document:
    """The checks of the candidate that counts: the committed one, else the last one tried."""
    if run["edit"] is not None:
        return {"passed": True, "checks": _tried(run, run["edit"]["layer"])["checks"]}
    tried = run["candidates"][-1] if run["candidates"] else {"checks": [], "rolled_back": None}
    return {"passed": None if tried["rolled_back"] is None else False, "checks": tried["checks"]}
