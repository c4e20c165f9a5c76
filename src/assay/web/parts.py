"""The page of a run in parts: each is drawn anew, by itself, when an event has come that changes it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assay.asked import chosen
from assay.errors import StoreError
from assay.report.html import shown
from assay.runs.queue import RUNNING, WAITING
from assay.runs.suites import STOPPED
from assay.web.doing import elapsed, listen_after, suite
from assay.web.edit_form import like
from assay.web.files import files_of
from assay.web.live import GOING
from assay.web.state import State

EDITS = ("edit", "bench")
EVERY = (*EDITS, "trace", "feature", "merge")
ENDS = ("run_queued", "run_started", "run_finished", "run_failed", "status")
"""After these all is drawn anew; ``status`` is the stream's own last word."""


KIND_WORDS: Mapping[str, str] = {
    "edit": "weight edit",
    "bench": "benchmarks again",
    "trace": "causal trace",
    "feature": "feature scores",
    "merge": "edit and model folder",
}
"""What a run is, for people."""


@dataclass(frozen=True)
class Part:
    """One part: its name is also that of its template in parts/."""

    name: str
    changes: tuple[str, ...]
    """Event kinds after which it looks different, beside ENDS."""
    kinds: tuple[str, ...] = EDITS
    """Kinds of runs that have it."""

    @property
    def template(self) -> str:
        """Of this package, or else of the report's."""
        return f"parts/{self.name}.html.j2"


PARTS: Mapping[str, Part] = {
    part.name: part
    for part in (
        Part("head", ("committed", "rolled_back"), EVERY),
        Part(
            "summary",
            ("candidate", "check", "committed", "rolled_back", "bench_result", "reading"),
        ),
        Part("where", ("trace", "candidate", "optimised", "check", "committed", "rolled_back")),
        Part("trace", ("trace",), ("trace",)),
        Part("footprint", ("carried", "footprint")),
        Part("feature", ("feature_scores",), ("feature",)),
        Part("suite", ("plan", "committed", "bench_started", "bench_result")),
        Part("cards", ()),
        Part("glossary", ()),
        Part("provenance", ("plan", "stage_finished"), EVERY),
    )
}
"""Name to part, in the page's order. A benchmark's card is drawn by itself: its result is on the screen at once."""


def parts_of(kind: str) -> tuple[Part, ...]:
    """The parts of a run's page."""
    return tuple(part for part in PARTS.values() if kind in part.kinds)


def filled(server: State, asked: str) -> dict[str, Any]:
    """What the templates of a run's page and of its parts are filled in with."""
    run_id = server.store.find(asked)
    # Before the document: what comes between the two is then told again, not lost.
    events = server.store.events(run_id)
    run = server.store.document(run_id)
    jobs = [job.run_id for job in server.queue.jobs(RUNNING, WAITING)]
    return {
        **shown(run),
        "run": run,
        "parts": parts_of(run["kind"]),
        "ends": ENDS,
        "newest": max((event.seq for event in events), default=-1),
        "after": listen_after(events),
        "suite": suite(run, events),
        "going": run["status"] in GOING,
        "elapsed": round(elapsed(events), 1),
        "ahead": jobs.index(run_id) if run_id in jobs else None,
        "may": may(server, run, run_id in jobs),
        "files": files_of(run["kind"]),
        "like": like(run),
        "kind_words": KIND_WORDS,
    }


def may(server: State, run: Mapping[str, Any], job: bool) -> dict[str, bool]:
    """What can be done with a run now."""
    try:
        server.store.edit_file(run["run_id"])
        edited = True
    except StoreError:
        edited = False
    return {
        "cancel": job and run["status"] in GOING,
        "resume": edited and run["status"] in STOPPED and run["status"] not in GOING,
        "measure": edited,
        "edit": run["kind"] in EDITS,
        "compare": bool(run["benchmarks"]),
    }


def card(server: State, asked: str, benchmark: str) -> dict[str, Any]:
    """What one benchmark's card is filled in with: nothing of the run is drawn beside it, so that it is there at once.

    Raises InputError where the run has none of that name and is to have none.
    """
    run = server.store.document(asked)
    alone = [result for result in run["benchmarks"] if result["id"] == benchmark]
    drawn = shown({**run, "trace": None, "benchmarks": alone})
    ids = [card.id for card in drawn["thirteen"]]
    place = ids.index(chosen("benchmark", benchmark, ids))
    return {"card": drawn["thirteen"][place], "place": place, "curve": drawn["curves"].get(benchmark)}
