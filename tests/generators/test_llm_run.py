"""Whole runs whose probes come from a language model: recorded, resumable, and without a trace of the key."""

import json
import logging
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest

pytest.importorskip("pydantic_ai")

from llm_server import TOWER, WELL, Call, Reply, Server, good, only, said, serving, well
from typer.testing import CliRunner

from assay.characterise import run_bench
from assay.cli.main import app
from assay.errors import GeneratorError
from assay.options import Options
from assay.pipeline import run_edit
from assay.report.cards import benches
from assay.report.html import render, write_report
from assay.runs.folder import RunFolder
from assay.runs.home import Home
from assay.runs.recording import recording
from assay.runs.store import Store
from assay.runs.suites import again
from small import LENIENT, Heard, save_tiny

pytestmark = pytest.mark.slow

KEY = "sk-very-secret-0123456789"


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
    monkeypatch.setenv("ASSAY_LLM_KEY", KEY)
    rmtree(home.cache / "llm", ignore_errors=True)  # a server's port may come again
    with Store(home) as opened:
        yield opened


def edit(store: Store, folder: Path, server: Server, listen: Any = None, **more: Any) -> str:
    chosen = {"layer": 1, "trace": False, "timeout": 5.0, **more}
    options = Options(model=str(folder), generator="llm:scripted", base_url=server.base_url, **chosen)
    run_id = store.create_run("edit", TOWER.to_json(), asdict(options))
    with recording(store, run_id, listen or Heard()) as run:
        run.finish(run_edit(TOWER, options, run.emit, store.home.cache, run.save, LENIENT).status)
    return run_id


def holding(root: Path, text: str) -> list[Path]:
    """Every file below ``root`` that has ``text`` in it."""
    files = [p for p in root.rglob("*") if p.is_file()]
    assert files
    return [p for p in files if text.encode() in p.read_bytes()]


def test_a_run_with_probes_of_a_model(store: Store, folder: Path) -> None:
    with serving() as server:
        run_id = edit(store, folder, server)
    run = store.document(run_id)
    assert run["status"] == "committed"
    assert len(run["benchmarks"]) == 13
    assert {row["generator"] for row in run["benchmarks"]} == {"llm 1 (scripted)"}
    assert run["generator"]["name"] == "llm 1 (scripted)"
    assert any("tokens in" in note for note in run["generator"]["notes"])
    assert run["options"]["base_url"] == server.base_url
    assert run["settings"]["llm"]["timeout"] == 5.0
    scored = [row for row in run["benchmarks"] if row["score"] is not None]
    assert len(scored) >= 9
    ripple = next(row for row in run["benchmarks"] if row["id"] == "ripple_bench")
    assert (ripple["accepted"], ripple["rejects"], ripple["again"]) == (8, 0, 0)
    card = next(card for card in benches(run) if card.id == "ripple_bench")
    assert card.made == "8 accepted, 0 rejected by the audit, never asked again"
    assert card.made in render(run)


