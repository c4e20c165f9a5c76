"""The list of runs, a page at a time."""

from dataclasses import dataclass

from assay.asked import chosen
from assay.report.words import STATUSES
from assay.runs.records import Run
from assay.runs.store import Store
from assay.runs.wanted import Wanted

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

    A page beyond the last is the last.
    """
    if kind:
        chosen("kind", kind, KINDS)
    if status:
        chosen("status", status, tuple(STATUSES))
    wanted = Wanted(search, kind, status)
    total = store.count(wanted)
    pages = max(1, -(-total // A_PAGE))
    at = min(max(page, 1), pages)
    return Listing(tuple(store.runs(wanted, A_PAGE, (at - 1) * A_PAGE)), total, at, pages)
