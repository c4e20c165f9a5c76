"""``assay features`` with a language model: labels, a second pass, sentences, and what is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.cells import cell_len
from typer.testing import CliRunner, Result

pytest.importorskip("pydantic_ai")

from llm_feature_server import FeatureServer, asked, proposing, writing
from llm_server import Call, Reply, said

from assay.cli.main import app
from assay.features.labels.book import LabelBook
from assay.features.place import place_of
from assay.sae.formats.table import load_sae
from feature_home import LABELS, SAE, copied

pytestmark = pytest.mark.slow

KEY = "sk-very-secret-0123456789"
Assay = Callable[..., Result]


@pytest.fixture(autouse=True)
def _one_thread(_threads: None) -> None:
    torch.set_num_threads(1)


@pytest.fixture
def root(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with an index, labels and a table of a tiny SAE."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ASSAY_LLM_KEY", KEY)
    return copied(tmp_path_factory, tmp_path / "home")


@pytest.fixture
def assay(root: Path) -> Assay:
    return lambda *words: CliRunner().invoke(app, ["features", *map(str, words), "--sae", str(root / SAE)])


@pytest.fixture
def book(root: Path) -> Callable[[], LabelBook]:
    return lambda: place_of(root, load_sae(root / SAE).hash, root / SAE).labels()


def by(server: FeatureServer, option: str = "--generator") -> tuple[str, ...]:
    return (option, "llm:scripted", "--base-url", server.base_url, "--timeout", "9")


def lines(result: Result) -> list[str]:
    assert result.exit_code == 0, result.stderr
    found = result.stdout.splitlines()
    assert all(cell_len(line.rstrip()) <= 80 for line in found if "/" not in line)
    return found


MANY = ('the word "market"', "numbers", 'words ending in "-er"', 'the word "paris"', "sailors and the sea")


def test_labels_of_some_features(assay: Assay, book: Callable[[], LabelBook], root: Path) -> None:
    with asked(proposing(*MANY)) as server:
        text = lines(assay("label", 2, 3, *by(server)))
        document = json.loads(assay("label", 2, 3, *by(server), "--json").stdout)
        assert len(server.calls) <= 2, "the second command found the answers"
    assert text[-2].endswith("of 2 features have a new label") and "llm:scripted" in text[-1]
    assert [one["feature"] for one in document["features"]] == [2, 3]
    assert document["labels"] == [] and document["generator"]["model"] == "scripted"
    for feature in (2, 3):
        label = book()[feature]
        assert label.author in (None, "llm:scripted")
        assert book().history(feature)[0].label == LABELS[feature]
    assert not [file for file in root.rglob("*") if file.is_file() and KEY.encode() in file.read_bytes()]


def test_a_label_that_wins_is_shown_with_its_author(assay: Assay, book: Callable[[], LabelBook]) -> None:
    with asked(proposing(*MANY)) as server:
        document = json.loads(assay("label", "--all", *by(server), "--json").stdout)
    assert document["labels"], "of two dozen random features and five labels some go together"
    one = document["labels"][0]
    assert (one["author"], one["source"]) == ("llm:scripted", "automatic")
    assert book()[one["feature"]].label == one["label"]
    shown = lines(assay("score", one["feature"]))
    assert shown[0].startswith(f"feature {one['feature']}  label: automatic, llm:scripted")
    history = json.loads(assay("show", one["feature"], "--json").stdout)["labels"]
    assert history[-1]["author"] == "llm:scripted"


def test_all_of_many_features_are_summed_up(assay: Assay) -> None:
    with asked(proposing("weather of the arctic")) as server:
        text = lines(assay("label", "--all", *by(server)))
    assert "features have a new label" in text[0] and "tokens in" in text[1]
    assert any("it never fires" in line or "no proposal" in line for line in text[2:])


def test_the_second_pass(assay: Assay) -> None:
    with asked(proposing('the word "market"')) as server:
        document = json.loads(assay("relabel", 6, *by(server), "--seed", 4, "--json").stdout)
        (call,) = server.calls
    assert call.purpose == "relabel" and call.data["label"] == LABELS[6] and call.data["variation"] == 4
    (one,) = document["features"]
    assert one["present"] == LABELS[6] and (one["kept"] is None) == bool(one["reason"])


def test_sentences_by_a_model(assay: Assay) -> None:
    good = writing(
        lambda w: f"The {w} river ran past the old houses of the town.",
        lambda w: f"The {w} baker sold his bread to the old people of the town.",
        lambda w: f"The {w} harbour lay behind the old houses of the town.",
    )

    def script(call: Call) -> Reply:
        answer = json.loads(good(call).content or "")
        return said({**answer, "other": ["The river again, and the old town.", *answer["other"]]})

    with asked(script) as server:
        text = lines(assay("score", 2, *by(server, "--sentences")))
        document = json.loads(assay("score", 2, *by(server, "--sentences"), "--json").stdout)
        (call,) = server.calls
    assert set(call.data) == {"label", "reads", "counts", "variation"} and call.data["label"] == LABELS[2]
    assert any(line.startswith("Who wrote the sentences  llm:scripted") for line in text)
    assert document["sentences"]["accepted"] == {"matching": 10, "other": 10, "near": 10}
    assert document["sentences"]["reasons"] == {"it has what the label says": 1}
    assert document["interp"]["n"] == 20 or document["interp"]["reason"]


WRONG: dict[str, tuple[tuple[Any, ...], str, str]] = {
    "not a model": (("label", 1, "--generator", "catalogue"), "'catalogue' for labels", "a language model"),
    "no feature": (("label", "--generator", "llm:x"), "no feature", "the numbers of some features"),
    "a label beside": (("label", 1, "towns", "--generator", "llm:x"), "feature 'towns'", "a number from 0"),
    "both": (("relabel", 1, "--all", "--generator", "llm:x"), "features and --all together", "the numbers"),
    "an address alone": (
        ("label", 1, "towns", "--base-url", "http://localhost/v1"),
        "--base-url without --generator",
        "a language model that is asked",
    ),
    "a time alone": (("relabel", 1, "--timeout", 3), "--timeout without --generator", "a language model"),
    "an address of no sentences": (
        ("score", 1, "--base-url", "http://localhost/v1"),
        "--base-url without --sentences",
        "a language model",
    ),
    "sentences for all": (
        ("score", "--all", "--sentences", "llm:x"),
        "--sentences with --all",
        "some features",
    ),
    "too many words": (
        ("label", 1, "capital", "cities"),
        "more words than a feature",
        "a feature and its label",
    ),
    "no number": (("label", "one", "towns"), "feature 'one'", "a number from 0"),
    "no address": (
        ("label", 1, "--generator", "llm:x", "--base-url", "nowhere"),
        "base URL 'nowhere'",
        "the address of a server",
    ),
    "nobody there": (
        ("label", 6, "--generator", "llm:x", "--base-url", "http://127.0.0.1:9/v1"),
        "no connection to http://127.0.0.1:9/v1",
        "a server that speaks",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_refused(name: str, assay: Assay) -> None:
    words, came, wanted = WRONG[name]
    found = assay(*words, "--json")
    assert found.exit_code == 2, found.output
    error = json.loads(found.stdout)["error"]
    assert error["came"].startswith(came) and error["wanted"].startswith(wanted), error


def test_no_key_and_no_server_of_ones_own(assay: Assay, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("ASSAY_LLM_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(key, raising=False)
    found = assay("label", 1, "--generator", "llm:gpt-5-mini")
    assert found.exit_code == 2 and "no key for https://api.openai.com/v1" in found.stderr
