"""Every page on a phone and on a wide screen: no wider than its window, nothing on top of anything else."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from assay.runs.home import Home
from web_browser import browsing, needs_chromium, opened, page_of, serving, shown_at
from web_scene import scene

pytestmark = needs_chromium

OVERLAPS = (Path(__file__).parent / "overlaps.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as found:
        yield found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    root = tmp_path_factory.mktemp("layout") / "home"
    paths = scene(tmp_path_factory, root)
    with serving(Home(root)) as url:
        yield url, paths


@pytest.mark.parametrize("width", [400, 1400])
def test_every_page_fits_its_window_and_nothing_overlaps(
    site: tuple[str, dict[str, str]], browser: Browser, width: int
) -> None:
    url, paths = site
    wrong = {}
    with page_of(browser) as page:
        shown_at(page, width)
        for name, path in paths.items():
            page.goto(url + path)
            assert name.startswith("error") == (page.inner_text("h1") == "That did not work"), name
            for state in ("as it comes", "unfolded"):
                if state == "unfolded":
                    opened(page)
                wide = page.evaluate("document.documentElement.scrollWidth")
                found = page.evaluate(OVERLAPS)
                if wide > width or found:
                    wrong[f"{name}, {state}"] = (wide, found[:5])
    assert wrong == {}


def test_what_overlaps_or_is_too_wide_is_seen(browser: Browser) -> None:
    with page_of(browser) as page:
        shown_at(page, 400)
        page.set_content("<main><p>One</p><p style='margin-top: -2rem'>Two</p><button>Three</button></main>")
        assert page.evaluate(OVERLAPS) == ["One / Two"]
        page.set_content("<p>One</p><p style='white-space: nowrap'>" + "two " * 100)
        assert page.evaluate("document.documentElement.scrollWidth") > 400
