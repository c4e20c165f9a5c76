"""The whole way on the real default model, in a browser with a worker: asked for, followed, broken, mended, compared.

All that can befall a run befalls one of a few benchmarks. The whole suite is that of the command's own edit, whose run
has the thirteen cards and is compared with a second one.
"""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page

from assay.benchmarks.names import NAMES
from assay.runs.home import Home
from assay.runs.store import Store
from default_home import DefaultHome
from web_browser import browsing, needs_chromium, page_of, serving

pytestmark = [pytest.mark.slow, pytest.mark.default_model, needs_chromium]
LONGEST = 600_000
"""Milliseconds that the real model may need for anything, on a machine that others use too."""
FEW = (
    "edit_bench",
    "zsre",
    "locality_sensitivity_score",
    "sequential_collapse_threshold",
    "leme",
)
"""A short suite whose last one writes texts, which takes so long that a run can be stopped in it."""
ASKED_AGAIN = ("edit_bench", "zsre")


@dataclass(frozen=True)
class Site:
    """A server with its worker, and a page of it."""

    url: str
    store: Store
    page: Page

    def ask(self, *only: str) -> str:
        """The form's example, without a trace, with some benchmarks or all; the run's id."""
        page = self.page
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

    def show(self, run_id: str) -> None:
        self.page.goto(f"{self.url}/runs/{run_id}")

    @property
    def cards(self) -> Locator:
        """Those that have a result."""
        return self.page.locator("#cards > details:not([data-state=missing])")

    def told(self, status: str) -> None:
        """Wait until the page says how the run ended."""
        self.page.locator("[data-part=head] .pill", has_text=status).wait_for()

    def scores(self, run_id: str) -> dict[str, float | None]:
        return {one["id"]: one["score"] for one in self.store.document(run_id)["benchmarks"]}


@pytest.fixture
def site(default_home: DefaultHome, tmp_path: Path) -> Iterator[Site]:
    home = Home(default_home.copied(tmp_path / "home"))
    with (
        serving(home, worker=True) as url,
        browsing() as browser,
        page_of(browser) as page,
        Store(home) as store,
    ):
        page.set_default_timeout(LONGEST)
        yield Site(url, store, page)


def test_an_edit_is_followed_cancelled_killed_resumed_and_compared(
    site: Site, default_home: DefaultHome
) -> None:
    whole = default_home.document["run_id"]
    first = site.ask(*FEW)
    is_followed_over_a_reload(site)
    is_cancelled(site, first)
    second = site.ask(*ASKED_AGAIN)
    site.told("committed")  # by the worker that was stopped in the middle of the first
    site.page.locator("#progress").wait_for(state="hidden")
    assert site.cards.count() == len(ASKED_AGAIN)
    is_told_that_the_worker_was_killed_and_resumed(site, first)
    has_thirteen_cards_with_their_probes(site, whole)
    are_compared(site, whole, second)
    the_benchmarks_tab_is_about(site, second)


def is_followed_over_a_reload(site: Site) -> None:
    page = site.page
    page.locator("#progress:not([hidden])").wait_for()
    site.cards.nth(1).wait_for()
    before = site.cards.count()
    page.reload()
    assert before <= site.cards.count() < len(FEW) and page.locator("#progress").is_visible()
    assert page.locator("#elapsed").inner_text().startswith("running for")


def is_cancelled(site: Site, run_id: str) -> None:
    site.page.get_by_role("button", name="Cancel").click()
    site.told("interrupted")
    assert site.page.get_by_role("button", name="Resume").is_visible()
    assert site.store.document(run_id)["edit"] is not None


def is_told_that_the_worker_was_killed_and_resumed(site: Site, run_id: str) -> None:
    page = site.page
    site.show(run_id)
    before = site.scores(run_id)
    page.get_by_role("button", name="Resume").click()
    page.locator("#progress:not([hidden])").wait_for()
    worker = site.store.run(run_id).pid
    assert worker != os.getpid()
    os.kill(worker, signal.SIGKILL)
    site.told("interrupted")
    page.get_by_text("What had finished is kept.").wait_for()
    kept = site.scores(run_id)
    assert 1 < len(before) <= len(kept) < len(FEW) and before.items() <= kept.items()
    page.get_by_role("button", name="Resume").click()
    site.told("committed")
    page.locator("#progress").wait_for(state="hidden")
    assert site.cards.count() == len(FEW)
    after = site.scores(run_id)
    assert set(after) == set(FEW) and kept.items() <= after.items()


def has_thirteen_cards_with_their_probes(site: Site, run_id: str) -> None:
    page = site.page
    site.show(run_id)
    page.locator("#tools").wait_for()
    assert site.cards.count() == 13 and page.locator("#suite-words .figure").inner_text() == "13 of 13"
    assert list(site.scores(run_id)) == list(NAMES)
    card = page.locator("#b-portability-sub-metrics")
    card.locator("> summary").click()
    benchmarks = site.store.document(run_id)["benchmarks"]
    (told,) = (one for one in benchmarks if one["id"] == "portability_sub_metrics")
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


def are_compared(site: Site, first: str, second: str) -> None:
    page = site.page
    for of in ("runs", "edits"):
        page.goto(f"{site.url}/{of}")
        assert page.get_by_role("button", name="Compare two").is_disabled()
        for run_id in (first, second):
            page.get_by_label(f"Choose {run_id}").check()
        page.get_by_role("button", name="Compare two").click()
        page.wait_for_url(f"**/compare?a={first}&b={second}")
    rows = page.locator("table.compare tbody tr")
    assert rows.count() == 13
    same = rows.filter(has_text="zsRE")
    assert "\t0.00\tsame" in same.inner_text()  # the same seed, the same score
    assert "not run in B" in rows.filter(has_text="LEME").inner_text()


def the_benchmarks_tab_is_about(site: Site, newest: str) -> None:
    page = site.page
    page.get_by_role("link", name="Benchmarks", exact=True).click()
    page.wait_for_url("**/benchmarks")
    assert page.locator("#run").get_attribute("data-run") == newest
    assert site.cards.count() == len(ASKED_AGAIN)
    page.locator("#b-edit-bench > summary").click()
    assert page.locator("#b-edit-bench .probes tbody tr").count() > 0
