"""The list of runs is searched, filtered and cut into pages by the database, as the slow way would."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assay.runs.home import Home
from assay.runs.process import host, started
from assay.runs.records import Run
from assay.runs.schema import RUNS
from assay.runs.store import Store
from assay.runs.wanted import Wanted

ROW = {
    "kind": "edit",
    "status": "committed",
    "pid": 1,
    "host": "elsewhere",
    "model_id": "smollm2",
    "subject": "Paris",
    "target": "Rome",
    "summary": {"high": 9},
    "prompt": "The city of Paris lies in",
}
HERE = {"status": "running", "host": host()}
MIXED: tuple[dict[str, Any], ...] = (
    {},
    {"subject": "The Eiffel Tower", "prompt": "The Eiffel Tower is located in the city of"},
    {"kind": "bench", "target": "100%_"},
    {"kind": "feature", "status": "failed", "model_id": None, "prompt": ""},
    {**HERE, "pid": os.getpid(), "pid_started": started(os.getpid())},
    {**HERE, "pid": os.getpid(), "pid_started": "another one"},
    {**HERE, "pid": 0, "relation": "landmark_city"},
    {"status": "running", "pid": 0},
    {"status": "interrupted", "model_id": "gpt2"},
    {"status": "queued", "kind": "merge"},
)


def fill(store: Store, rows: list[dict[str, Any]]) -> None:
    made = [
        {"pid_started": None, "relation": None, **ROW, **row}
        | {"id": f"2030-{i:06d}", "created_at": f"2030-01-01T00:00:{i:06d}"}
        for i, row in enumerate(rows)
    ]
    with store.database.connection(writes=True) as connection:
        connection.execute(sa.insert(RUNS), made)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(Home(tmp_path_factory.mktemp("home"))) as store:
        fill(store, [*MIXED, *MIXED])
        yield store


def slow(runs: list[Run], wanted: Wanted) -> list[Run]:
    """The same row by row, with the status as it is shown."""

    def matches(run: Run) -> bool:
        words = (
            run.id,
            run.kind,
            run.status,
            run.prompt,
            run.subject,
            run.target,
            run.relation,
            run.model_id,
        )
        return (
            all(any(word.lower() in (text or "").lower() for text in words) for word in wanted.search.split())
            and wanted.kind in ("", run.kind)
            and wanted.status in ("", run.status)
        )

    return [run for run in runs if matches(run)]


def test_a_dead_process_of_this_machine_is_an_interrupted_run_to_search_and_filter(mixed: Store) -> None:
    dead = ["2030-000018", "2030-000016", "2030-000015", "2030-000008", "2030-000006", "2030-000005"]
    assert [run.id for run in mixed.runs(Wanted(status="interrupted"))] == dead
    assert [run.id for run in mixed.runs(Wanted("interr"))] == dead
    assert {run.host for run in mixed.runs(Wanted(status="running"))} == {"elsewhere", host()}
    assert mixed.count(Wanted(status="running")) == mixed.count(Wanted("running")) == 4


SEARCH = st.lists(
    st.sampled_from(
        ["LOCATED", "eiffel", "%", "_", "100%", "smollm2", "gpt", "fail", "2030-00000", "city", "x"]
    )
)


@pytest.mark.slow
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    search=SEARCH.map(" ".join),
    kind=st.sampled_from(["", "edit", "bench", "merge"]),
    status=st.sampled_from(["", "running", "interrupted", "queued", "committed"]),
    limit=st.integers(1, 25),
    offset=st.integers(0, 25),
)
def test_the_query_finds_what_the_slow_way_does(
    mixed: Store, search: str, kind: str, status: str, limit: int, offset: int
) -> None:
    wanted = Wanted(search, kind, status)
    found = slow(mixed.runs(), wanted)
    assert mixed.count(wanted) == len(found)
    assert mixed.runs(wanted, limit, offset) == found[offset : offset + limit]


def test_rows_of_some_runs_are_had_without_the_others(mixed: Store) -> None:
    some = mixed.runs_of(["2030-000005", "2030-000000", "none"])
    assert {run.id: run.status for run in some.values()} == {
        "2030-000005": "interrupted",
        "2030-000000": "committed",
    }
    assert mixed.runs_of([]) == {}


@pytest.mark.parametrize(
    "wanted",
    [Wanted(), Wanted("eiffel located committed"), Wanted(kind="bench"), Wanted(status="interrupted")],
    ids=["all", "search", "kind", "status"],
)
def test_five_thousand_runs_are_listed_in_a_fifth_of_a_second(tmp_path: Path, wanted: Wanted) -> None:
    with Store(Home(tmp_path)) as store:
        ended = [row for row in MIXED if row.get("host") != host()]
        fill(store, [*MIXED * 10, *(ended[i % len(ended)] for i in range(4_900))])
        store.count()
        taken = []
        for _ in range(3):  # the quickest of three: others use this machine, too
            begun = time.perf_counter()
            store.runs(wanted, 50, min(4_000, store.count(wanted) - 50))
            taken.append(time.perf_counter() - begun)
        assert store.count(wanted) >= 500
    assert min(taken) < 0.2, taken
