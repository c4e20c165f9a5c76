"""What runs and what waits: the queue as pages show it."""

from dataclasses import dataclass
from typing import Any

from assay.runs.queue import RUNNING, WAITING
from assay.runs.records import Run
from assay.web.state import State


@dataclass(frozen=True)
class Place:
    """One job's place in the queue."""

    run: Run
    work: str
    """What is to be done: a key of the worker's table."""
    ahead: int
    """Jobs before it; 0 for the one that runs, or is next."""
    running: bool

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dict."""
        return {
            "run_id": self.run.id,
            "work": self.work,
            "ahead": self.ahead,
            "running": self.running,
            "subject": self.run.subject,
            "target": self.run.target,
        }


def places(server: State) -> list[Place]:
    """All jobs that are not over, in the order in which they are done."""
    jobs = server.queue.jobs(RUNNING, WAITING)
    if not jobs:
        return []
    runs = server.store.runs_of(job.run_id for job in jobs)
    ordered = sorted(jobs, key=lambda job: job.state == WAITING)  # one that goes on was asked for long ago
    return [
        Place(runs[job.run_id], job.work, place, job.state == RUNNING)
        for place, job in enumerate(ordered)
        if job.run_id in runs
    ]
