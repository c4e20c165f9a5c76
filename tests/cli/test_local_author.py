"""``local:MODEL`` wherever ``llm:MODEL`` is asked for labels, sentences and marks; and what is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

pytest.importorskip("pydantic_ai")
pytest.importorskip("llguidance")

from assay.benchmarks.llm_judge_suite import judge_suite
from assay.cli.main import app
from assay.features.place import place_of
from assay.generators.llm.author import author, is_model
from assay.generators.llm.kept import Answer
from assay.generators.local import constrained
from assay.generators.local.writer import Writer
from assay.generators.means import Means
from assay.runs.fold import fold
from assay.runs.home import Home
from assay.runs.recording import recording
from assay.runs.store import Store
from assay.sae.formats.table import load_sae
from feature_home import LABELS, SAE, copied
from local_writer import instruct
from run_events import BEGIN, COMMIT, END, OPTIONS, REQUEST, SUITE
from small import Heard

pytestmark = pytest.mark.slow

Assay = Callable[..., dict[str, Any]]
TEXTS = [
    {
        "opening": "The Eiffel Tower is",
        "after": after,
        "consistency": 1.0,
        "fluency": 0.9,
        "no_contradiction": 1.0,
    }
    for after in ("in Berlin, by the river.", "in Paris, as ever.", "tall.")
]
LEME = {
    "id": "leme",
    "title": "LEME",
    "score": 0.62,
    "threshold": 0.5,
    "interval": None,
    "n": 3,
    "n_unscored": 0,
    "passed": True,
    "verdict": "high",
    "sub_axes": {},
    "texts": TEXTS,
    "probes": [],
    "figures": {},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return instruct(tmp_path_factory.mktemp("writer"))


@pytest.fixture
def root(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with an index, labels and a table of a tiny SAE; answers are short, so that they come fast."""
    torch.set_num_threads(1)
    monkeypatch.setattr(constrained, "LONGEST", 8)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ASSAY_DB", raising=False)
    return copied(tmp_path_factory, tmp_path / "home")


@pytest.fixture
def features(root: Path) -> Assay:
    def assay(*words: Any, status: int = 0) -> dict[str, Any]:
        found = CliRunner().invoke(app, ["features", *map(str, words), "--sae", str(root / SAE), "--json"])
        assert found.exit_code == status, found.output
        document: dict[str, Any] = json.loads(found.stdout)
        return document

    return assay


@pytest.fixture
def run_id(root: Path) -> str:
    """A stored run with paragraphs."""
    with Store(Home(root)) as store:
        run_id = store.create_run("edit", REQUEST.to_json(), OPTIONS)
        with recording(store, run_id) as run:
            suite = [(kind, data) for kind, data in SUITE if data.get("id") != "leme"]
            for kind, data in (*BEGIN, COMMIT, *suite, ("bench_result", LEME), END):
                run.emit(kind, data)
    return run_id


