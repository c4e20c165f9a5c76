"""A language model asked from a feature's page: for labels and for sentences, through queue and worker."""

import json
import logging
from collections.abc import Callable, Iterator
from functools import partial
from html import unescape
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pydantic_ai")

from llm_feature_server import FeatureServer, asked, proposing, writing
from llm_server import QUICK, Call, Reply, Script, said

from assay.features.labels.book import LabelBook, Labelled
from assay.features.place import place_of
from assay.generators.means import means_in
from assay.sae.formats.table import load_sae
from assay.web import work
from feature_home import LABELS, SAE, Pages, copied, served

pytestmark = pytest.mark.slow

KEY = "sk-very-secret-0123456789"
NOWHERE = 'the word "nowhere-at-all"'
Body = dict[str, Any]


@pytest.fixture
def pages(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Pages]:
    monkeypatch.setenv("ASSAY_LLM_KEY", KEY)
    with served(copied(tmp_path_factory, tmp_path / "home")) as opened:
        yield opened


@pytest.fixture
def book(pages: Pages) -> Callable[[], LabelBook]:
    root = pages.home.root
    return lambda: place_of(root, load_sae(root / SAE).hash, root / SAE).labels()


def run(pages: Pages, path: str, body: Body) -> tuple[str, dict[str, Any]]:
    """Ask for it and do it; the run's id and document."""
    status, answer = pages.post(path, {"sae": SAE, **body})
    assert status == 201, answer
    pages.work()
    run_id = str(answer["run_id"])
    return run_id, pages.client.get(f"/api/runs/{run_id}").json()


def at(server: FeatureServer, field: str = "generator") -> Body:
    return {field: " llm:scripted ", "base_url": f"{server.base_url}/", "timeout": 9}


def panel(pages: Pages, run_id: str, name: str) -> str:
    return unescape(pages.html(f"/features/runs/{run_id}/panel/{name}"))


def secret(root: Path) -> list[Path]:
    """Files that hold the key."""
    return [file for file in root.rglob("*") if file.is_file() and KEY.encode() in file.read_bytes()]


def test_a_better_label_by_a_model_is_kept_with_its_author(
    pages: Pages, book: Callable[[], LabelBook]
) -> None:
    found = run(pages, "/api/features/12/relabel", {})[1]["feature"]["better"]["new"]["label"]
    book().add([Labelled(12, NOWHERE, "automatic")])
    with asked(proposing("", "<script>alert(1)</script>", found)) as server:
        run_id, document = run(pages, "/api/features/12/relabel", at(server))
        (call,) = server.calls
    assert document["status"] == "done" and (call.purpose, call.data["label"]) == ("relabel", NOWHERE)
    options = document["options"]
    assert (options["generator"], options["timeout"]) == ("llm:scripted", 9)
    assert options["base_url"] == server.base_url
    better = document["feature"]["better"]
    assert better["old"]["label"] == NOWHERE and better["new"]["label"] == found
    assert better["asked"]["generator"]["model"] == "scripted" and better["asked"]["refused"]
    now = book()[12]
    assert (now.label, now.source, now.author) == (found, "relabelled", "llm:scripted")
    for page in (f"/features/12?sae=saes%2Ftiny&better={run_id}", f"/runs/{run_id}"):
        html = pages.html(page)
        assert "Kept: a better label" in html and "Asked: <bdi>llm:scripted</bdi>" in html
        assert "What it proposed" in html and "no label: empty" in html and "<script>alert" not in html
    labels = pages.html("/features/12/labels?sae=saes%2Ftiny")
    assert "relabelled by <bdi>llm:scripted</bdi>" in labels
    assert not secret(pages.home.root)


def test_none_that_is_better_says_why_and_the_label_stays(
    pages: Pages, book: Callable[[], LabelBook]
) -> None:
    with asked(proposing("weather of the arctic")) as server:
        run_id, document = run(pages, "/api/features/6/relabel", at(server))
    assert document["feature"]["better"]["new"] is None and book()[6].label == LABELS[6]
    reason = document["feature"]["better"]["asked"]["reason"]
    shown = panel(pages, run_id, "better")
    assert reason and f"No better label was found ({reason}); it keeps the one it has" in shown
    assert "weather of the arctic" in shown


