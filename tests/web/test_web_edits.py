"""Stored edits in the browser, and model folders that are named, never reached by a path."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import example_run
import pytest

from assay import pipeline
from assay.errors import InputError
from assay.models.load import load
from assay.runs.home import Home
from assay.runs.queue import WAITING
from assay.web import work, worker
from assay.web.exports import exports, folder_of, folders
from small import LENIENT, TOWER, save_tiny
from web_site import Site, open_site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path / "home") as opened:
        yield opened


def test_committed_edits_are_listed_and_on_request_those_rolled_back(site: Site) -> None:
    assert "No edit is stored yet." in site.page("/edits").text
    kept = site.tell(example_run.committed())
    tried = site.tell(example_run.rolled_back())
    page = site.page("/edits")
    assert [a["href"] for a in page.all("a") if str(a["href"]).startswith("/runs/")] == [f"/runs/{kept}"]
    assert [form["data-run"] for form in page.all("form", **{"class": "bar merge"})] == [kept]
    assert [edit["run_id"] for edit in site.get("/api/edits")["edits"]] == [kept]
    every = site.get("/api/edits?every=true")["edits"]
    assert sorted(edit["state"] for edit in every) == ["committed", *["rolled_back"] * 3]
    assert f"/runs/{tried}" in [a["href"] for a in site.page("/edits?every=true").all("a")]


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "/etc", "a/b", "a\\b", ".assay", "-rf", "a" * 81, "a b", "é", "a\n"]
)
def test_what_is_no_plain_name_is_refused(site: Site, name: str) -> None:
    run_id = site.tell(example_run.committed())
    error = site.post(f"/api/edits/{run_id}/merge", {"do": "export", "folder": name}, 422)["error"]
    assert error["came"] == f"folder {name!r}" and "a name, not a path" in error["wanted"]
    assert site.server.queue.jobs(WAITING) == []


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    home, out = Home(tmp_path / "home"), tmp_path / "out"
    out.mkdir()
    (out / "config.json").write_text("{}")
    exports(home).mkdir(parents=True)
    (exports(home) / "link").symlink_to(out)
    with pytest.raises(InputError, match="which is a link to"):
        folder_of(home, "link")
    assert folders(home) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("body", "came"),
    [
        ({"do": "delete", "folder": "x"}, "do: "),
        ({"do": "export"}, "folder: "),
        ({"do": "apply", "folder": "none"}, "folder 'none', which holds no model"),
        ({"do": "revert", "folder": "none"}, "folder 'none', which holds no model"),
        ({"do": "export", "folder": "full"}, "folder 'full', which is not empty"),
        ({"do": "export", "folder": "a\0"}, "text with the character U+0000 in it"),
    ],
)
def test_what_cannot_be_done_is_told_before_a_job_is_made(
    site: Site, body: dict[str, Any], came: str
) -> None:
    run_id = site.tell(example_run.committed())
    full = exports(site.server.home) / "full"
    full.mkdir(parents=True)
    (full / "notes.txt").write_text("mine")
    error = site.post(f"/api/edits/{run_id}/merge", body, 422)["error"]
    assert error["came"].startswith(came)
    assert site.server.queue.jobs(WAITING) == []


def test_a_run_without_an_edit_has_nothing_to_merge(site: Site) -> None:
    run_id = site.tell(example_run.rolled_back())
    error = site.post(f"/api/edits/{run_id}/merge", {"do": "export", "folder": "x"}, 422)["error"]
    assert error["came"] == f"run {run_id}, which has no committed edit"
    site.post("/api/edits/nope/merge", {"do": "export", "folder": "x"}, 404)


@pytest.mark.slow
def test_an_edit_is_exported_applied_and_reverted_as_jobs(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "run_edit", partial(pipeline.run_edit, settings=LENIENT))
    home = site.server.home
    model = save_tiny(home.root / "model")
    shop = work.Workshop(site.server.store)

    def do_next() -> str:
        job = site.server.queue.take()
        assert job is not None
        worker.do(shop, site.server.queue, job)
        return site.server.store.run(job.run_id).status

    asked = {"prompt": TOWER.prompt, "subject": TOWER.subject, "target": "Berlin", "model": str(model)}
    run_id = site.post("/api/edits", {**asked, "layer": "1", "trace": False, "bench": False}, 201)["run_id"]
    assert do_next() == "committed"
    merge = f"/api/edits/{run_id}/merge"

    made = site.post(merge, {"do": "export", "folder": "with-edit"}, 201)
    assert do_next() == "done"
    page = site.page(made["url"])
    assert "with-edit : done." in page.text or "with-edit: done." in page.text
    assert [p["data-part"] for p in page.all("div") if "data-part" in p] == ["head", "provenance"]
    edited = load(str(exports(home) / "with-edit"), tmp_path).hash

    save_tiny(exports(home) / "plain")
    before = (exports(home) / "plain" / "model.safetensors").read_bytes()
    site.post(merge, {"do": "apply", "folder": "plain"}, 201)
    assert do_next() == "done"
    assert load(str(exports(home) / "plain"), tmp_path).hash == edited
    assert site.get("/api/edits")["folders"] == [
        {"name": "plain", "edited": True},
        {"name": "with-edit", "edited": False},
    ]
    assert "an edit is applied" in site.page("/edits").text
    site.post(merge, {"do": "revert", "folder": "plain"}, 201)
    assert do_next() == "done"
    assert (exports(home) / "plain" / "model.safetensors").read_bytes() == before

    again = site.post(merge, {"do": "revert", "folder": "plain"}, 201)
    assert do_next() == "failed"
    assert "no edit is applied in" in site.page(again["url"]).text