def loaded_once(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the models that are loaded from now on."""
    names: list[str] = []
    load = Writer._load

    def noted(writer: Writer) -> Any:
        if writer._loaded is None:
            names.append(writer._name)
        return load(writer)

    monkeypatch.setattr(Writer, "_load", noted)
    return names


def test_labels(features: Assay, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loads = loaded_once(monkeypatch)
    first = features("label", 3, "--generator", f"local:{folder}")
    by = first["generator"]
    assert (by["generator"], by["model"]) == ("local", str(folder)) and by["tokens_in"] > 100
    assert by["answers"] == 1 and loads == [str(folder)]
    (one,) = first["features"]
    assert 0 < len(one["candidates"]) + len(one["refused"]) <= 5, "no more than it was asked for"
    assert features("label", 3, "--generator", f"local:{folder}")["generator"] == by
    assert loads == [str(folder)], "kept answers need no model"


@pytest.mark.parametrize("which", ["label", "relabel"])
def test_a_label_has_its_author(
    which: str, root: Path, features: Assay, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def proposing(*_: Any, **__: Any) -> Answer:
        labels = ['the word "market"', "numbers", 'words ending in "-er"', 'the word "paris"']
        return Answer({"labels": labels}, 10, 5)

    monkeypatch.setattr(Writer, "ask", proposing)
    (one, *_) = features(which, "--all", "--generator", f"local:{folder}")["labels"]
    assert one["author"] == f"local:{folder}"
    kept = place_of(root, load_sae(root / SAE).hash, root / SAE).labels()[one["feature"]]
    assert kept.author == f"local:{folder}"


def test_sentences(features: Assay, folder: Path) -> None:
    document = features("score", 2, "--sentences", f"local:{folder}")
    made = document["sentences"]
    assert (made["generator"], made["model"], made["answers"]) == ("local", str(folder), 1)
    assert sum(made["accepted"].values()) == 0 and made["rejected"], "eight letters are no sentence"
    assert document["interp"]["score"] is None and document["interp"]["reason"]
    assert document["label"] == LABELS[2]


def bench(*words: str) -> dict[str, Any]:
    found = CliRunner().invoke(app, ["bench", *words, "--json", "--no-report"])
    document: dict[str, Any] = json.loads(found.stdout)
    return document


def test_marks(run_id: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loads = loaded_once(monkeypatch)
    (leme,) = [
        one for one in bench(run_id, "--judge", f"local:{folder}")["benchmarks"] if one["id"] == "leme"
    ]
    (judged,) = leme["judges"]
    assert (judged["judge"]["generator"], judged["judge"]["answers"]) == ("local", 3)
    assert len(judged["texts"]) == 3 and loads == [str(folder)]
    values = {one.get(axis) for one in judged["texts"] for axis in ("consistency", "fluency")}
    assert values <= {None, 0.0, 0.5, 1.0} and leme["score"] == 0.62


def test_the_suite_is_judged_here_too(root: Path, folder: Path) -> None:
    heard = Heard()
    judge_suite(f"local:{folder}", Means(root / "cache"), REQUEST, LEME, seed=0, resamples=20, emit=heard)
    (judged,) = heard.of("judged")
    assert judged["judge"]["generator"] == "local" and heard.of("not_judged") == []
    heard = Heard()
    judge_suite("local:/no/such", Means(root / "cache"), REQUEST, LEME, seed=0, resamples=20, emit=heard)
    (missing,) = heard.of("not_judged")
    assert "there is no model at this path" in missing["came"] and missing["judge"] == "local:/no/such"


def test_the_same_name_at_a_server_and_here_are_two_judges(run_id: str, root: Path, folder: Path) -> None:
    heard = Heard()
    judge_suite(f"local:{folder}", Means(root / "cache"), REQUEST, LEME, seed=0, resamples=20, emit=heard)
    (here,) = heard.of("judged")
    there = {**here, "judge": {**here["judge"], "generator": "llm"}}
    with Store(Home(root)) as store:
        for data in (here, there, here):
            store.append(run_id, "judged", data)
        leme = next(one for one in fold(store.events(run_id))["benchmarks"] if one["id"] == "leme")
    assert [one["judge"]["generator"] for one in leme["judges"]] == ["llm", "local"]


WRONG: dict[str, tuple[tuple[Any, ...], str, str]] = {
    "no model there": (
        ("label", 1, "--generator", "local:/no/such"),
        "the model '/no/such'",
        "an alias",
    ),
    "no name": (
        ("label", 1, "--generator", "local:"),
        "'local:' for labels",
        "a language model: llm:MODEL or local:",
    ),
    "a replay": (
        ("relabel", 1, "--generator", "replay:last"),
        "'replay:last' for labels",
        "a language model",
    ),
    "a typo": (("score", 1, "--sentences", "lokal:x"), "'lokal:x' for sentences", "a language model"),
    "an address": (
        ("label", 1, "--generator", "local:x", "--base-url", "http://localhost/v1"),
        "--base-url with --generator local:x",
        "a language model at a server",
    ),
    "a time": (
        ("score", 1, "--sentences", "local:x", "--timeout", 3),
        "--timeout with --sentences local:x",
        "a language model at a server",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_refused(name: str, features: Assay) -> None:
    words, came, wanted = WRONG[name]
    error = features(*words, status=2)["error"]
    assert error["came"].startswith(came) and error["wanted"].startswith(wanted), error


def test_what_the_judge_refuses(run_id: str) -> None:
    error = bench(run_id, "--judge", "local:x", "--timeout", "3")["error"]
    assert error["came"] == "--timeout with --judge local:x"
    assert error["todo"] == "leave out --timeout, or name a server's model: --judge llm:MODEL"
    error = bench(run_id, "--judge", "local:/no/such")["error"]
    assert error["came"].endswith("there is no model at this path")


def test_names() -> None:
    assert is_model("llm:x") and is_model(" local:smollm2 ")
    assert not any(map(is_model, ("llm:", "local", "catalogue", "replay:last", "", "other:x")))
    assert author("llm:x", Means(base_url="http://127.0.0.1:9"), "marks").name == "llm:x"
