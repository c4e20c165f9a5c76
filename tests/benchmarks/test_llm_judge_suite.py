"""LEME's second judge at the end of a suite: asked where a model makes the probes, and never in the way."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pydantic_ai")

from llm_server import TOWER, Call, Reply, Server, good, said, serving, well
from rich.console import Console
from typer.testing import CliRunner

from assay import characterise
from assay.benchmarks.llm_judge_suite import judge_suite, judges
from assay.characterise import run_bench
from assay.cli.main import app
from assay.generators.means import Means
from assay.options import Options
from assay.pipeline import run_edit
from assay.report.console import render_run
from assay.report.html import write_report
from assay.runs import suites
from assay.runs.folder import RunFolder
from assay.runs.home import Home
from assay.runs.recording import recording
from assay.runs.store import Store
from assay.settings import LlmSettings
from small import LENIENT, Heard, save_tiny

pytestmark = pytest.mark.slow

QUICK = replace(LENIENT, llm=LlmSettings(timeout=5, wait=0.01, longest_wait=1, attempts=1))
ONLY = ("edit_bench", "leme")
Edited = Callable[..., str]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """One for all tests: moments of keys are the same."""
    return Home(tmp_path_factory.mktemp("home"))


@pytest.fixture
def store(home: Home, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("ASSAY_HOME", str(home.root))
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("ASSAY_DB", raising=False)
    for file in (home.cache / "llm").glob("*.json"):  # a server's port may come again
        file.unlink()
    with Store(home) as opened:
        yield opened


@pytest.fixture
def edited(store: Store, folder: Path) -> Edited:
    def edit(server: Server | None, listen: Heard | None = None, **more: Any) -> str:
        of = {"generator": "llm:scripted", "base_url": server.base_url} if server else {}
        options = Options(**{"model": str(folder), "layer": 1, "trace": False, "only": ONLY, **of, **more})
        run_id = store.create_run("edit", TOWER.to_json(), asdict(options))
        with recording(store, run_id, listen or Heard()) as run:
            run.finish(run_edit(TOWER, options, run.emit, store.home.cache, run.save, QUICK).status)
        return run_id

    return edit


def leme_of(store: Store, run_id: str) -> dict[str, Any]:
    return next(one for one in store.document(run_id)["benchmarks"] if one["id"] == "leme")


def failing(call: Call) -> Reply:
    return Reply(body=b"{}", status=418) if call.purpose == "judge" else well(call)


def shown(document: dict[str, Any]) -> list[str]:
    out = StringIO()
    render_run(document, Console(file=out, width=80))
    return out.getvalue().splitlines()


def test_the_model_that_makes_the_probes_also_judges(store: Store, edited: Edited) -> None:
    heard = Heard()
    with serving() as server:
        run_id = edited(server, heard)
    kinds = [kind for kind, _ in heard.events]
    assert (
        kinds.index("judged")
        > kinds.index("reading")
        > max(at for at, kind in enumerate(kinds) if kind == "bench_result")
    ), "after the benchmarks, which do not wait for it"
    (told,) = json.loads(json.dumps(heard.of("judged")))
    leme = leme_of(store, run_id)
    (judged,) = leme["judges"]
    assert judged == told and judged["score"]["score"] == 1.0
    assert judged["judge"]["generator"] == "llm" and judged["judge"]["answers"] == len(leme["texts"])
    assert judged["judge"]["tokens_in"] == 100 * len(leme["texts"])
    (own,) = [one for one in json.loads(json.dumps(heard.of("bench_result"))) if one["id"] == "leme"]
    assert {**own, "judges": [judged]} == leme, "the rule's score is as it was"
    assert own["score"] != 1.0
    run = store.document(run_id)
    assert run["status"] == "committed" and run["settings"]["llm"]["timeout"] == 5.0
    assert any(call.data["old"] == "Paris" for call in server.calls if call.purpose == "judge"), (
        "known by then"
    )
    assert json.loads((store.home.run(run_id) / "run.json").read_text()) == run
    lines = shown(run)
    assert any(line.startswith("LEME, a second judge  llm:scripted") for line in lines)
    assert any("answers, " in line and "tokens in" in line for line in lines)
    page = write_report(run, store.home.run(run_id) / "page.html").read_text()
    assert f"{len(leme['texts'])} answers, {100 * len(leme['texts']):,} tokens in" in page


def test_the_command_finds_the_answers_of_the_suite(store: Store, edited: Edited) -> None:
    with serving() as server:
        run_id = edited(server)
        before = leme_of(store, run_id)
        server.calls.clear()
        words = ("bench", run_id, "--judge", "llm:scripted", "--base-url", server.base_url, "--json")
        found = CliRunner().invoke(app, words)
        assert found.exit_code == 0, found.output
        assert server.calls == [], "the same questions"
    assert leme_of(store, run_id) == before


def test_a_judge_that_fails_leaves_the_run_whole_and_can_be_asked_later(store: Store, edited: Edited) -> None:
    heard = Heard()
    with serving(failing) as server:
        run_id = edited(server, heard, timeout=5.0)
        asked = server.purposes().count("judge")
        run, leme = store.document(run_id), leme_of(store, run_id)
        assert run["status"] == "committed" and len(run["benchmarks"]) == 2 and run["error"] is None
        assert "judges" not in leme
        assert len(leme["texts"]) > 4 >= asked, "those that waited for their turn are not asked"
        missing = leme["not_judged"]
        assert missing["came"].startswith(f"status 418 from {server.base_url}")
        text = " ".join(" ".join(shown(run)).split())
        command = f"assay bench {run_id} --judge llm:scripted --base-url {server.base_url} --timeout 5"
        assert "did not judge: status 418" in text and command in text
        page = write_report(run, store.home.run(run_id) / "page.html").read_text()
        assert command in page and "did not judge these texts" in page
        server.script = well
        found = CliRunner().invoke(app, [*command.split()[1:], "--json"])
        assert found.exit_code == 0, found.output
    leme = leme_of(store, run_id)
    assert len(leme["judges"]) == 1 and "not_judged" not in leme


@pytest.mark.parametrize("error", [RuntimeError("CUDA out of memory\nand more"), ValueError("x" * 999)])
def test_whatever_goes_wrong_is_told_in_one_line(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise error

    monkeypatch.setattr("assay.benchmarks.llm_judge.judge_texts", broken)
    heard, means = Heard(), Means(base_url="http://127.0.0.1:9/v1")
    leme = {"texts": [{}], "threshold": 0.5}
    judge_suite("llm:x", means, TOWER, leme, seed=0, resamples=9, emit=heard)
    ((kind, data),) = heard.events
    assert kind == "not_judged" and data["came"].startswith(f"{type(error).__name__}: ")
    assert data["came"].isprintable() and len(data["came"]) <= 300


def test_a_stopped_suite_is_stopped_in_the_judging_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("assay.benchmarks.llm_judge.judge_texts", stopped)
    means = Means(base_url="http://127.0.0.1:9/v1")
    with pytest.raises(KeyboardInterrupt):
        leme = {"texts": [{}], "threshold": 0.5}
        judge_suite("llm:x", means, TOWER, leme, seed=0, resamples=9, emit=Heard())


def test_a_run_stopped_in_the_judging_goes_on_there(
    store: Store, edited: Edited, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    heard = Heard()

    def suite(edit_file: Path, plan: Any, options: Any, emit: Any, done: Any, keep: Any) -> None:
        run_bench(edit_file, plan, Options(**options), emit, store.home.cache, done, QUICK, keep)

    with serving() as server:
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(characterise, "judge_suite", stopped)
            edited(server)
        run_id = store.find("last")
        assert store.status(run_id) == "interrupted" and len(store.results(run_id)) == 2
        suites.resume(store, run_id, suite, heard)
    assert heard.of("bench_result") == [] and len(leme_of(store, run_id)["judges"]) == 1
    assert store.status(run_id) == "committed"


def test_who_judges() -> None:
    assert judges("llm:x", None) and judges("local:x", ONLY) and judges("llm:x", ("leme",))
    assert not judges("llm:x", ("zsre",))
    assert not any(judges(name, None) for name in ("catalogue", "replay:last"))


def test_a_replay_and_the_catalogue_ask_nobody(store: Store, edited: Edited) -> None:
    with serving() as server:
        first = edited(server, bench=False)
        assert "judge" not in server.purposes(), "no benchmarks, no paragraphs"
    for generator in (f"replay:{first}", "catalogue"):
        heard = Heard()
        run_id = edited(None, heard, generator=generator)
        assert heard.of("judged") == heard.of("not_judged") == [], "also none that failed"
        assert "llm" not in store.document(run_id)["settings"]


def test_the_benchmarks_again_on_the_same_probes_are_judged_again(store: Store, edited: Edited) -> None:
    with serving() as server:
        first = edited(server, bench=False)
        _, file = store.edit_file(first)
        plan = RunFolder(store.home.run(first)).read_plan()
        chosen = {**store.document(first)["options"], "bench": True}
        heard, other = Heard(), Heard()
        run_bench(file, plan, Options(**chosen), heard, store.home.cache, {}, QUICK)
        calls = len(server.calls)
        run_bench(
            file, plan, Options(**{**chosen, "only": ("edit_bench",)}), other, store.home.cache, {}, QUICK
        )
        assert len(server.calls) == calls
    assert len(heard.of("judged")) == 1 and "llm" in heard.of("run_started")[0]["settings"]
    assert other.of("judged") == [] and "llm" not in other.of("run_started")[0]["settings"]


def test_one_text_without_marks_costs_itself(store: Store, edited: Edited) -> None:
    def script(call: Call) -> Reply:
        if call.purpose == "judge" and call.number == 0:
            return said({"marks": []})
        return said(good(call.purpose, call.data))

    with serving(script) as server:
        leme = leme_of(store, edited(server))
    (judged,) = leme["judges"]
    assert judged["score"]["n_unscored"] == 1 and judged["score"]["n"] == len(leme["texts"]) - 1