def test_the_key_is_sent_and_written_nowhere(
    store: Store, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    def echo(call: Call) -> Reply:
        if call.number == 0 and call.purpose == "reach":
            return Reply(body=b"Bearer " + KEY.encode(), status=500)
        return well(call)

    heard = Heard()
    with serving(echo) as server:
        run_id = edit(store, folder, server, heard)
    assert {call.headers["authorization"] for call in server.calls} == {f"Bearer {KEY}"}
    assert store.status(run_id) == "committed"
    write_report(store.document(run_id), store.home.run(run_id) / "report.html")
    assert (store.home.run(run_id) / "report.html").stat().st_size > 50_000
    assert holding(store.home.root, KEY) == []
    assert KEY not in json.dumps(heard.events) and KEY not in caplog.text


@pytest.mark.parametrize("how", ["status", "answer", "form"])
def test_a_server_that_repeats_the_key_spreads_it_nowhere(
    how: str, store: Store, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    replies = {
        "status": Reply(body=json.dumps({"error": f"the key {KEY} is wrong"}).encode(), status=401),
        "answer": said({**good("fact", {}), "relation": KEY}),
        "form": said({KEY: KEY, "relation": [KEY]}),
    }
    script = (lambda call: replies[how]) if how == "form" else only("fact", [replies[how]])
    with serving(script) as server, pytest.raises(GeneratorError) as caught:
        edit(store, folder, server)
    assert KEY not in str(caught.value)
    assert holding(store.home.root, KEY) == []
    assert KEY not in caplog.text
    run = store.document("last")
    assert (run["status"], run["error"]) == ("failed", str(caught.value))


def test_a_run_that_fails_says_why_and_the_same_command_goes_on(store: Store, folder: Path) -> None:
    with serving(only("premise", [Reply(body=b"{}", status=418)])) as server:
        with pytest.raises(GeneratorError):
            edit(store, folder, server)
        run = store.document("last")
        assert (run["status"], run["edit"]) == ("failed", None)
        assert f"status 418 from {server.base_url}" in run["error"]
        server.calls.clear()
        server.script = well
        run_id = edit(store, folder, server)
        assert [purpose for purpose in server.purposes() if purpose != "judge"] == ["premise"]
    assert store.status(run_id) == "committed"


def test_a_model_dies_away_and_the_kept_probes_stay(store: Store, folder: Path) -> None:
    with serving() as server:
        first = edit(store, folder, server, bench=False)
    options = store.document(first)["options"]
    _, file = store.edit_file(first)
    heard = Heard()
    chosen = Options(**{**options, "only": ("edit_bench",)})
    run_bench(
        file, RunFolder(store.home.run(first)).read_plan(), chosen, heard, store.home.cache, {}, LENIENT
    )
    assert len(heard.of("bench_result")) == 1
    replay = {**options, "generator": f"replay:{first}", "base_url": None}
    run_id = store.create_run("edit", TOWER.to_json(), replay)
    with recording(store, run_id) as run:
        outcome = run_edit(TOWER, Options(**replay), run.emit, store.home.cache, run.save, LENIENT)
    assert outcome.status == "committed"
    assert store.document(run_id)["generator"]["name"] == f"llm 1 (scripted), replayed from {first}"


def test_fresh_probes_for_a_stored_edit(store: Store, folder: Path) -> None:
    with serving(only("fact", [WELL])) as server:
        first = edit(store, folder, server, bench=False)
        _, options = again(store, first, fresh=True)
        assert (options["generator"], options["base_url"], options["seed"]) == (
            "llm:scripted",
            server.base_url,
            1,
        )
        _, file = store.edit_file(first)
        plans: list[Any] = []
        chosen = Options(
            **{k: v for k, v in options.items() if k not in ("of", "probes")} | {"only": ("zsre",)}
        )
        run_bench(file, None, chosen, Heard(), store.home.cache, settings=LENIENT, keep=plans.append)
    assert plans[0].generator == "llm 1 (scripted)"
    assert plans[0].request == load(store, first)
    assert server.calls[-1].payload["seed"] == 1


def load(store: Store, run_id: str) -> Any:
    from assay.edits.delta import load_edit

    return load_edit(store.edit_file(run_id)[1]).request


COMMAND = (
    *("edit", "--prompt", TOWER.prompt, "--subject", TOWER.subject, "--target", TOWER.target),
    *("--layer", "1", "--no-trace", "--no-bench", "--no-report", "--json", "--generator", "llm:scripted"),
)


def test_the_command_line(store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def assay(*words: str) -> Any:
        return CliRunner().invoke(app, [*COMMAND, "--model", str(folder), *words])

    with serving(only("prose", [Reply(body=b"{}", status=418)])) as server:
        found = assay("--base-url", f"{server.base_url}/", "--timeout", "7")
    assert found.exit_code == 2, found.output
    error = json.loads(found.stdout)["error"]
    assert (error["kind"], error["wanted"]) == ("GeneratorError", "a call that it accepts")
    document = store.document("last")
    assert document["status"] == "failed" and error["came"] in document["error"]
    assert document["options"]["base_url"] == server.base_url
    assert document["settings"]["llm"]["timeout"] == 7.0
    monkeypatch.delenv("ASSAY_LLM_KEY")
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    before = len(store.runs())
    refused = assay()
    assert refused.exit_code == 2
    error = json.loads(refused.stdout)["error"]
    assert error["came"] == "no key for https://api.openai.com/v1"
    refused = assay("--base-url", "nowhere")
    assert json.loads(refused.stdout)["error"]["came"] == "base URL 'nowhere'"
    assert len(store.runs()) == before


@pytest.mark.parametrize(
    ("words", "came"),
    [
        (
            ("--generator", "llm:x"),
            "--generator, --base-url or --timeout without the other options they need",
        ),
        (("--probes", "fresh", "--timeout", "3"), "--generator, --base-url or --timeout without"),
        (("--probes", "fresh", "--generator", "llm:"), "generator 'llm:'"),
        (("--probes", "fresh", "--generator", "catalogue", "--timeout", "3"), "--timeout with the generator"),
    ],
)
def test_what_the_bench_command_refuses(words: tuple[str, ...], came: str, store: Store) -> None:
    refused = CliRunner().invoke(app, ["bench", "last", *words, "--json"])
    assert refused.exit_code == 2
    assert json.loads(refused.stdout)["error"]["came"].startswith(came)


def test_doctor_names_no_key(store: Store) -> None:
    found = CliRunner().invoke(app, ["doctor", "--json"])
    assert KEY not in found.stdout
    rows = {row["what"]: row["value"] for row in json.loads(found.stdout)["findings"]}
    assert "ASSAY_LLM_KEY" in rows["language models"]
    assert rows["cached llm"] == "none"
