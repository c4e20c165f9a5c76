"""The weight editor: a form that says what is wrong where, and an edit from the form to its thirteen cards."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import example_run
import llm_server
import pandas as pd
import pytest
from slow_footprint import axes_sae

from assay import characterise, pipeline
from assay.benchmarks.names import NAMES
from assay.features.place import place_of
from assay.runs.queue import WAITING
from assay.sae.formats.save import save_sae
from assay.sae.formats.table import load_sae
from assay.web import work, worker
from assay.web.edit_form import CHECKS, EXAMPLE, EditForm, like
from assay.web.routes.edit import Prefill
from small import LENIENT, TOWER, save_tiny
from web_site import HTML, Site, open_site

FORM = {"prompt": TOWER.prompt, "subject": TOWER.subject, "target": "Berlin"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("model"))


@pytest.fixture
def site(tmp_path: Path, folder: Path) -> Iterator[Site]:
    with open_site(tmp_path / "home", folder) as opened:
        yield opened


def problems(site: Site, **changes: Any) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = site.post("/api/edits/check", {**FORM, **changes})["problems"]
    return found


def test_the_form_has_a_label_and_a_place_for_words_for_every_field(site: Site) -> None:
    page = site.page("/edit")
    names = {str(a["name"]) for tag in ("input", "select") for a in page.all(tag)}
    assert set(EditForm.model_fields) - {"bench"} | {"how"} <= names
    ids = {a.get("id") for _, a in page.seen}
    for tag in ("input", "select"):
        for control in page.all(tag):
            for id in str(control.get("aria-describedby") or "").split():
                assert id in ids
    labelled = {label.get("for") for label in page.all("label")}
    assert {
        f"f-{name}" for name in ("prompt", "subject", "target", "old", "relation", "model", "seed")
    } <= labelled
    assert {f"f-{field}-wrong" for field in CHECKS} <= ids
    assert len(page.all("input", name="only")) == len(NAMES)
    assert EXAMPLE.prompt in str(page.all("form", id="edit")[0]["data-example"])


def test_a_form_that_can_be_asked_for_has_no_problem(site: Site) -> None:
    assert problems(site) == {}
    assert problems(site, layer="5", only=["zsre"], relation="landmark_city", sae="none", old="Paris") == {}
    assert problems(site, layer="", relation="", old=" ", sae="") == {}


@pytest.mark.parametrize(
    ("changes", "field", "came", "todo"),
    [
        ({"prompt": " "}, "prompt", "an empty prompt", "fill it in"),
        ({"subject": ""}, "subject", "an empty subject", "fill it in"),
        ({"target": ""}, "target", "an empty target", "fill it in"),
        (
            {"subject": "the eiffel tower"},
            "subject",
            f"subject 'the eiffel tower', which is 0 times in the prompt {TOWER.prompt!r}",
            "correct prompt or subject (capital letters count)",
        ),
        (
            {"old": "Berlin "},
            "target",
            "target 'Berlin', which is the old answer too",
            "correct target or old",
        ),
        ({"relation": "landmark_cty"}, "relation", "relation 'landmark_cty'", "did you mean landmark_city"),
        ({"model": " "}, "model", "an empty model", "fill it in"),
        ({"layer": "-1"}, "layer", "layer '-1'", "for example 5"),
        ({"method": "rme"}, "method", "method 'rme'", "did you mean rome"),
        ({"variant": "xyz"}, "variant", "variant 'xyz'", "choose one of these"),
        ({"generator": "catalog"}, "generator", "generator 'catalog'", "did you mean catalogue?"),
        ({"only": []}, "only", "no benchmark", "tick some, or choose all or none"),
        ({"only": ["zsr"]}, "only", "benchmark 'zsr'", "did you mean zsre?"),
        (
            {"sae": "/no"},
            "sae",
            "the SAE '/no', which is outside of what this server may open",
            "put it there",
        ),
        ({"model": "/"}, "model", "the model '/', which is outside of what this server may open", "put it"),
        (
            {"generator": "replay:none"},
            "generator",
            "run 'none', but no run is stored yet",
            "make one: assay",
        ),
        ({"generator": "llm:x"}, "generator", "no key for https://api.openai.com/v1", "set ASSAY_LLM_KEY"),
        (
            {"base_url": "http://localhost/v1"},
            "base_url",
            "base-url with the generator catalogue",
            "leave out base-url, or name a model: llm:MODEL",
        ),
        (
            {"timeout": 3},
            "timeout",
            "timeout with the generator catalogue",
            "leave out timeout, or name a model: llm:MODEL",
        ),
        (
            {"generator": "llm:x", "base_url": "http://localhost/v1", "timeout": 0},
            "timeout",
            "timeout 0",
            "for example 300; leave it empty for 60",
        ),
        (
            {"generator": "llm:x", "base_url": "http://localhost/v1", "timeout": 1e300},
            "timeout",
            "timeout 1e+300",
            "for example 300; leave it empty for 60",
        ),
        (
            {"generator": "llm:x", "base_url": "localhost/v1"},
            "base_url",
            "base URL 'localhost/v1'",
            "for example http://localhost:11434/v1",
        ),
        (
            {"generator": "llm:x", "base_url": "http://a:b@h/v1"},
            "base_url",
            "a base URL for h with more than an address in it",
            "put the key into the environment: ASSAY_LLM_KEY",
        ),
    ],
)
def test_each_wrong_field_is_told_with_its_name_and_nothing_is_asked_for(
    site: Site, changes: dict[str, Any], field: str, came: str, todo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pydantic_ai")
    for name in ("ASSAY_LLM_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    found = problems(site, **changes)
    assert list(found) == [field]
    assert found[field]["came"] == came and found[field]["todo"].startswith(todo) and found[field]["wanted"]
    assert "--" not in found[field]["todo"].replace("assay ui --allow FOLDER", "").replace(
        "--prompt", ""
    ).replace("--target", "")
    error = site.post("/api/edits", {**FORM, **changes}, 422)["error"]
    assert error["field"] == field and error["came"] == f"{field}: {came}"
    assert site.server.store.runs() == []


def test_all_wrong_fields_are_told_at_once(site: Site) -> None:
    found = site.post("/api/edits/check", {"layer": "x", "method": "y"})["problems"]
    assert list(found) == ["prompt", "subject", "target", "layer", "method"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"prompt": "x" * 2001}, "prompt"),
        ({"target": "x" * 301}, "target"),
        ({"layer": "1" * 10}, "layer"),
        ({"timeout": "soon"}, "timeout"),
        ({"base_url": "http://" + "x" * 300}, "base_url"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**31 + 1}, "seed"),
        ({"seed": "one"}, "seed"),
        ({"seed": None}, "seed"),
        ({"only": ["zsre"] * 14}, "only"),
        ({"only": "zsre"}, "only"),
        ({"prompt": 7}, "prompt"),
        ({"prompt": ["x"]}, "prompt"),
        ({"bench": "maybe"}, "bench"),
    ],
)
def test_a_body_out_of_bounds_names_its_field(site: Site, changes: dict[str, Any], field: str) -> None:
    for path in ("/api/edits", "/api/edits/check"):
        error = site.post(path, {**FORM, **changes}, 422)["error"]
        assert error["field"] == field and error["came"].startswith(f"{field}: ")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"prompt": "\\ud800", "subject": "x", "target": "y"}',
        b'{"prompt": "a\\u0000b", "subject": "a", "target": "y"}',
        b'{"prompt": "a b", "subject": "a", "target": "y", "seed": NaN}',
        b'{"prompt": "a b", "subject": "a", "target": "y", "seed": 1e400}',
        b'{"prompt": "a b", "subject": "a", "target": "y", "timeout": NaN}',
        b'{"prompt": "a b", "subject": "a", "target": "y", "timeout": 1e400}',
        b'{"\\ud800": 1}',
    ],
)
def test_no_body_breaks_the_server(site: Site, body: bytes) -> None:
    for path in ("/api/edits", "/api/edits/check"):
        answer = site.send(path, content=body, headers={"content-type": "application/json"})
        assert answer.status_code in (200, 400, 422), answer.text
        if answer.status_code != 200:
            assert answer.json()["error"]["came"]
    assert site.server.store.runs() == []


def test_a_megabyte_is_refused(site: Site) -> None:
    assert site.post("/api/edits", {**FORM, "prompt": "x" * 999_000}, 422)["error"]["field"] == "prompt"
    assert site.send("/api/edits", json={**FORM, "prompt": "x" * 1_000_001}).status_code == 413


def test_odd_but_sound_text_is_asked_for_as_it_is(site: Site) -> None:
    odd = {"prompt": "\u202eرقم <b>\n'\"& lies in", "subject": "رقم <b>", "target": "🏙 Zürich"}
    run_id = site.post("/api/edits", odd, 201)["run_id"]
    assert {k: site.get(f"/api/runs/{run_id}")["request"][k] for k in odd} == odd
    assert "🏙 Zürich" in site.page(f"/runs/{run_id}").text
    assert "🏙 Zürich" in site.page("/edit").text  # in the queue


def test_a_link_fills_the_form_in(site: Site) -> None:
    page = site.page(
        "/edit?prompt=A%20%22b%22&target=%3Cscript%3E&layer=3&seed=8&method=memit&trace=0&only=zsre,leme,x"
    )
    value = {a["name"]: a.get("value") for a in page.all("input") if a["type"] == "text"}
    assert (value["prompt"], value["target"], value["layer"]) == ('A "b"', "<script>", "3")
    assert page.all("input", name="seed")[0]["value"] == "8"
    ticked = {(a["name"], a.get("value")) for a in page.all("input") if "checked" in a}
    assert ticked == {("how", "some"), ("only", "zsre"), ("only", "leme")}
    assert ("how", "none") in {
        (a["name"], a.get("value")) for a in site.page("/edit?bench=0").all("input") if "checked" in a
    }
    answer = site.client.get("/edit?seed=x", headers=HTML)
    assert answer.status_code == 422 and "seed: " in answer.text
    assert site.client.get("/edit?prompt=%00", headers=HTML).status_code == 422


def test_the_form_names_every_kind_of_generator(site: Site) -> None:
    page = site.page("/edit")
    assert "catalogue, llm:MODEL, local:MODEL or replay:RUN." in page.text
    offered = [option["value"] for option in page.all("option") if "label" in option]
    assert offered == ["llm:", "local:", "replay:"]


def test_a_model_of_this_machine_lies_where_the_server_may_open(site: Site) -> None:
    asked = {**EXAMPLE.model_dump(), "generator": "local:/etc"}
    problems = site.post("/api/edits/check", asked)["problems"]
    assert "outside of what this server may open" in problems["generator"]["came"]


def test_a_run_can_be_edited_like(site: Site) -> None:
    asked = {**FORM, "old": "Paris", "layer": "2", "seed": 3, "trace": False, "only": ["zsre"], "sae": "none"}
    run_id = site.post("/api/edits", asked, 201)["run_id"]
    link = like(site.get(f"/api/runs/{run_id}"))
    again = Prefill(**link).form()
    assert again == EditForm(**asked)
    (a,) = [a for a in site.page(f"/runs/{run_id}").all("a") if str(a["href"]).startswith("/edit?")]
    (copied,) = [b["data-copy"] for b in site.page(f"/runs/{run_id}").all("button") if "data-copy" in b]
    assert copied == (
        f"assay edit --prompt '{TOWER.prompt}' --subject 'The Eiffel Tower' --target Berlin --old Paris "
        "--model smollm2 --layer 2 --seed 3 --sae none --only zsre --no-trace"
    )
    page = site.page(str(a["href"]))
    assert page.all("input", name="old")[0]["value"] == "Paris"


@pytest.mark.slow
def test_from_the_form_to_thirteen_cards(site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "run_edit", partial(pipeline.run_edit, settings=LENIENT))
    monkeypatch.setattr(work, "run_bench", partial(characterise.run_bench, settings=LENIENT))
    server, shop = site.server, work.Workshop(site.server.store)

    def do_next() -> None:
        job = server.queue.take()
        assert job is not None
        worker.do(shop, server.queue, job)

    made = site.post("/api/edits", {**FORM, "model": str(folder), "layer": "1", "trace": False}, 201)
    page = site.page(made["url"])
    assert "It is the next to begin." in page.text and page.all("div", id="run")[0]["data-going"] == "true"
    do_next()
    page = site.page(made["url"])
    assert page.all("div", id="run")[0]["data-going"] == "false"
    cards = page.all("details", **{"class": "card"})
    assert len(cards) == 13 and "missing" not in {card["data-state"] for card in cards}
    run = site.get(f"/api/runs/{made['run_id']}")
    assert (run["status"], len(run["benchmarks"])) == ("committed", 13)

    again = site.post(f"/api/runs/{made['run_id']}/bench", {"only": ["zsre", "edit_bench"]}, 201)
    do_next()
    measured = site.get(f"/api/runs/{again['run_id']}")
    assert [result["id"] for result in measured["benchmarks"]] == ["edit_bench", "zsre"]
    rows = site.get(f"/api/compare?a={made['run_id']}&b={again['run_id']}")["benchmarks"]
    changes = {row["id"]: row["change"] for row in rows}
    assert changes["leme"] == "not run in B" and changes["edit_bench"] in ("same", "unscored")


def do_next(site: Site, shop: work.Workshop) -> None:
    job = site.server.queue.take()
    assert job is not None
    worker.do(shop, site.server.queue, job)


@pytest.mark.slow
def test_a_language_model_makes_the_probes_of_an_edit_from_the_form(
    site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the form, like it, again on the same probes and on fresh ones, and gone on with."""
    pytest.importorskip("pydantic_ai")
    monkeypatch.setattr(work, "run_edit", partial(pipeline.run_edit, settings=LENIENT))
    monkeypatch.setattr(work, "run_bench", partial(characterise.run_bench, settings=LENIENT))
    shop, only = work.Workshop(site.server.store), ["edit_bench", "zsre"]
    assess = characterise.assess
    with llm_server.serving() as llm:
        maker = {"generator": "llm:scripted", "base_url": f"{llm.base_url}/", "timeout": 7.5}
        asked = {**FORM, "model": str(folder), "layer": "1", "trace": False, "only": only, **maker}
        run_id = site.post("/api/edits", asked, 201)["run_id"]
        with monkeypatch.context() as patched:
            patched.setattr(pipeline, "assess", partial(cut_off, assess))
            do_next(site, shop)
        asked_of_it = len(llm.calls)
        assert asked_of_it > 0 and site.get(f"/api/runs/{run_id}")["status"] == "failed"
        site.post(f"/api/runs/{run_id}/resume")
        do_next(site, shop)
        same = site.post(f"/api/runs/{run_id}/bench", {"only": only}, 201)["run_id"]
        do_next(site, shop)
        assert len(llm.calls) == asked_of_it, "stored probes ask nobody"
        fresh = site.post(f"/api/runs/{run_id}/bench", {"probes": "fresh", "only": only}, 201)["run_id"]
        do_next(site, shop)
        assert len(llm.calls) > asked_of_it
    runs = [site.get(f"/api/runs/{id}") for id in (run_id, same, fresh)]
    assert [run["status"] for run in runs] == ["committed"] * 3
    assert {result["generator"] for run in runs for result in run["benchmarks"]} == {"llm 1 (scripted)"}
    assert runs[0]["settings"]["llm"]["timeout"] == runs[2]["settings"]["llm"]["timeout"] == 7.5
    spoken = f"--generator llm:scripted --base-url {llm.base_url} --timeout 7.5"
    assert spoken in copied(site, run_id) and spoken in copied(site, fresh)
    assert "--base-url" not in copied(site, same)
    again = Prefill(**like(runs[0])).form()
    assert again == EditForm(**{**asked, "base_url": llm.base_url})
    page = site.page(f"/edit?{urlencode(like(runs[0]))}")
    assert page.all("input", name="base_url")[0]["value"] == llm.base_url
    assert page.all("input", name="timeout")[0]["value"] == "7.5"


