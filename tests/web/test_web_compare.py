"""Two runs side by side in the browser, and the sweeps of a home."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import example_run
import pytest

from assay.web.text import plain
from web_site import HTML, Site, open_site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path) as opened:
        yield opened


def test_two_runs_are_compared_score_by_score(site: Site) -> None:
    first = site.tell(example_run.committed())
    other = example_run.committed()
    other["request"]["target"] = "Rome"
    other["benchmarks"][0] |= {"score": 0.31, "interval": [0.2, 0.4], "verdict": "low", "passed": False}
    other["benchmarks"][1] |= {"score": 0.33, "interval": [0.25, 0.41]}
    second = site.tell(other)
    page = site.page(f"/compare?a={first}&b={second}")
    table = page.text.partition("B − A")[2]
    assert "EditBench" in table and "−0.51" in table and "worse" in table
    assert "better, may be chance" in table and "same" in table and "unscored" in table
    assert page.text.count("Rome") >= 2 and page.text.count("Berlin") >= 2
    assert len(page.all("svg", **{"class": "chart"})) == 1 + 2 * 13
    chosen = [option["value"] for option in page.all("option") if "selected" in option]
    assert chosen == [first, second]
    told = site.get(f"/api/compare?a={first}&b={second}")
    assert told["benchmarks"][0]["delta"] == pytest.approx(-0.51)


def test_a_difference_too_small_to_be_shown_is_the_same(site: Site) -> None:
    first = site.tell(example_run.committed())
    other = example_run.committed()
    other["benchmarks"][0]["score"] -= 0.002
    other["benchmarks"][1]["score"] += 0.002
    second = site.tell(other)
    page = site.page(f"/compare?a={first}&b={second}")
    changes = set(page.text.partition("B − A")[2].replace("B − A", "").split())
    assert "same" in changes and not changes & {"−0.00", "+0.00", "worse", "better"}
    told = site.get(f"/api/compare?a={first}&b={second}")["benchmarks"][0]
    assert told["delta"] == pytest.approx(-0.002)  # programs are told all of it


def test_what_only_one_run_was_asked_for_is_compared_as_not_run(site: Site) -> None:
    run = example_run.committed()
    whole = site.tell(run)
    some = [result for result in run["benchmarks"] if result["id"] == "zsre"]
    limited = site.tell(run | {"benchmarks": some}, only=["zsre"])
    page = site.page(f"/compare?a={limited}&b={whole}")
    assert page.text.count("not run in A") == 12 and len(page.all("svg", **{"class": "chart"})) >= 13


def test_a_choice_of_one_asks_for_the_other(site: Site) -> None:
    run_id = site.tell(example_run.committed())
    assert "Choose the other run." in site.page(f"/compare?a={run_id}").text
    assert not site.page("/compare").all("table")
    assert site.client.get(f"/compare?a={run_id}&b=nope", headers=HTML).status_code == 404
    assert site.error(f"/api/compare?a={run_id}")["field"] == "b"
    assert site.client.get("/compare?a=%00&b=x", headers=HTML).status_code == 422


def test_runs_without_benchmarks_are_side_by_side_all_the_same(site: Site) -> None:
    rolled = site.tell(example_run.rolled_back())
    whole = site.tell(example_run.committed())
    assert "not run in A" in site.page(f"/compare?a={rolled}&b={whole}").text
    assert "Neither run has a benchmark." in site.page(f"/compare?a={rolled}&b={rolled}").text


def sweep(site: Site, name: str, text: str) -> None:
    folder = site.server.home.root / "saes" / name
    folder.mkdir(parents=True)
    (folder / "sweep.json").write_text(text, encoding="utf-8")


def rows() -> list[dict[str, Any]]:
    figures = {"ev": 0.7, "recovered_zero": 0.9, "dead": 0.01, "dense": 0.0, "extra": float("nan")}
    return [{"k": k, "l0": float(k), **figures} for k in (16, 32, 64)]


def test_sweeps_are_a_table_and_a_picture(site: Site) -> None:
    assert "There is none in this home yet." in site.page("/sweeps").text
    sweep(site, "sweep-k", json.dumps({"over": "k", "rows": rows(), "saes": []}))
    assert "3 autoencoders over k" in site.page("/sweeps").text
    page = site.page("/sweeps/sweep-k")
    assert "70.0%" not in page.text and "0.700" in page.text
    (image,) = page.all("img")
    picture = site.client.get(str(image["src"]))
    assert picture.headers["content-type"] == "image/svg+xml"
    assert ElementTree.fromstring(picture.text).tag.endswith("svg")
    assert [row["k"] for row in site.get("/api/sweeps/sweep-k")["rows"]] == [16, 32, 64]
    assert site.get("/api/sweeps") == {"sweeps": [{"name": "sweep-k", "over": "k", "of": 3}], "damaged": []}


DAMAGED = (
    *("", "{", "[]", "{}", "[" * 90_000),
    *('{"over": "k", "rows": []}', '{"over": "k", "rows": 7}', '{"over": "k", "rows": [3]}'),
    *('{"over": "x", "rows": [{"x": 1}]}', '{"over": ["k"], "rows": []}'),
    *('{"over": "k", "rows": [{"k": "16"}]}', '{"over": "k", "rows": [{"k": 1, "ev": "high"}]}'),
)


@pytest.mark.parametrize("text", DAMAGED, ids=[text[:30] for text in DAMAGED])
def test_a_damaged_sweep_is_named(site: Site, text: str) -> None:
    sweep(site, "broken", text)
    assert "The table of broken cannot be read." in site.page("/sweeps").text
    error = site.error("/api/sweeps/broken")
    assert error["came"] == "sweep 'broken', which cannot be read"


@pytest.mark.parametrize("name", ["nope", "..", "%2e%2e%2fstore.db", "%00"])
def test_no_other_folder_is_read(site: Site, name: str) -> None:
    assert site.client.get(f"/api/sweeps/{name}").status_code in (404, 422)
    assert site.client.get(f"/api/sweeps/{name}/picture.svg").status_code in (404, 422)


def test_plain_text_passes() -> None:
    assert plain("ünï\u202e\n\t🏙") == "ünï\u202e\n\t🏙"
