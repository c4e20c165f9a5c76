import json

from hypothesis import given
from hypothesis import strategies as st

from assay.runs.fold import empty, fold
from assay.runs.records import Event
from assay.runs.strict import dumps
from run_events import BEGIN, COMMIT, END, OPTIONS, REQUEST, SUITE, WHOLE, Pair, bench

FIRST: Pair = (
    "run_started",
    {
        "run_id": "r1",
        "kind": "edit",
        "request": REQUEST.to_json(),
        "model": {"id": "smollm2", "hash": None},
        "options": OPTIONS,
        "settings": {"seed": 0},
        "versions": {"python": "3"},
    },
)


def events(*pairs: Pair, start: int = 0) -> list[Event]:
    """The pairs one second apart."""
    return [
        Event(i, kind, data, f"2030-01-01T00:{(start + i) // 60:02}:{(start + i) % 60:02}.000Z")
        for i, (kind, data) in enumerate(pairs)
    ]


def test_a_whole_run_has_every_part() -> None:
    run = fold(events(FIRST, *WHOLE))
    assert run["run_id"] == "r1"
    assert run["status"] == "committed"
    assert run["model"] == {"id": "smollm2", "hash": "ab12"}
    assert run["options"] == OPTIONS
    assert run["settings"] == {"seed": 0, "bench": {"n_probes": 8}}
    assert run["generator"]["name"] == "catalogue 1"
    assert run["edit"]["layer"] == 9
    assert run["edit"]["method"] == "rome"
    assert run["edit"]["p_target"] == 0.95
    assert run["validation"]["passed"] is True
    assert [check["value"] for check in run["validation"]["checks"]] == [0.02]
    assert [result["id"] for result in run["benchmarks"]] == ["edit_bench", "zsre"]
    assert run["benchmarks"][1]["score"] is None
    assert run["timings"]["trace"] == 1.5
    assert run["timings"]["total"] == len(WHOLE)
    assert run["finished_at"] is not None


def test_candidates_keep_what_was_tried_and_why_it_was_rolled_back() -> None:
    first, second = fold(events(*WHOLE))["candidates"]
    assert (first["layer"], first["why"], first["rolled_back"]) == (5, "default", "behaviour: 0.4 above 0.1")
    assert (second["layer"], second["rolled_back"]) == (9, None)
    assert first["checks"][0]["passed"] is False


@given(st.integers(0, len(WHOLE)))
def test_any_beginning_of_a_run_is_a_document_with_the_same_fields_and_strict_json(n: int) -> None:
    run = fold(events(*WHOLE[:n]))
    assert run.keys() == empty().keys()
    assert json.loads(dumps(run), parse_constant=lambda name: 1 / 0).keys() == run.keys()
    assert run["validation"]["passed"] is (True if n > len(BEGIN) else False if 9 <= n < 10 else None)
    assert len(run["benchmarks"]) == sum(kind == "bench_result" for kind, _ in WHOLE[:n])


@given(st.lists(st.integers(0, len(WHOLE) - 1)))
def test_progress_events_change_nothing_but_the_time(places: list[int]) -> None:
    noisy = list(WHOLE)
    for place in places:
        noisy.insert(place, ("stage_progress", {"stage": "trace", "done": 1, "total": 9, "title": "x"}))
    plain, other = fold(events(*WHOLE)), fold(events(*noisy))
    for run in (plain, other):
        run["timings"].pop("total")
        run.update(created_at=None, finished_at=None)
    assert plain == other


def test_a_second_result_of_a_benchmark_replaces_the_first_in_its_place() -> None:
    run = fold(events(*BEGIN, COMMIT, *SUITE, ("bench_result", bench("edit_bench", 0.25)), END))
    assert [(result["id"], result["score"]) for result in run["benchmarks"]] == [
        ("edit_bench", 0.25),
        ("zsre", None),
    ]


def test_nothing_known_is_null_and_not_zero() -> None:
    run = fold([])
    assert run["edit"] is None
    assert run["reading"] is None
    assert run["trace"] is None
    assert run["validation"] == {"passed": None, "checks": []}


def test_a_rolled_back_run_shows_the_last_candidates_checks() -> None:
    run = fold(events(*BEGIN[:9], ("run_finished", {"status": "rolled_back", "seconds": 1.0})))
    assert run["status"] == "rolled_back"
    assert run["validation"]["passed"] is False
    assert run["edit"] is None
    assert run["validation"]["checks"][0]["value"] == 0.4


def test_a_resumed_run_leaves_out_the_pause_and_forgets_the_failure() -> None:
    stopped: Pair = (
        "run_failed",
        {"error": "stopped by the user", "resumable": True, "status": "interrupted"},
    )
    first = events(FIRST, *BEGIN, COMMIT, stopped)
    halted = fold(first)
    assert (halted["status"], halted["error"], halted["resumable"]) == (
        "interrupted",
        "stopped by the user",
        True,
    )
    again: Pair = ("run_started", {"run_id": "r1", "versions": {"python": "3"}})
    run = fold([*first, *events(again, *SUITE, END, start=1800)])
    assert run["status"] == "committed"
    assert run["error"] is None
    assert run["request"] == REQUEST.to_json()
    assert run["timings"]["total"] == halted["timings"]["total"] + len(SUITE) + 1


def test_what_features_said_stands_in_the_document_once() -> None:
    first, second = ({"sae": "s", "low_purity": value} for value in (0.25, 0.75))
    run = fold(events(*BEGIN, ("carried", first), COMMIT, ("footprint", first), ("footprint", second)))
    assert (run["carried"], run["footprint"]) == (first, second)
    assert (empty()["carried"], empty()["footprint"]) == (None, None)