def test_a_feature_without_a_label_is_looked_at_for_the_first_time(pages: Pages) -> None:
    with asked(proposing("weather of the arctic")) as server:
        run_id, _ = run(pages, "/api/features/20/relabel", at(server))
        (call,) = server.calls
    assert call.purpose == "label" and "it stays without one" in panel(pages, run_id, "better")


def test_a_label_given_by_hand_meanwhile_is_not_asked_about(pages: Pages) -> None:
    with asked(proposing("numbers")) as server:
        run_id = pages.post("/api/features/3/relabel", {"sae": SAE, **at(server)})[1]["run_id"]
        assert pages.post("/api/features/3/label", {"sae": SAE, "label": "mine"})[0] == 201
        pages.work()
        assert server.calls == []
    shown = panel(pages, str(run_id), "better")
    assert "labelled by hand meanwhile" in shown and "<bdi>llm:scripted</bdi> was not asked." in shown


GOOD = writing(
    lambda w: f"The {w} river ran past the old houses of the town.",
    lambda w: f"The {w} baker sold his bread to the old people of the town.",
    lambda w: f"The {w} harbour lay behind the old houses of the town.",
)


def test_scored_on_sentences_that_a_model_wrote(pages: Pages) -> None:
    def script(call: Call) -> Reply:
        answer = json.loads(GOOD(call).content or "")
        return said({**answer, "other": ["The river again, and the old town.", *answer["other"]]})

    with asked(script) as server:
        run_id, document = run(pages, "/api/features/2/score", at(server, "sentences"))
        (call,) = server.calls
    assert document["status"] == "done" and call.data["label"] == LABELS[2]
    made = document["feature"]["sentences"]
    assert made["accepted"] == {"matching": 10, "other": 10, "near": 10} and made["model"] == "scripted"
    shown = panel(pages, run_id, "interp")
    assert "Written by <bdi>llm:scripted</bdi> from the label alone: 10 of 10 for the label" in shown
    assert "1 rejected: it has what the label says" in shown and "Sentences close to it" in shown
    assert "sentences by <bdi>llm:scripted</bdi>" in panel(pages, run_id, "status")
    assert all(document["feature"][name] for name in ("purity", "mui", "reading"))
    plain = run(pages, "/api/features/2/score", {})[1]
    assert "sentences" not in plain["feature"] and set(plain["options"]) == {
        *("feature", "label", "model", "sae", "seed", "source", "work")
    }
    assert set(document["settings"]) >= {"llm", "writer"} and not plain["settings"].keys() & {"llm", "writer"}
    assert document["settings"]["llm"]["timeout"] == 9
    assert document["settings"]["writer"]["base_url"] == document["options"]["base_url"]


FAILING: dict[str, tuple[Script, str]] = {
    "no such model": (
        lambda call: Reply(body=b'{"error": {"message": "model not found"}}', status=404),
        "scripted",
    ),
    "broken": (lambda call: Reply(body=b"<b>oh no</b>", status=500), "127.0.0.1"),
    "turned away": (lambda call: Reply(body=b'{"error": {"message": "bad key"}}', status=401), "key"),
    "key repeated": (lambda call: Reply(body=f'{{"error": "bad {KEY}"}}'.encode(), status=401), "key"),
}


