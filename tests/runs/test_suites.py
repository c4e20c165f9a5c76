"""The suite is passed in, so these tests run a small one: it emits stored results for what is left to do."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from assay.errors import StoreError
from assay.events import Emit, ignore
from assay.generators.plan_json import plan_to_json
from assay.runs.home import Home
from assay.runs.recording import recording
from assay.runs.store import Store
from assay.runs.suites import repeat, resume
from run_events import BEGIN, COMMIT, END, OPTIONS, REQUEST, SUITE, bench, plan


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(Home(tmp_path))


class Suite:
    """Runs edit_bench and zsre where they are not done, and remembers what it was given."""

    def __init__(self, stop_after: str | None = None) -> None:
        self.given: list[tuple[Path, Any, Mapping[str, Any]]] = []
        self.stop_after = stop_after

    def __call__(
        self,
        file: Path,
        plan: dict[str, Any] | None,
        options: Mapping[str, Any],
        emit: Emit,
        done: Any,
        keep: Any = None,
    ) -> None:
        self.given.append((file, plan, options))
        for id in ("edit_bench", "zsre"):
            if id not in done:
                emit("bench_result", bench(id, 0.3))
            if id == self.stop_after:
                raise KeyboardInterrupt


def stopped_run(store: Store, *, whole: bool) -> str:
    run_id = store.create_run("edit", REQUEST.to_json(), OPTIONS)
    with recording(store, run_id) as run:
        for kind, data in BEGIN:
            run.emit(kind, data)
        run.folder.write_plan(plan())
        run.folder.edit.write_bytes(b"an edit")
        run.emit(*COMMIT)
        for kind, data in (*SUITE, END) if whole else SUITE[:2]:
            run.emit(kind, data)
        if not whole:
            run.fail("stopped by the user", "interrupted")
    return run_id


def scores(store: Store, run_id: str) -> dict[str, float | None]:
    return {result["id"]: result["score"] for result in store.document(run_id)["benchmarks"]}


def test_resuming_runs_only_what_is_missing_with_the_runs_own_probes_and_options(store: Store) -> None:
    run_id, suite = stopped_run(store, whole=False), Suite()
    assert resume(store, "last", suite, ignore) == run_id
    assert scores(store, run_id) == {"edit_bench": 0.9, "zsre": 0.3}
    assert store.status(run_id) == "committed"
    assert suite.given == [(store.home.run(run_id) / "edit.safetensors", plan_to_json(plan()), OPTIONS)]
    assert len(store.runs()) == 1


def test_a_resumed_suite_can_be_stopped_and_resumed_again(store: Store) -> None:
    run_id = stopped_run(store, whole=False)
    with pytest.raises(KeyboardInterrupt):
        resume(store, run_id, Suite(stop_after="zsre"), ignore)
    assert store.document(run_id)["resumable"] is True
    resume(store, run_id, Suite(), ignore)
    assert store.status(run_id) == "committed"


def test_a_finished_suite_is_not_resumed(store: Store) -> None:
    run_id = stopped_run(store, whole=True)
    with pytest.raises(StoreError) as caught:
        resume(store, run_id, Suite(), ignore)
    assert caught.value.came == f"run {run_id}, which is committed: nothing is left to finish"


def test_repeating_makes_a_run_of_its_own_with_the_same_probes(store: Store) -> None:
    of, suite = stopped_run(store, whole=True), Suite()
    run_id = repeat(store, of, suite, ignore, only=("zsre",))
    assert run_id != of
    assert scores(store, of) == {"edit_bench": 0.9, "zsre": None}
    assert scores(store, run_id) == {"edit_bench": 0.3, "zsre": 0.3}
    ((file, asked, options),) = suite.given
    assert (file.parent.name, file.read_bytes()) == (run_id, b"an edit")
    assert asked == plan_to_json(plan())
    assert (options["seed"], options["only"]) == (0, ["zsre"])
    run = store.document(run_id)
    assert run["edit"]["layer"] == 9
    assert (run["settings"]["of"], run["settings"]["probes"]) == (of, "same")
    assert [edit.run_id for edit in store.edits()] == [of]


def test_fresh_probes_come_from_another_seed_also_when_resumed(store: Store) -> None:
    of, suite = stopped_run(store, whole=True), Suite(stop_after="edit_bench")
    with pytest.raises(KeyboardInterrupt):
        repeat(store, of, suite, ignore, fresh=True)
    resume(store, "last", Suite(), ignore)
    ((_, asked, options),) = suite.given
    assert asked is None
    assert options["seed"] == 1
    run = store.document("last")
    assert (run["kind"], run["status"], run["generator"]) == ("bench", "committed", None)
    chosen = Suite()
    repeat(store, of, chosen, ignore, fresh=True, seed=7)
    assert chosen.given[0][2]["seed"] == 7


def test_a_repeated_run_can_itself_be_repeated(store: Store) -> None:
    stopped_run(store, whole=True)
    first = repeat(store, "last", Suite(), ignore)
    suite = Suite()
    repeat(store, first, suite, ignore)
    assert suite.given[0][1] == plan_to_json(plan())
