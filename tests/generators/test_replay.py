"""A stored run's probes once more: the same, on whatever else is changed, and only for the same request."""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from assay.characterise import run_bench
from assay.cli.main import app
from assay.errors import GeneratorError, MissingRun
from assay.generators.catalogue.catalogue import Catalogue
from assay.generators.means import Means
from assay.generators.plan import Plan, Request
from assay.generators.plan_json import plan_to_json
from assay.generators.replay import Replay
from assay.generators.table import generator
from assay.options import Options
from assay.pipeline import run_edit
from assay.runs.folder import RunFolder
from assay.runs.home import Home
from assay.runs.recording import recording
from assay.runs.replayed import replayed
from assay.runs.store import Store
from assay.runs.suites import again
from assay.settings import Settings
from small import LENIENT, SMALL, TOWER, save_tiny, timeless

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(Home(tmp_path_factory.mktemp("home"))) as opened:
        yield opened


@pytest.fixture(scope="module")
def first(store: Store, folder: Path) -> str:
    """A run whose probes are replayed."""
    return edit(store, folder, seed=3)


@pytest.fixture
def kept(tmp_path: Path) -> tuple[Plan, Means]:
    """A plan in the folder of the run ``first``."""
    plan = Catalogue().plan(TOWER, 3)
    run = RunFolder(tmp_path / "runs" / "first")
    run.make()
    run.write_plan(plan)
    return plan, Means(runs=tmp_path / "runs")


def edit(
    store: Store, folder: Path, request: Request = TOWER, settings: Settings = LENIENT, **options: Any
) -> str:
    """One recorded run; its id."""
    chosen = Options(model=str(folder), **{"layer": 1, "trace": False, **options})
    run_id = store.create_run("edit", request.to_json(), asdict(chosen))
    with recording(store, run_id) as run:
        keep = run.folder.write_plan
        outcome = run_edit(request, chosen, run.emit, store.home.cache, run.save, settings, keep=keep)
        run.finish(outcome.status)
    return run_id


def results(store: Store, run_id: str) -> list[dict[str, Any]]:
    """What every benchmark found, without times and without who made the probes."""
    return [{**timeless(row), "generator": None} for row in store.document(run_id)["benchmarks"]]


def asked(store: Store, run_id: str) -> dict[str, Any]:
    """The probes of a run, without who made them."""
    plan = RunFolder(store.home.run(run_id)).read_plan()
    assert plan is not None
    return {name: value for name, value in plan.items() if name not in ("generator", "notes")}


def test_a_replayed_plan_is_the_same_and_says_so(kept: tuple[Plan, Means]) -> None:
    plan, means = kept
    found = generator("replay:first", means).plan(TOWER, seed=99, n_probes=1)
    assert replace(found, generator=plan.generator, notes=plan.notes) == plan
    assert found.generator == f"{plan.generator}, replayed from first"
    assert found.notes == (*plan.notes, "probes replayed from run first")


def test_a_replay_of_a_replay_names_the_last_run_only(kept: tuple[Plan, Means], tmp_path: Path) -> None:
    plan, means = kept
    second = RunFolder(tmp_path / "runs" / "second")
    second.make()
    second.write_plan(Replay("first", means).plan(TOWER, 0))
    found = Replay("second", means).plan(TOWER, 0)
    assert found.generator == f"{plan.generator}, replayed from second"
    assert found.notes == (*plan.notes, "probes replayed from run second")


def test_the_same_options_give_the_same_scores_to_the_last_digit(
    store: Store, folder: Path, first: str
) -> None:
    second = edit(store, folder, seed=3, generator=f"replay:{first}")
    assert results(store, second) == results(store, first)
    assert len(results(store, first)) == 13
    assert asked(store, second) == asked(store, first)
    assert store.document(second)["generator"]["name"] == f"catalogue 3, replayed from {first}"


