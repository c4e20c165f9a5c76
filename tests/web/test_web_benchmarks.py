"""The Benchmarks tab: the newest committed edit's suite at an address that stays, and which measurement it shows."""

from collections.abc import Iterator
from pathlib import Path

import example_run
import pytest

from assay.runs.home import Home
from assay.runs.store import Store
from web_browser import browsing, needs_chromium, page_of, serving
from web_scene import tell
from web_site import Page, Site, open_site

pytestmark = pytest.mark.slow


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path / "home") as opened:
        yield opened


def shown(page: Page) -> str:
    (root,) = page.all("div", id="run")
    return str(root["data-run"])


def test_without_a_committed_edit_it_says_how_to_get_one(site: Site) -> None:
    site.tell(example_run.rolled_back())
    page = site.page("/benchmarks")
    assert "No edit has been committed yet." in page.text and not page.all("div", id="run")
    assert "/edit" in [a["href"] for a in page.all("a")]
    assert site.get("/api/benchmarks") == {"edit": None, "runs": [], "shown": None}
    tab, *_ = page.all("a", href="/benchmarks")
    assert tab["aria-current"] == "page"


def test_the_newest_committed_edit_with_its_thirteen_cards(site: Site) -> None:
    site.tell(example_run.committed())
    newest = site.tell(
        {**example_run.second(), "request": {**example_run.second()["request"], "target": "Rome"}}
    )
    site.tell(example_run.rolled_back())
    page = site.page("/benchmarks")
    assert shown(page) == newest and len(page.all("details", **{"class": "card"})) == 13
    for words in ("subject The Eiffel Tower", "relation", "Rome"):
        assert words in page.text
    parts = [str(place["data-part"]) for place in page.all("div") if "data-part" in place]
    assert parts == ["head", "summary", "suite", "cards"], "what is not about benchmarks is on the run's page"
    assert [button for button in page.all("button") if str(button.get("data-post")).endswith("/bench")]


def test_what_measured_it_last_is_shown_and_the_others_are_named(site: Site) -> None:
    edit = site.tell(example_run.committed())
    whole = {**example_run.committed(), "kind": "bench"}
    again = site.tell(whole, of=edit, probes="same")
    waiting = site.post(f"/api/runs/{edit}/bench", {"only": ["zsre"]}, 201)["run_id"]
    page = site.page("/benchmarks")
    assert shown(page) == waiting, "it is next"
    links = [str(a["href"]) for a in page.all("a") if str(a["href"]).startswith("/runs/")]
    assert {f"/runs/{edit}", f"/runs/{again}", f"/runs/{waiting}"} <= set(links)
    site.post(f"/api/runs/{waiting}/cancel")
    assert shown(site.page("/benchmarks")) == again, "a measurement that never began shows nothing"
    told = site.get("/api/benchmarks")
    assert [run["id"] for run in told["runs"]] == [waiting, again, edit] and told["shown"] == again
    assert told["edit"]["run_id"] == edit

    newer = site.tell(example_run.second())
    site.tell(whole, of=edit, probes="fresh")
    assert shown(site.page("/benchmarks")) == newer, "another edit was measured later, but is older"


def test_an_edit_that_was_never_measured_says_so(site: Site) -> None:
    run_id = site.tell({**example_run.committed(), "benchmarks": [], "reading": None}, bench=False)
    page = site.page("/benchmarks")
    assert shown(page) == run_id and "No benchmark has run" in page.text
    assert not page.all("details", **{"class": "card"})


@needs_chromium
def test_a_page_that_is_open_tells_of_what_is_newer(tmp_path: Path) -> None:
    """Of the first edit, and of one after that; what is being read stays as it is."""
    home = Home(tmp_path)
    with Store(home) as store, serving(home) as url, browsing() as browser, page_of(browser) as opened:
        opened.goto(f"{url}/benchmarks")
        assert opened.locator("#newer").is_hidden()
        first = tell(store, example_run.committed())
        opened.locator("#newer a").click()
        assert opened.locator("#run").get_attribute("data-run") == first
        assert opened.locator("#newer").is_hidden()
        second = tell(store, example_run.second())
        opened.locator("#newer").wait_for()
        assert opened.locator("#run").get_attribute("data-run") == first
        opened.locator("#newer a").click()
        opened.locator(f"#run[data-run='{second}']").wait_for()
