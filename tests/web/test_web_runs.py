"""Runs in the browser: the list by pages, one run in parts, what can be done with it, its files."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import example_run
import pyarrow.parquet as parquet
import pytest
import sqlalchemy as sa

from assay.benchmarks.names import NAMES
from assay.errors import StoreError
from assay.runs.queue import RUNNING, WAITING
from assay.runs.schema import RUNS
from assay.web.parts import PARTS
from web_site import HTML, OPTIONS, Site, open_site

HOSTILE = '<script>alert(1)</script>" onload="x" \u202egnp.exe \x07'


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path) as opened:
        yield opened


def running(**changes: Any) -> dict[str, Any]:
    return example_run.committed() | {"status": "running", "reading": None} | changes


def rows(site: Site, n: int, **changes: Any) -> None:
    """So many rows of the list, without the runs behind them."""
    row = {
        "kind": "edit",
        "status": "committed",
        "pid": 1,
        "host": "elsewhere",
        "subject": "Paris",
        "target": "Rome",
    }
    row |= {"summary": {"high": 9, "low": 4}, **changes}
    made = [
        {**row, "id": f"20300101-{i:06d}-{row['kind']}", "created_at": f"2030-01-01T00:00:00.{i:03d}Z"}
        for i in range(n)
    ]
    with site.server.store.database.connection(writes=True) as connection:
        connection.execute(sa.insert(RUNS), made)


def test_the_list_comes_in_pages_of_fifty(site: Site) -> None:
    rows(site, 120)
    first = site.page("/runs")
    links = [a["href"] for a in first.all("a") if str(a["href"]).startswith("/runs/")]
    assert len(links) == 50 and links[0] == "/runs/20300101-000119-edit"
    assert "120 runs , page 1 of 3" in first.text or "120 runs, page 1 of 3" in first.text
    (older,) = first.all("a", rel="next")
    second = site.page(f"/runs{older['href']}")
    assert "/runs/20300101-000069-edit" in [a["href"] for a in second.all("a")]
    assert len(site.page("/runs?page=3").all("input", name="run")) == 20
    assert "page 3 of 3" in site.page("/runs?page=99").text
    told = site.get("/api/runs?page=2")
    assert (told["total"], told["page"], told["pages"], len(told["runs"])) == (120, 2, 3, 50)


def test_the_list_is_searched_by_the_words_of_a_prompt(site: Site) -> None:
    run_id = site.tell(example_run.committed())
    rows(site, 3)
    found = site.get("/api/runs?search=LOCATED%20in%20the%20city")
    assert [run["id"] for run in found["runs"]] == [run_id]
    assert found["runs"][0]["prompt"] == example_run.committed()["request"]["prompt"]


def test_the_list_is_searched_and_filtered_and_the_pages_keep_the_filter(site: Site) -> None:
    rows(site, 60)
    rows(site, 60, kind="feature", status="failed", subject="Rome & Juliet")
    assert site.get("/api/runs?kind=feature")["total"] == 60
    assert site.get("/api/runs?status=committed&search=paris")["total"] == 60
    assert site.get("/api/runs?kind=edit&status=failed")["total"] == 0
    assert site.get("/api/runs?search=failed%20Rome")["total"] == 60
    page = site.page("/runs?kind=feature&search=rome%20%26")
    (older,) = page.all("a", rel="next")
    assert older["href"] == "?search=rome+%26&kind=feature&status=&page=2" or "rome%20%26" in str(
        older["href"]
    )
    assert page.all("option", selected="") == [] and page.all("input", type="search")[0]["value"] == "rome &"
    assert "No run matches." in site.page("/runs?search=nothing").text
    error = site.error("/api/runs?kind=edti")
    assert (error["came"], error["todo"]) == ("kind 'edti'", "did you mean edit?")
    assert "status &#39;x&#39;" in site.client.get("/runs?status=x", headers=HTML).text


@pytest.mark.parametrize("query", ["page=0", "page=x", "page=99999999999999999999", "search=" + "x" * 301])
def test_a_query_that_means_nothing_is_told(site: Site, query: str) -> None:
    error = site.error(f"/api/runs?{query}")
    assert error["field"] == query.partition("=")[0] and error["came"].startswith(error["field"])


def test_text_that_no_database_takes_is_refused(site: Site) -> None:
    assert site.error("/api/runs?search=a%00b")["came"] == "text with the character U+0000 in it"
    site.error("/api/runs/%00")
    site.get("/api/runs?search=%ED%A0%80")  # no character: read as the sign for one
    site.page("/runs?search=%E2%80%AE%3Cscript%3E")


def test_an_empty_home_says_how_to_begin(site: Site) -> None:
    assert "Nothing was run yet." in site.page("/").text
    assert "Nothing was run yet." in site.page("/runs").text
    assert [a["href"] for a in site.page("/").all("a")][-1] == "/edit"


@pytest.mark.slow
@pytest.mark.parametrize(
    "make", [example_run.committed, example_run.rolled_back, example_run.interrupted, running]
)
def test_a_run_of_any_status_has_a_sound_page_and_sound_parts(site: Site, make: Any) -> None:
    run_id = site.tell(make())
    page = site.page(f"/runs/{run_id}")
    names = [str(place["data-part"]) for place in page.all("div") if "data-part" in place]
    assert names == ["head", "summary", "where", "footprint", "suite", "cards", "provenance"]
    for name in [*names, "glossary"]:
        site.page(f"/runs/{run_id}/parts/{name}")
    assert "The Eiffel Tower is located in the city of" in page.text
    assert site.page("/runs/last").all("div", id="run")[0]["data-run"] == run_id


def test_a_part_that_a_run_does_not_have_is_told(site: Site) -> None:
    run_id = site.tell(example_run.committed())
    answer = site.client.get(f"/runs/{run_id}/parts/sumary", headers=HTML)
    assert answer.status_code == 422 and "did you mean summary" in answer.text
    assert site.client.get(f"/runs/{run_id}/parts/trace", headers=HTML).status_code == 422
    missing = site.client.get("/runs/nope/parts/head", headers=HTML)
    assert missing.status_code == 404 and "nearest:" in missing.text
    assert site.error("/api/runs/nope/events", 404)["kind"] == "MissingRun"
    assert site.error(f"/api/runs/{run_id}/events?after=1e9")["field"] == "after"


def test_a_trace_and_a_feature_show_only_what_they_have(site: Site) -> None:
    request = {"prompt": "Paris is in", "subject": "Paris", "target": "", "old": None, "relation": None}
    base = {"request": request, "status": "done"}
    traced = site.page(f"/runs/{site.tell(base | {'kind': 'trace', 'trace': example_run.trace()})}")
    assert [p["data-part"] for p in traced.all("div") if "data-part" in p] == ["head", "trace", "provenance"]
    assert "Causal trace" in traced.text and "assay trace --prompt" in traced.text
    assert "The three checks" not in traced.text
    scored = {"kind": "feature", "feature": {"feature": 7, "label": "cities"}}
    feature = site.page(f"/runs/{site.tell(base | scored)}")
    assert [p["data-part"] for p in feature.all("div") if "data-part" in p] == [
        "head",
        "feature",
        "provenance",
    ]
    site.page("/runs/last/parts/feature")


def test_a_finished_run_shows_thirteen_cards_failures_first_and_its_reading(site: Site) -> None:
    page = site.page(f"/runs/{site.tell(example_run.committed())}")
    cards = page.all("details", **{"class": "card"})
    assert len(cards) == len(NAMES)
    states = [card["data-state"] for card in cards]
    assert states == sorted(states, key=["low", "uncertain", "unscored", "missing", "high"].index)
    assert "13 of 13" in page.text and "surface memorisation" in page.text
    assert {"template", "alias", "compositional"} <= set(page.text.split())  # portability by its axes
    assert page.all("progress", max="13") == []  # nothing is left to wait for
    reading = example_run.committed()["reading"]
    for words in (*reading["sentences"], *reading["next_steps"]):
        assert page.text.count(" ".join(words.split())) == 1  # it stands once, above the benchmarks


def test_a_running_run_says_how_far_its_suite_is_in_suite_order(site: Site) -> None:
    some = running(benchmarks=example_run.benchmarks()[:4])
    run_id = site.tell(some)
    site.server.store.append(run_id, "bench_started", {"id": "zsre", "title": "zsRE", "index": 4, "of": 13})
    page = site.page(f"/runs/{run_id}")
    assert "4 of 13 · running zsRE" in page.text and "about 13 s left" in page.text  # 9 more of 1.4 s each
    places = [int(str(card["data-place"])) for card in page.all("details", **{"class": "card"})]
    assert places == list(range(13))
    assert page.all("div", id="run")[0]["data-going"] == "true"
    assert "To come: its turn has not come yet." in page.text and "not run" not in page.text.lower()
    assert page.text.count("… to come") == 9 + 9  # in the overview and on the cards
    assert "No reading yet" in page.text and "was switched off" not in page.text


def test_a_page_listens_from_where_the_open_stage_began(site: Site) -> None:
    run_id = site.tell(running(benchmarks=[]))
    store = site.server.store
    begun = store.append(run_id, "stage_started", {"stage": "trace", "title": "tracing", "total": 9})
    store.append(run_id, "stage_started", {"stage": "load", "title": "loading", "total": None})
    store.append(run_id, "stage_finished", {"stage": "load", "seconds": 1.0})
    newest = store.append(
        run_id, "stage_progress", {"stage": "trace", "title": "tracing", "done": 3, "total": 9}
    )
    (root,) = site.page(f"/runs/{run_id}").all("div", id="run")
    assert (root["data-after"], root["data-newest"]) == (str(begun.seq - 1), str(newest.seq))
    store.append(run_id, "stage_finished", {"stage": "trace", "seconds": 1.0})
    (root,) = site.page(f"/runs/{run_id}").all("div", id="run")
    assert root["data-after"] == root["data-newest"] == str(newest.seq + 1)


def test_only_the_chosen_benchmarks_wait_for_their_turn(site: Site) -> None:
    run_id = site.tell(running(benchmarks=[]), only=["zsre", "leme"])
    page = site.page(f"/runs/{run_id}")
    assert [card["id"] for card in page.all("details", **{"class": "card"})] == ["b-leme", "b-zsre"]
    assert "0 of 2" in page.text
    page = site.page(f"/runs/{site.tell(running(benchmarks=[]), bench=False)}")
    assert "This run is to have no benchmarks." in page.text


def test_a_run_of_some_benchmarks_speaks_of_those_only(site: Site) -> None:
    run = example_run.committed()
    some = [result for result in run["benchmarks"] if result["id"] in ("zsre", "edit_bench")]
    run_id = site.tell(run | {"benchmarks": some}, only=["zsre", "leme", "edit_bench"])
    page = site.page(f"/runs/{run_id}")
    cards = {str(card["id"]) for card in page.all("details", **{"class": "card"})}
    assert cards == {"b-edit-bench", "b-zsre", "b-leme"}
    linked = {str(a["href"]) for a in page.all("a") if str(a["href"]).startswith("#b-")}
    assert linked == {f"#{id}" for id in cards}
    assert "Of 3 benchmarks that were asked for" in page.text and "Thirteen" not in page.text
    site.page(f"/runs/{run_id}/cards/leme")
    assert site.client.get(f"/runs/{run_id}/cards/ripple_bench", headers=HTML).status_code == 422


def test_one_card_is_drawn_by_itself(site: Site) -> None:
    run_id = site.tell(example_run.committed())
    card = site.page(f"/runs/{run_id}/cards/sequential_edit_retention")
    assert card.all("details")[0]["id"] == "b-sequential-edit-retention" and card.all("svg")
    site.page(f"/runs/{run_id}/cards/leme")
    assert site.client.get(f"/runs/{run_id}/cards/leem", headers=HTML).status_code == 422


def test_a_rolled_back_run_gives_its_reasons(site: Site) -> None:
    page = site.page(f"/runs/{site.tell(example_run.rolled_back())}")
    assert page.text.count("paraphrases: 0.12 is below 0.30") >= 3 and "Rolled back." in page.text
    assert page.all("button", data_post=f"/api/runs/{page.all('div', id='run')[0]['data-run']}/bench") == []


@pytest.mark.slow
def test_strangers_text_is_shown_and_does_not_act(site: Site) -> None:
    run = example_run.committed()
    run["request"] |= {"prompt": f"{HOSTILE} is in", "subject": HOSTILE, "target": HOSTILE}
    run["reading"]["sentences"] = [HOSTILE]
    run["candidates"][0]["why"] = HOSTILE
    for result in run["benchmarks"]:
        result["title"] = result["question"] = HOSTILE
        for probe in result["probes"]:
            probe["prompt"] = probe["target"] = HOSTILE
    run_id = site.tell(run, model=HOSTILE)
    for path in ("/", "/runs", f"/runs/{run_id}", f"/compare?a={run_id}&b={run_id}", "/edits", "/edit"):
        page = site.page(path)  # the strict reader refuses what acts
        assert "\u202e" not in page.text and "\x07" not in page.text
    assert "<script>alert(1)</script>" in site.page(f"/runs/{run_id}").text
    assert site.page(f"/runs/{run_id}/parts/suite").all("script") == []


def test_a_megabyte_of_text_is_cut(site: Site) -> None:
    run = example_run.committed()
    run["request"]["subject"] = "x" * 1_000_000
    run["benchmarks"][0]["question"] = "y" * 1_000_000
    run_id = site.tell(run)
    answer = site.client.get(f"/runs/{run_id}", headers=HTML)
    assert answer.status_code == 200 and len(answer.text) < 500_000


def test_a_queued_run_says_where_it_stands_and_is_cancelled(site: Site) -> None:
    queue = site.server.queue
    request = example_run.committed()["request"]
    first, second = (queue.put("edit", request, OPTIONS, "edit") for _ in range(2))
    assert "It is the next to begin." in site.page(f"/runs/{first}").text
    page = site.page(f"/runs/{second}")
    assert "One job is before it." in page.text and "waiting for its turn" in page.text
    assert [job["ahead"] for job in site.get("/api/queue")["jobs"]] == [0, 1]
    assert f"/api/runs/{second}/cancel" in {b.get("data-post") for b in site.page("/queue").all("button")}
    assert site.post(f"/api/runs/{second}/cancel")["cancelled"] is True
    assert site.post(f"/api/runs/{second}/cancel")["cancelled"] is False
    page = site.page(f"/runs/{second}")
    assert "cancelled before it began" in page.text and "Nothing was committed" in page.text
    assert site.get(f"/api/runs/{second}")["status"] == "interrupted"
    site.post("/api/runs/nope/cancel", status=404)


def test_an_interrupted_suite_is_gone_on_with_once(site: Site) -> None:
    run_id = site.tell(example_run.interrupted())
    page = site.page(f"/runs/{run_id}")
    assert page.all("button", data_post=f"/api/runs/{run_id}/resume")
    assert "Resume goes on with the benchmarks that are left." in page.text
    assert site.post(f"/api/runs/{run_id}/resume") == {"run_id": run_id, "url": f"/runs/{run_id}"}
    (job,) = site.server.queue.jobs(WAITING)
    assert (job.run_id, job.work) == (run_id, "resume")
    assert site.get(f"/api/runs/{run_id}")["status"] == site.server.store.run(run_id).status == "queued"
    page = site.page(f"/runs/{run_id}")
    assert "It is the next to begin." in page.text and page.all("div", id="run")[0]["data-going"] == "true"
    error = site.post(f"/api/runs/{run_id}/resume", status=422)["error"]
    assert error["came"] == f"run {run_id}, which waits or runs already"
    site.post(f"/api/runs/{run_id}/cancel")
    assert site.page(f"/runs/{run_id}").all("button", data_post=f"/api/runs/{run_id}/resume")


def test_a_run_that_a_dead_worker_left_is_gone_on_with_before_the_next_worker_looks(site: Site) -> None:
    run_id = site.tell(example_run.interrupted())
    queue = site.server.queue
    queue.put_again(run_id, "resume")
    assert queue.take() is not None
    with pytest.raises(StoreError, match="which waits or runs already"):
        queue.put_again(run_id, "resume")  # it was taken, and has not begun
    site.server.store.fail(run_id, "its process ended without a word", True, "interrupted")
    page = site.page(f"/runs/{run_id}")
    assert page.all("button", data_post=f"/api/runs/{run_id}/resume") and "next to begin" not in page.text
    site.post(f"/api/runs/{run_id}/resume")
    assert queue.orphans() == []
    queue.end(run_id)  # of the old job: the new one waits on
    assert [job.run_id for job in queue.jobs(WAITING)] == [run_id]


def test_a_run_whose_worker_died_before_its_first_event_says_so(site: Site) -> None:
    queue = site.server.queue
    run_id = queue.put("edit", example_run.committed()["request"], OPTIONS, "edit")
    assert queue.take() is not None
    assert queue.orphans() == [run_id]
    assert "its process ended without a word" in site.page(f"/runs/{run_id}").text


def test_the_pause_before_a_run_goes_on_is_not_its_time(site: Site) -> None:
    run_id = site.tell(example_run.interrupted())
    before = site.get(f"/api/runs/{run_id}")["timings"]["total"]
    with site.server.store.database.connection(writes=True) as connection:  # all that was happened last year
        connection.execute(sa.text("UPDATE events SET at = '2025' || substr(at, 5)"))
    site.post(f"/api/runs/{run_id}/resume")
    assert site.get(f"/api/runs/{run_id}")["timings"]["total"] == pytest.approx(before, abs=0.5)


def test_a_run_that_ended_is_not_gone_on_with(site: Site) -> None:
    run_id = site.tell(example_run.committed())
    error = site.post(f"/api/runs/{run_id}/resume", status=422)["error"]
    assert error["came"] == f"run {run_id}, which is committed: nothing is left to finish"
    bare = site.tell(example_run.rolled_back())
    error = site.post(f"/api/runs/{bare}/resume", status=422)["error"]
    assert error["came"] == f"run {bare}, which has no committed edit"
    assert site.server.queue.jobs(WAITING, RUNNING) == []


def test_an_edit_is_measured_again_in_a_run_of_its_own(site: Site) -> None:
    of = site.tell(example_run.committed(), seed=4)
    same = site.post(f"/api/runs/{of}/bench", {}, 201)
    assert same["url"] == f"/runs/{same['run_id']}" and same["run_id"] != of
    fresh = site.post(f"/api/runs/{of}/bench", {"probes": "fresh", "only": ["zsre"]}, 201)
    seeded = site.post(f"/api/runs/{of}/bench", {"seed": 9}, 201)
    options = [site.get(f"/api/runs/{run['run_id']}")["options"] for run in (same, fresh, seeded)]
    assert [(o["of"], o["probes"], o["seed"], o["only"]) for o in options] == [
        (of, "same", 4, None),
        (of, "fresh", 5, ["zsre"]),
        (of, "same", 9, None),
    ]
    assert [job.work for job in site.server.queue.jobs(WAITING)] == ["bench"] * 3
    page = site.page(f"/runs/{fresh['run_id']}")
    assert f"of {of}" in page.text
    assert [
        b
        for b in page.all("button")
        if b.get("data-copy") == f"assay bench {of} --probes fresh --only zsre --seed 5"
    ]


@pytest.mark.parametrize(
    ("body", "came"),
    [
        ({"probes": "old"}, "probes: "),
        ({"only": ["zsr"]}, "benchmark 'zsr'"),
        ({"only": []}, "only: "),
        ({"only": ["zsre"] * 14}, "only: "),
        ({"seed": -1}, "seed: "),
        ({"seed": 2**31 + 1}, "seed: "),
        ({"seed": "x"}, "seed: "),
    ],
)
def test_what_cannot_be_measured_is_told(site: Site, body: dict[str, Any], came: str) -> None:
    of = site.tell(example_run.committed())
    assert site.post(f"/api/runs/{of}/bench", body, 422)["error"]["came"].startswith(came)
    assert site.server.queue.jobs(WAITING) == []


def test_a_full_queue_says_so(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assay.runs.queue.LONGEST", 1)
    of = site.tell(example_run.committed())
    site.post(f"/api/runs/{of}/bench", {}, 201)
    assert site.post(f"/api/runs/{of}/bench", {}, 422)["error"]["came"] == "a job while 1 are waiting"


def test_files_of_a_run_are_taken_away_under_its_name(site: Site) -> None:
    run_id = site.tell(example_run.committed())
    page = site.page(f"/runs/{run_id}")
    offered = [a["href"] for a in page.all("a", download=None) if "download" in a]
    assert len(offered) == 5
    got = {str(path).rpartition("/")[2]: site.client.get(str(path)) for path in offered}
    for name, answer in got.items():
        assert answer.status_code == 200
        assert answer.headers["content-disposition"] == f'attachment; filename="{run_id}-{name}"'
    assert got["run.json"].json()["run_id"] == run_id
    assert len(list(csv.DictReader(io.StringIO(got["benchmarks.csv"].text)))) == 13
    table = parquet.read_table(io.BytesIO(got["probes.parquet"].content))
    assert table.num_rows == len(list(csv.DictReader(io.StringIO(got["probes.csv"].text)))) > 20
    assert "report of a weight edit" in got["report.html"].text
    assert sorted(path.name for path in site.server.home.run(run_id).iterdir()) == ["edit.safetensors"]


@pytest.mark.parametrize("name", ["edit.safetensors", "..%2Frun.json", "run"])
def test_no_other_file_is_given(site: Site, name: str) -> None:
    run_id = site.tell(example_run.committed())
    assert site.client.get(f"/api/runs/{run_id}/files/{name}").status_code in (404, 422)


def test_a_feature_run_has_no_report_of_an_edit(site: Site) -> None:
    request = {"prompt": None, "subject": "7", "target": "", "old": None, "relation": None}
    run_id = site.tell({"kind": "feature", "request": request, "status": "done"})
    assert site.client.get(f"/api/runs/{run_id}/files/run.json").status_code == 200
    assert site.error(f"/api/runs/{run_id}/files/report.html")["wanted"] == "one of run.json"


def test_what_the_page_says_of_changes_is_what_there_is(site: Site) -> None:
    from assay.events import KINDS

    for part in PARTS.values():
        assert set(part.changes) <= set(KINDS)
    schema = site.get("/api/openapi.json")
    assert {"/api/edits", "/api/compare", "/api/queue", "/api/runs/{run_id}/bench"} <= schema["paths"].keys()
    assert schema["components"]["schemas"]["EditForm"]["properties"]["prompt"]["maxLength"] == 2000