def test_the_same_probes_on_another_layer_seed_and_method(store: Store, folder: Path, first: str) -> None:
    for changed in ({"layer": 0}, {"seed": 7}, {"method": "memit"}):
        other = edit(store, folder, bench=False, generator=f"replay:{first}", **{"seed": 3, **changed})
        assert asked(store, other) == asked(store, first)
        assert store.document(other)["edit"]["edit_id"] != store.document(first)["edit"]["edit_id"]


def test_the_same_probes_on_another_model(
    store: Store, first: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Of another family: the questions are the same to the letter, the answers are its own."""
    elsewhere = save_tiny(tmp_path_factory.mktemp("other"), "gpt2")
    other = edit(store, elsewhere, generator=f"replay:{first}", seed=3)
    assert store.status(other) == "committed" and asked(store, other) == asked(store, first)
    theirs, ours = (
        {
            row["id"]: [(p["prompt"], p["target"]) for p in row["probes"]]
            for row in store.document(id)["benchmarks"]
        }
        for id in (other, first)
    )
    assert theirs.keys() == ours.keys() and sum(theirs[id] == ours[id] for id in ours) == 13
    assert results(store, other) != results(store, first)


def test_another_run_lends_its_probes_to_a_stored_edit(store: Store, folder: Path, first: str) -> None:
    second = edit(store, folder, bench=False, seed=2)
    _, file = store.edit_file(second)
    plans = []
    options = Options(model=str(folder), generator=f"replay:{first}", only=("edit_bench",), seed=2)
    run_bench(
        file, None, options, lambda kind, data: None, store.home.cache, settings=LENIENT, keep=plans.append
    )
    wanted = asked(store, first)
    assert {k: v for k, v in plan_to_json(plans[0]).items() if k in wanted} == wanted


CHANGES = {
    "prompt": (
        "The Eiffel Tower is in the city of",
        "prompt 'The Eiffel Tower is in the city of' where it has",
    ),
    "subject": ("Eiffel Tower", "subject 'Eiffel Tower' where it has 'The Eiffel Tower'"),
    "target": ("Oslo", "target 'Oslo' where it has 'Berlin'"),
    "old": ("Lyon", "old 'Lyon' where it has 'Paris'"),
    "relation": ("place_country", "relation 'place_country' where it has 'landmark_city'"),
}


@pytest.mark.parametrize("field", CHANGES)
def test_another_request_is_refused(field: str, kept: tuple[Plan, Means]) -> None:
    value, says = CHANGES[field]
    with pytest.raises(GeneratorError) as caught:
        Replay("first", kept[1]).plan(replace(TOWER, **{field: value}), 0)
    came = caught.value.came
    assert came.startswith("the probes of run first, which are about another request: ") and says in came
    assert caught.value.wanted == "the same prompt, subject and target as in that run"
    assert "assay runs show first" in caught.value.todo


@pytest.mark.parametrize("name", ["second", "", "..", "../runs/first", "first/"])
def test_a_run_that_is_not_there(name: str, kept: tuple[Plan, Means]) -> None:
    with pytest.raises(GeneratorError) as caught:
        Replay(name, kept[1]).plan(TOWER, 0)
    assert caught.value.came == f"run {name!r}, which is not stored here"
    assert caught.value.todo == "see which there are: assay runs list"


def test_the_probes_of_an_edit_that_was_rolled_back_are_asked_again(store: Store, folder: Path) -> None:
    tried = edit(store, folder, settings=SMALL, seed=5, bench=False)
    assert store.status(tried) == "rolled_back"
    again = edit(store, folder, generator=f"replay:{tried}", seed=6, bench=False)
    assert store.status(again) == "committed"
    plans = [RunFolder(store.home.run(run_id)).read_plan() for run_id in (tried, again)]
    assert plans[0] is not None and plans[1] is not None
    assert plans[0]["probes"] == plans[1]["probes"] and plans[0]["paraphrases"] == plans[1]["paraphrases"]


def test_without_a_home_there_is_no_run(kept: tuple[Plan, Means]) -> None:
    with pytest.raises(GeneratorError, match="not stored here"):
        generator("replay:first").plan(TOWER, 0)


def test_a_run_without_probes(kept: tuple[Plan, Means], tmp_path: Path) -> None:
    (tmp_path / "runs" / "bare").mkdir()
    with pytest.raises(GeneratorError) as caught:
        Replay("bare", kept[1]).plan(TOWER, 0)
    assert caught.value.came == "run bare, which kept no probes"
    assert caught.value.todo == "see which there are: assay runs list"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"request": 3}', "null"])
def test_a_plan_that_cannot_be_read(text: str, kept: tuple[Plan, Means], tmp_path: Path) -> None:
    (tmp_path / "runs" / "first" / "plan.json").write_text(text)
    with pytest.raises(GeneratorError) as caught:
        Replay("first", kept[1]).plan(TOWER, 0)
    assert caught.value.came.startswith("the probes of run first, which cannot be read")


def test_a_replay_cannot_avoid_prompts(kept: tuple[Plan, Means]) -> None:
    with pytest.raises(GeneratorError, match="1 prompts to avoid"):
        Replay("first", kept[1]).plan(TOWER, 0, avoid=["x"])


def test_a_run_is_found_by_a_part_of_its_id(store: Store, first: str) -> None:
    for name in (first, first[:-1]):
        assert replayed(store, f"replay:{name}", TOWER) == f"replay:{first}"
    assert replayed(store, "replay:last", TOWER) == f"replay:{store.find('last')}"
    assert replayed(store, "catalogue", TOWER) == "catalogue"
    with pytest.raises(MissingRun):
        replayed(store, "replay:nope", TOWER)
    with pytest.raises(GeneratorError, match="another request"):
        replayed(store, "replay:last", replace(TOWER, target="Oslo"))


def test_fresh_probes_of_a_replay_need_another_generator(store: Store, folder: Path, first: str) -> None:
    second = edit(store, folder, bench=False, generator=f"replay:{first}")
    with pytest.raises(GeneratorError) as caught:
        again(store, second, fresh=True)
    assert caught.value.came == f"fresh probes from replay:{first}, which has only those of that run"
    _, options = again(store, second, fresh=True, generator={"generator": "catalogue"})
    assert (options["generator"], options["probes"]) == ("catalogue", "fresh")
    _, options = again(store, second)
    assert options["probes"] == "same"


COMMAND = (
    *("edit", "--prompt", TOWER.prompt, "--subject", TOWER.subject, "--target", TOWER.target),
    *("--layer", "1", "--no-trace", "--no-bench", "--no-report", "--json"),
)


def test_the_command_line_replays_and_refuses(
    store: Store, folder: Path, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_HOME", str(store.home.root))

    def assay(*words: str) -> Any:
        return CliRunner().invoke(app, [*COMMAND, "--model", str(folder / "absent"), *words])

    for words in (("--probes", first[:-1]), ("--generator", f"replay:{first[:-1]}")):
        found = assay(*words)
        assert found.exit_code == 2 and "absent" in found.stdout, "all is well but for the model"
        assert store.document("last")["options"]["generator"] == f"replay:{first}"
    before = len(store.runs())
    for words, came in {
        ("--probes", "nope"): "run 'nope', which is not stored",
        ("--generator", "replay:nope"): "run 'nope', which is not stored",
        ("--probes", first, "--generator", "llm:x"): f"--probes {first} together with --generator llm:x",
        (
            "--probes",
            first,
            "--target",
            "Oslo",
        ): f"the probes of run {first}, which are about another request",
        ("--generator", "replay:"): "generator 'replay:'",
        ("--base-url", "http://x/v1"): "--base-url with the generator catalogue",
        ("--timeout", "3"): "--timeout with the generator catalogue",
    }.items():
        refused = assay(*words)
        assert refused.exit_code == 2, refused.output
        assert json.loads(refused.stdout)["error"]["came"].startswith(came)
    assert len(store.runs()) == before, "what is refused leaves no run"
