"""How far a run is, from its events: where a page begins to listen, and how many of its benchmarks are done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.benchmarks.names import NAMES
from assay.runs.clock import now, seconds_between
from assay.runs.records import Event

ENDS = ("run_finished", "run_failed")


def listen_after(events: Sequence[Event]) -> int:
    """The ``seq`` after which a page listens, so that it hears again what began and is not over.

    (What it shows already holds everything up to the newest event; only progress is not in the document.)
    """
    begun: dict[str, int] = {}
    for event in events:
        if event.kind == "stage_started":
            begun[event.data["stage"]] = event.seq
        elif event.kind == "stage_finished":
            begun.pop(event.data["stage"], None)
        elif event.kind == "bench_started":
            begun["bench"] = event.seq
        elif event.kind == "bench_result":
            begun.pop("bench", None)
        elif event.kind in ENDS or "versions" in event.data:  # those begin a sitting
            begun.clear()
    newest = events[-1].seq if events else -1
    return min([newest, *(seq - 1 for seq in begun.values())])


def elapsed(events: Sequence[Event]) -> float:
    """Seconds since the run began, or went on; 0 for one that waits."""
    for event in reversed(events):
        if event.kind == "run_started" and "versions" in event.data:
            return max(0.0, seconds_between(event.at, now()))
        if event.kind == "run_queued":
            break
    return 0.0


@dataclass(frozen=True)
class Suite:
    """The benchmarks of a run: how many there are to be, how many are there, and what is at work."""

    of: int
    done: int
    running: str | None
    """Title of the one at work; None when none is."""
    spent: float
    """Seconds that the finished ones took."""

    @property
    def left(self) -> float | None:
        """About how many seconds the others will take if they are like those before; None while nothing is known, or
        nothing is left."""
        return self.spent / self.done * (self.of - self.done) if 0 < self.done < self.of else None


def suite(run: Mapping[str, Any], events: Sequence[Event]) -> Suite | None:
    """The suite of a run's document and events; None for a run that is to have none."""
    options = run.get("options") or {}
    if run.get("kind") not in ("edit", "bench") or options.get("bench") is False:
        return None
    wanted = tuple(options.get("only") or NAMES)
    results = [result for result in run["benchmarks"] if result["id"] in wanted]
    running = None
    for event in events:
        if event.kind == "bench_started":
            running = str(event.data["title"])
        elif event.kind in ("bench_result", "run_started", *ENDS):
            running = None
    if run["status"] != "running":
        running = None
    spent = sum(float(result.get("seconds") or 0.0) for result in results)
    return Suite(len(wanted), len(results), running, spent)