@pytest.mark.parametrize("how", FAILING)
@pytest.mark.parametrize(("what", "field"), [("relabel", "generator"), ("score", "sentences")])
def test_what_the_server_answers_wrongly_stands_on_the_page(
    pages: Pages,
    how: str,
    what: str,
    field: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(work, "means_in", partial(means_in, llm=QUICK))
    script, told = FAILING[how]
    with asked(script) as server:
        run_id, document = run(pages, f"/api/features/2/{what}", at(server, field))
    assert document["status"] == "failed" and told in document["error"] and "wanted:" in document["error"]
    name = {"relabel": "better", "score": "run"}[what]
    page = pages.html(f"/features/2?sae=saes%2Ftiny&{name}={run_id}")
    assert 'role="alert"' in panel(pages, run_id, "status") and "<b>oh no" not in page
    assert document["error"].splitlines()[0] in unescape(page) and KEY not in page
    assert not secret(pages.home.root)
    assert run_id in caplog.text and KEY not in caplog.text, "what the worker writes into its log"


HERE = "http://127.0.0.1:9/v1"
WRONG: dict[str, tuple[Body, str, str]] = {
    "a name that is none": ({"by": "llama"}, "by", "generator 'llama'"),
    "nothing after the colon": ({"by": "llm:"}, "by", "generator 'llm:'"),
    "no language model": ({"by": "catalogue"}, "by", "'catalogue' for"),
    "a stored run": ({"by": "replay:last"}, "by", "'replay:last' for"),
    "a model elsewhere": ({"by": "local:/etc"}, "by", "outside of what this server may open"),
    "an address that is none": ({"by": "llm:x", "base_url": "nowhere"}, "base_url", "base URL 'nowhere'"),
    "a key in it": ({"by": "llm:x", "base_url": "http://u:p@h/v1"}, "base_url", "more than an address"),
    "an address for a model here": (
        {"by": "local:smollm2", "base_url": HERE},
        "base_url",
        "with the generator local:",
    ),
    "an address alone": ({"base_url": HERE}, "base_url", "base_url without"),
    "a time alone": ({"timeout": 3}, "timeout", "timeout without"),
    "no time": ({"by": "llm:x", "base_url": HERE, "timeout": 0}, "timeout", "timeout 0"),
    "a day and more": ({"by": "llm:x", "base_url": HERE, "timeout": 1e9}, "timeout", "timeout 1e+09"),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize(("what", "field"), [("relabel", "generator"), ("score", "sentences")])
def test_what_cannot_be_asked_is_said_at_its_field(pages: Pages, case: str, what: str, field: str) -> None:
    given, wrong, came = WRONG[case]
    body = {"sae": SAE, **{field if name == "by" else name: value for name, value in given.items()}}
    wrong = field if wrong == "by" else wrong
    status, checked = pages.post(f"/api/features/2/{what}/check", body)
    assert status == 200 and list(checked["problems"]) == [wrong], checked
    assert came in checked["problems"][wrong]["came"]
    status, answer = pages.post(f"/api/features/2/{what}", body)
    assert status == 422 and answer["error"]["field"] == wrong and came in answer["error"]["came"]
    assert pages.client.get("/api/runs").json()["runs"] == []


def test_a_missing_key_is_said_before_anything_waits(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ASSAY_LLM_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    checked = pages.post("/api/features/2/relabel/check", {"sae": SAE, "generator": "llm:x"})[1]
    assert "no key for https://api.openai.com/v1" in checked["problems"]["generator"]["came"]
    assert pages.post("/api/features/2/score", {"sae": SAE, "sentences": "llm:x"})[0] == 422


def test_nothing_named_is_nothing_wrong(pages: Pages) -> None:
    for what, field in (("relabel", "generator"), ("score", "sentences")):
        for body in ({}, {field: None}, {field: "  ", "base_url": " "}):
            checked = pages.post(f"/api/features/2/{what}/check", {"sae": SAE, **body})
            assert checked == (200, {"problems": {}})


def test_the_description_names_the_fields(pages: Pages) -> None:
    api = pages.client.get("/api/openapi.json").json()
    bodies = api["components"]["schemas"]
    assert {"generator", "base_url", "timeout"} <= set(bodies["Relabel"]["properties"])
    assert {"sentences", "base_url", "timeout"} <= set(bodies["Score"]["properties"])
    for what in ("relabel", "score"):
        assert f"/api/features/{{feature}}/{what}/check" in api["paths"]
