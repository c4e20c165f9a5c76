"""The list of runs, a page at a time."""

from dataclasses import dataclass

from assay.asked import chosen
from assay.report.words import STATUSES
from assay.runs.records import Run
from assay.runs.store import Store

A_PAGE = 50
KINDS = ("edit", "bench", "trace", "feature", "merge")
"""What a run can be of."""


@dataclass(frozen=True)
class Listing:
    """One page of the runs that match, newest first."""

    runs: tuple[Run, ...]
    total: int
    page: int
    """From 1."""
    pages: int
    """At least 1."""


def listing(store: Store, search: str = "", kind: str = "", status: str = "", page: int = 1) -> Listing:
    """Runs with all words of ``search``, of a kind and status where those are not empty.

    A page beyond the last is the last. (Whether a run was interrupted is known only once its process was looked for,
    so this filters rows, not the query: ten thousand of them take a tenth of a second.)
    """
    if kind:
        chosen("kind", kind, KINDS)
    if status:
        chosen("status", status, tuple(STATUSES))
    found = [
        run
        for run in store.runs(search)
        if (not kind or run.kind == kind) and (not status or run.status == status)
    ]
    pages = max(1, -(-len(found) // A_PAGE))
    at = min(max(page, 1), pages)
    return Listing(tuple(found[(at - 1) * A_PAGE : at * A_PAGE]), len(found), at, pages)