def test_fresh_probes_of_a_language_model_without_its_key_are_refused_at_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pydantic_ai")
    for name in ("ASSAY_LLM_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    run_id = site.tell(example_run.committed(), generator="llm:gpt-5-mini")
    assert site.post(f"/api/runs/{run_id}/bench", {}, 201)
    error = site.post(f"/api/runs/{run_id}/bench", {"probes": "fresh"}, 422)["error"]
    assert error["came"] == "no key for https://api.openai.com/v1"


@pytest.mark.slow
def test_the_probes_of_a_run_are_asked_again_by_the_start_of_its_id(
    site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "run_edit", partial(pipeline.run_edit, settings=LENIENT))
    shop = work.Workshop(site.server.store)
    asked = {**FORM, "model": str(folder), "layer": "1", "trace": False, "bench": False}
    first = site.post("/api/edits", asked, 201)["run_id"]
    do_next(site, shop)
    again = {**asked, "generator": "replay:last", "seed": 1}
    run_id = site.post("/api/edits", again, 201)["run_id"]
    do_next(site, shop)
    run = site.get(f"/api/runs/{run_id}")
    assert (run["options"]["generator"], run["status"]) == (f"replay:{first}", "committed")
    other = problems(site, generator="replay:last", target="Rome")
    assert "about another request" in other["generator"]["came"] and list(other) == ["generator"]


@pytest.mark.slow
def test_what_the_user_knows_of_features_goes_into_the_warning(
    site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "run_edit", partial(pipeline.run_edit, settings=LENIENT))
    home = site.server.store.home.root
    sae = save_sae(axes_sae(32, 2), home / "saes" / "axes")
    place = place_of(home, load_sae(sae).hash, sae)
    place.own.mkdir(parents=True)
    table = pd.DataFrame({"feature": range(64), "label": "axis", "purity": 0.4, "pattern": "LLL"})
    table.to_parquet(place.table_path)
    asked = {**FORM, "model": str(folder), "layer": "1", "trace": False, "bench": False, "sae": str(sae)}
    run_id = site.post("/api/edits", asked, 201)["run_id"]
    do_next(site, work.Workshop(site.server.store))
    carried = site.get(f"/api/runs/{run_id}")["carried"]
    assert carried["warning"].startswith("Features of low purity")
    assert carried["warning"] in site.page(f"/runs/{run_id}").text


def copied(site: Site, run_id: str) -> str:
    (found,) = [b["data-copy"] for b in site.page(f"/runs/{run_id}").all("button") if "data-copy" in b]
    return str(found)


def cut_off(assess: Any, *args: Any, **how: Any) -> Any:
    """The suite, ended after its first result as by a power cut."""
    model, edit, plan, moments, options, emit, *rest = args

    def until_first(kind: str, data: Any) -> None:
        emit(kind, data)
        if kind == "bench_result":
            raise RuntimeError("power cut")

    return assess(model, edit, plan, moments, options, until_first, *rest, **how)


@pytest.mark.slow
def test_a_suite_that_was_stopped_is_gone_on_with(
    site: Site, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "run_edit", partial(pipeline.run_edit, settings=LENIENT))
    server, shop = site.server, work.Workshop(site.server.store)
    only = ["edit_bench", "ripple_bench", "zsre"]
    asked = {**FORM, "model": str(folder), "layer": "1", "trace": False, "only": only}
    run_id = site.post("/api/edits", asked, 201)["run_id"]

    assess = characterise.assess
    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "assess", partial(cut_off, assess))
        job = server.queue.take()
        assert job is not None
        worker.do(shop, server.queue, job)
    run = site.get(f"/api/runs/{run_id}")
    assert (run["status"], len(run["benchmarks"])) == ("failed", 1)
    assert "power cut" in site.page(f"/runs/{run_id}").text

    monkeypatch.setattr(work, "run_bench", partial(characterise.run_bench, settings=LENIENT))
    site.post(f"/api/runs/{run_id}/resume")
    job = server.queue.take()
    assert job is not None and job.work == "resume"
    worker.do(shop, server.queue, job)
    run = site.get(f"/api/runs/{run_id}")
    assert (run["status"], [r["id"] for r in run["benchmarks"]]) == ("committed", only)
    assert "3 of 3" in site.page(f"/runs/{run_id}").text


def test_an_edit_that_cannot_be_made_says_why_on_its_page(site: Site) -> None:
    home = site.server.home.root
    run_id = site.post("/api/edits", {**FORM, "model": str(home)}, 201)["run_id"]
    job = site.server.queue.take()
    assert job is not None
    worker.do(work.Workshop(site.server.store), site.server.queue, job)
    page = site.page(f"/runs/{run_id}")
    assert "has no config.json" in page.text and "Failed" in page.text
    assert site.server.queue.jobs(WAITING) == []
