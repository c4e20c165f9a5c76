"""The benchmarks again, on an edit that is stored: the rest of a stopped suite, or a whole new one."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from assay.errors import GeneratorError, StoreError
from assay.events import Emit, ignore
from assay.generators.plan import Plan
from assay.generators.table import named
from assay.runs.folder import RunFolder
from assay.runs.recording import recording
from assay.runs.store import Store

Results = Mapping[str, Mapping[str, Any]]
"""Benchmark id to its result as JSON."""

Suite = Callable[
    [Path, dict[str, Any] | None, Mapping[str, Any], Emit, Results, Callable[[Plan], None]], None
]
"""``(edit file, plan as JSON or None for fresh probes, options, emit, finished results, keep fresh plan)``."""

STOPPED = ("interrupted", "failed", "running", "queued")
"""Statuses that a suite can be resumed from; a run that really runs is refused by its lock. (One that is queued and
has an edit was stopped, and somebody asked for it to be gone on with.)"""


def resume(store: Store, asked: str, suite: Suite, listen: Emit) -> str:
    """Finish the suite of a stopped run in that run, leaving out what had finished; returns its id."""
    run_id, edit_file = stopped(store, asked)
    run = store.document(run_id)
    with recording(store, run_id, listen, resume=True) as recorded:
        done = store.results(run_id)
        options = {**run["options"], "bench": True}
        suite(
            edit_file, recorded.folder.read_plan(), options, recorded.emit, done, recorded.folder.write_plan
        )
        recorded.finish("committed")
    return run_id


def stopped(store: Store, asked: str) -> tuple[str, Path]:
    """Id and edit of a run whose suite can be resumed. Raises StoreError for any other run."""
    run_id, edit_file = store.edit_file(asked)
    status = store.status(run_id)
    if status not in STOPPED:
        raise StoreError(
            f"run {run_id}, which is {status}: nothing is left to finish",
            "a run whose benchmarks were interrupted",
            f"to run them again: assay bench {run_id}",
        )
    return run_id, edit_file


def repeat(
    store: Store,
    asked: str,
    suite: Suite,
    listen: Emit,
    fresh: bool = False,
    only: tuple[str, ...] | None = None,
    seed: int | None = None,
    generator: Mapping[str, Any] | None = None,
) -> str:
    """Run the suite on a run's edit in a new run; returns the new id."""
    run_id = store.create_run("bench", *again(store, asked, fresh, only, seed, generator))
    repeat_in(store, run_id, suite, listen)
    return run_id


def again(
    store: Store,
    asked: str,
    fresh: bool = False,
    only: tuple[str, ...] | None = None,
    seed: int | None = None,
    generator: Mapping[str, Any] | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Request and options of a new run that measures the edit of an old one.

    ``fresh`` asks for new probes: then the seed is one more than the old run's unless ``seed`` says
    otherwise, because the same seed would make the same probes. They come from the old run's generator, or from
    the one that the options ``generator`` name. Raises StoreError for a run without an edit.
    """
    of, _ = store.edit_file(asked)
    run = store.document(of)
    if seed is None:
        seed = run["options"].get("seed", 0) + fresh
    how = {"of": of, "probes": "fresh" if fresh else "same", **(generator or {})}
    name = run["options"].get("generator", "catalogue")
    if fresh and generator is None and named(name)[0] == "replay":
        raise GeneratorError(
            f"fresh probes from {name}, which has only those of that run",
            "a generator that makes new ones",
            "name one: --generator catalogue",
        )
    return run["request"], {**run["options"], "bench": True, "only": only, "seed": seed, **how}


def repeat_in(store: Store, run_id: str, suite: Suite, listen: Emit = ignore, queued: bool = False) -> None:
    """The suite in a new run that ``again`` described; its folder stands alone."""
    options = store.document(run_id)["options"]
    of, edit_file = store.edit_file(options["of"])
    fresh = options["probes"] == "fresh"
    with recording(store, run_id, listen, queued=queued) as recorded:
        recorded.folder.copy_from(RunFolder(edit_file.parent), plan=not fresh)
        recorded.inherit(store.events(of), plan=not fresh)
        plan = recorded.folder.read_plan()
        suite(recorded.folder.edit, plan, options, recorded.emit, {}, recorded.folder.write_plan)
        recorded.finish("committed")
