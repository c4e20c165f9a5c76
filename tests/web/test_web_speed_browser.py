"""How long a page takes in a browser, from the click to the last of what it loads."""

import math
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from assay.runs.home import Home
from web_browser import browsing, needs_chromium, page_of, serving, until
from web_scene import scene

pytestmark = needs_chromium

TOOK = "performance.getEntriesByType('navigation')[0].loadEventEnd"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as found:
        yield found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    root = tmp_path_factory.mktemp("speed") / "home"
    paths = scene(tmp_path_factory, root)
    with serving(Home(root)) as url:
        yield url, paths


def fastest(page: Page, address: str, enough: float, n: int = 5) -> float:
    """Milliseconds of the best of so many visits after a first one, or of the first that is fast enough."""
    page.goto(address)
    best = math.inf
    for _ in range(n):
        page.goto(address)
        best = min(best, float(until(page, TOOK)))
        if best < enough:
            break
    return best


@pytest.mark.parametrize("name", ["start", "features, not filtered", "edit form", "runs", "run, committed"])
def test_a_page_is_there_within_a_second(
    site: tuple[str, dict[str, str]], browser: Browser, name: str
) -> None:
    url, paths = site
    path = {**paths, "features, not filtered": "/features"}[name]  # all of the shipped SAE's
    with page_of(browser) as page:
        assert fastest(page, url + path, 1000) < 1000
