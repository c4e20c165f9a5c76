"""What the store hands out: an event, a run's row, a stored edit's row."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Event:
    """One line of a run's append-only stream."""

    seq: int
    """Position in the run's stream, from 0 without gaps."""
    kind: str
    """A key of events.KINDS."""
    data: Mapping[str, Any]
    at: str
    """When it was stored: ISO-8601, UTC, milliseconds."""


@dataclass(frozen=True)
class Run:
    """One row of the list of runs."""

    id: str
    kind: str
    """edit | bench | trace | feature | merge (an edit into a model folder)."""
    status: str
    """queued | running | committed | rolled_back | done | failed | interrupted; interrupted is also what a running
    run is called once its process is gone."""
    pid: int
    pid_started: str | None
    """When that process started, as the system tells it: a number that was given away again is noticed."""
    host: str
    created_at: str
    finished_at: str | None
    model_id: str | None
    model_hash: str | None
    subject: str
    target: str
    relation: str | None
    summary: Mapping[str, Any] = field(default_factory=dict)
    """How many benchmarks have which verdict so far: {verdict: count}."""
    prompt: str = ""
    """Empty for a run without one."""

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dict."""
        return asdict(self)


@dataclass(frozen=True)
class StoredEdit:
    """One edit that a run tried."""

    run_id: str
    id: str
    model_id: str | None
    model_hash: str | None
    layer: int | None
    """Block whose down-projection it changes."""
    state: str
    """committed | rolled_back."""
    file: str | None
    """Path below the home folder; None for an edit that was rolled back."""
    created_at: str

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dict."""
        return asdict(self)
