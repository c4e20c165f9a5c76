"""Scoring a feature from its page: asked for, done by the worker, seen panel by panel, found again."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from assay.features.labels.book import Labelled
from assay.features.opened import open_material
from assay.features.score import score_feature
from assay.runs.queue import WAITING, Queue
from assay.runs.store import Store
from feature_home import SAE, Pages, copied, served

pytestmark = pytest.mark.slow

PAGE = "/features/5?sae=saes%2Ftiny"
WORDS = "<script>alert(1)</script> The people of Rome walked to the old market."
PANELS = ("status", "reading", "interp", "purity", "mui")


@pytest.fixture
def pages(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Iterator[Pages]:
    with served(copied(tmp_path_factory, tmp_path / "home")) as opened:
        yield opened


@dataclass(frozen=True)
class Done:
    """A server with one finished run of each kind of work, only to be looked at."""

    pages: Pages
    scored: str
    tried: str


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Done]:
    with served(copied(tmp_path_factory, tmp_path_factory.mktemp("done") / "home")) as pages:
        scored, tried = asked(pages), asked(pages, "text", feature=1, text=WORDS)
        pages.work()
        yield Done(pages, scored, tried)


def asked(pages: Pages, what: str = "score", feature: int = 5, **body: Any) -> str:
    status, answer = pages.post(f"/api/features/{feature}/{what}", {"sae": SAE, **body})
    assert status == 201, answer
    return str(answer["run_id"])


def panel(pages: Pages, run_id: str, name: str) -> str:
    return pages.html(f"/features/runs/{run_id}/panel/{name}")


def test_the_three_scores_are_those_of_the_library(done: Done) -> None:
    document = done.pages.client.get(f"/api/runs/{done.scored}").json()
    assert document["status"] == "done" and document["kind"] == "feature"
    root = done.pages.home.root
    wanted = score_feature(open_material(root / SAE, root, done.pages.home.cache), 5).to_json()
    for name in ("interp", "purity", "mui"):
        found = document["feature"][name]
        assert (found["n"], found["verdict"]) == (wanted[name]["n"], wanted[name]["verdict"])
        assert found["raw"] == pytest.approx(wanted[name]["raw"], rel=1e-4)
    assert document["feature"]["reading"] == wanted["reading"]


def test_panels_show_score_evidence_and_meaning(done: Done) -> None:
    interp, purity, mui, reading = (
        panel(done.pages, done.scored, n) for n in ("interp", "purity", "mui", "reading")
    )
    feature = done.pages.client.get(f"/api/runs/{done.scored}").json()["feature"]
    assert "Sentences for the label" in interp and "Sentences not for it" in interp and "AUROC" in interp
    assert interp.count('class="heat"') == len(feature["interp"]["matching"]) + len(
        feature["interp"]["other"]
    )
    assert "How alike corpus sentences are" in purity and "Every pair as a table" in purity
    assert mui.count("<tr>") == 1 + len(feature["mui"]["positions"]) and "ratio above" in mui
    assert feature["reading"]["pattern"] in reading and "Next:" in reading
    for text in (interp, purity, mui):
        assert "Cannot see:" in text and "needs" in text and 'class="pill tone-' in text


def test_scores_come_one_after_another(done: Done) -> None:
    lines = [
        json.loads(line.removeprefix("data: "))
        for line in done.pages.client.get(f"/api/runs/{done.scored}/events").text.splitlines()
        if line.startswith("data: ")
    ]
    came = [key for line in lines if line["kind"] == "feature_scores" for key in line["data"]]
    assert [key for key in came if key in PANELS] == ["interp", "purity", "mui", "reading"]
    assert lines[-1] == {"kind": "status", "data": {"status": "done"}}


def test_half_of_it_can_be_seen_while_the_rest_is_to_come(pages: Pages) -> None:
    run_id = asked(pages)
    with Store(pages.home) as store:
        store.append(run_id, "run_started", {"run_id": run_id})
        interp = {"score": None, "reason": "it has no label", "threshold": 0.6, "matching": [], "other": []}
        store.append(run_id, "feature_scores", {"feature": 5, "label": None, "interp": interp})
        assert "it has no label" in panel(pages, run_id, "interp")
        assert "Its turn has not come yet." in panel(pages, run_id, "mui")
        store.fail(run_id, "<b>the disk</b> is full", resumable=False)
    assert "The run ended before this was scored." in panel(pages, run_id, "mui")
    assert "&lt;b&gt;the disk" in panel(pages, run_id, "status")


def test_a_reload_goes_on_and_a_new_visit_finds_the_newest_run(pages: Pages) -> None:
    first = asked(pages, label="years")
    text = pages.html(f"{PAGE}&run={first}")
    assert f'data-run="{first}"' in text and 'data-going="true"' in text
    pages.work()
    second = asked(pages)
    pages.work()
    text = pages.html(PAGE)
    assert f'data-run="{second}"' in text and 'data-going="false"' in text and "Cannot see:" in text
    assert f'data-run="{first}"' in pages.html(f"{PAGE}&run={first}")
    assert f'data-run="{second}"' not in pages.html("/features/3?sae=saes%2Ftiny")


def test_runs_of_another_feature_are_not_shown(pages: Pages) -> None:
    other = asked(pages, feature=3)
    for run in (other, "none-such", "\u202e"):
        answer = pages.client.get(f"{PAGE}&run={run}", headers={"accept": "text/html"})
        assert answer.status_code in (404, 422)
    assert pages.client.get(f"/features/runs/{other}/panel/all").status_code == 422
    assert pages.client.get("/features/runs/none-such/panel/mui").status_code == 404


def test_a_label_for_this_time_is_scored_and_not_kept(pages: Pages) -> None:
    run_id = asked(pages, label="  numbers ")
    pages.work()
    feature = pages.client.get(f"/api/runs/{run_id}").json()["feature"]
    assert (feature["label"], feature["label_source"]) == ("numbers", None)
    labels = pages.client.get("/api/features/5", params={"sae": SAE}).json()["labels"]
    assert "numbers" not in [one["label"] for one in labels]
    assert pages.post("/api/features/5/score", {"sae": SAE, "label": "  "})[0] == 422


def test_a_label_that_was_kept_is_the_one_that_is_scored_next(pages: Pages) -> None:
    assert pages.post("/api/features/5/label", {"sae": SAE, "label": "years"})[0] == 201
    run_id = asked(pages)
    pages.work()
    feature = pages.client.get(f"/api/runs/{run_id}").json()["feature"]
    assert (feature["label"], feature["label_source"]) == ("years", "user")


def test_a_feature_of_which_nothing_can_be_scored(pages: Pages) -> None:
    run_id = asked(pages, feature=0)
    pages.work()
    texts = [panel(pages, run_id, name) for name in PANELS]
    assert "Dead: it fires on none" in " ".join(texts).replace("fired", "fires")
    assert sum("Not scored:" in text for text in texts) == 3
    assert "Cannot see:" in pages.html(f"/features/0?sae=saes%2Ftiny&run={run_id}")


def test_cancelling_a_job_that_waits(pages: Pages) -> None:
    run_id = asked(pages)
    assert pages.post(f"/api/runs/{run_id}/cancel", {})[1]["cancelled"] is True
    with Store(pages.home) as store:
        assert Queue(store).jobs(WAITING) == []
    assert "cancelled before it began" in panel(pages, run_id, "status")


def test_an_sae_that_does_not_say_its_model(pages: Pages) -> None:
    config = pages.home.root / SAE / "cfg.json"
    held = json.loads(config.read_text())
    held["metadata"].pop("model_name")
    config.write_text(json.dumps(held))
    status, answer = pages.post("/api/features/5/score", {"sae": SAE})
    assert status == 422 and "does not say which model" in json.dumps(answer)


def test_a_text_of_ones_own(done: Done) -> None:
    document = done.pages.client.get(f"/api/runs/{done.tried}").json()
    assert document["status"] == "done" and document["feature"]["text"]["text"] == WORDS
    part = panel(done.pages, done.tried, "text")
    assert "It fires on <strong>" in part and 'class="tok heat-' in part and "<script>" not in part
    page = done.pages.html(f"/features/1?sae=saes%2Ftiny&text={done.tried}")
    assert "It fires on <strong>" in page and "<script>alert" not in page
    assert f'data-run="{done.tried}"' not in done.pages.html("/features/1?sae=saes%2Ftiny")


def test_a_text_on_which_it_is_silent(pages: Pages) -> None:
    run_id = asked(pages, "text", feature=0, text="a\n\nb 🦆 \u202e")
    pages.work()
    part = panel(pages, run_id, "text")
    assert "It fires on none of" in part and "\u202e" not in part


def test_the_page_of_the_run_has_the_panels_too(done: Done) -> None:
    for run_id, feature in ((done.scored, 5), (done.tried, 1)):
        text = done.pages.html(f"/runs/{run_id}")
        assert f"Feature {feature} of" in text and "/static/features.css" in text
        assert ("Cannot see:" in text) == (run_id == done.scored)


def test_the_page_of_a_run_says_the_command_that_repeats_it(done: Done) -> None:
    """Scores and better labels have one; a typed text has none, and no other command stands in its place."""
    pages, source = done.pages, done.pages.home.root / SAE
    written = {"sentences": "llm:x", "base_url": "http://127.0.0.1:9/v1", "timeout": 7, "seed": 3}
    wanted = {
        done.scored: f"assay features score 5 --sae {source} --seed 0",
        asked(pages, "relabel", feature=12): f"assay features relabel 12 --sae {source}",
        asked(pages, label="old ships", **written): (
            f"assay features score 5 --label 'old ships' --sentences llm:x --base-url http://127.0.0.1:9/v1"
            f" --timeout 7.0 --sae {source} --seed 3"
        ),
        done.tried: None,
    }
    for run_id, command in wanted.items():
        html = unescape(pages.html(f"/runs/{run_id}"))
        assert "assay edit" not in html
        assert ("Repeat this run" in html) == ("Copy as command" in html) == (command is not None)
        if command:
            assert html.count(command) == 2, "to be copied, and to be read"


def test_the_page_of_a_run_that_waits_says_so(pages: Pages) -> None:
    assert "Nothing has been scored yet." in pages.html(f"/runs/{asked(pages)}")


def test_a_better_label_is_looked_for_as_the_command_does_and_kept_if_it_is_one(pages: Pages) -> None:
    home = pages.home
    book = open_material(home.root / SAE, home.root, home.cache).place.labels
    book().add([Labelled(12, 'the word "nowhere-at-all"', "automatic")])
    run_id = asked(pages, "relabel", feature=12)
    pages.work()
    document = pages.client.get(f"/api/runs/{run_id}").json()
    assert document["status"] == "done"
    better = document["feature"]["better"]
    assert better["old"]["label"] == 'the word "nowhere-at-all"' and better["old"]["interp"] is None
    assert better["new"]["interp"] > 0 and better["new"]["figures"]["d"] > 0
    now = book().get(12)
    assert now is not None and (now.label, now.source) == (better["new"]["label"], "relabelled")
    page = pages.html(f"/features/12?sae=saes%2Ftiny&better={run_id}")
    assert "Kept: a better label" in page and now.label in unescape(page).partition('id="label-form"')[0]
    assert "Kept: a better label" in pages.html(f"/runs/{run_id}")
    assert "A better label" in pages.html(f"/runs/{run_id}")

    again = asked(pages, "relabel", feature=12)
    pages.work()
    shown = panel(pages, again, "better")
    assert "No better label was found; it keeps the one it has" in shown and now.label in unescape(shown)
    assert book().get(12) == now


def test_a_label_given_by_hand_stays(pages: Pages) -> None:
    asked(pages, "relabel", feature=3)  # waits while somebody names it
    assert pages.post("/api/features/3/label", {"sae": SAE, "label": "mine"})[0] == 201
    pages.work()
    with Store(pages.home) as store:
        run_id = store.find("last")
    assert "labelled by hand meanwhile" in panel(pages, run_id, "better")
    status, answer = pages.post("/api/features/3/relabel", {"sae": SAE})
    assert status == 422 and "labelled by hand: 'mine'" in str(answer)
    assert pages.post("/api/features/99999/relabel", {"sae": SAE})[0] == 422
    assert pages.post("/api/features/3/relabel", {"sae": SAE, "label": "x"})[0] == 422
