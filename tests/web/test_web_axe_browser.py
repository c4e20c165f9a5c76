"""axe-core on every page: none of its rules is broken, by day and by night, on a screen and on a phone."""

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from assay.runs.home import Home
from assay.web.safety import Safety
from web_browser import FEW, browsing, needs_chromium, only_new, opened, page_of, serving, shown_at
from web_scene import scene

pytestmark = needs_chromium

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = "rules => axe.run(document, { runOnly: rules, resultTypes: ['violations'], preload: false })"
SHOWN = [("light", 1400), ("dark", 400)]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as found:
        yield found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    root = tmp_path_factory.mktemp("axe") / "home"
    paths = scene(tmp_path_factory, root)
    with serving(Home(root)) as url:
        yield url, paths


def broken(page: Page) -> list[str]:
    """The rules that a page breaks, each with the first elements that do."""
    # The browser's debugger puts it there: the page's policy, which stays in force, would let no such script in.
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate(RUN, RULES)
    return [
        f"{rule['id']} on {len(rule['nodes'])}, such as {node['html'][:200]}: {node['failureSummary'][:300]}"
        for rule in found["violations"]
        for node in rule["nodes"][:3]
    ]


@pytest.mark.parametrize(("scheme", "width"), SHOWN)
def test_no_page_breaks_a_rule(
    site: tuple[str, dict[str, str]], browser: Browser, scheme: str, width: int
) -> None:
    """Each kind of thing is looked at where it is first met."""
    url, paths = site
    wrong, known = {}, set[str]()
    with page_of(browser, color_scheme=scheme) as page:
        shown_at(page, width)
        for name, path in paths.items():
            page.goto(url + path)
            assert name.startswith("error") == (page.inner_text("h1") == "That did not work"), name
            opened(page)
            only_new(page, known)
            if told := broken(page):
                wrong[name] = told
    assert wrong == {}


@pytest.mark.nightly
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1400])
def test_no_whole_page_breaks_a_rule(
    site: tuple[str, dict[str, str]], browser: Browser, scheme: str, width: int
) -> None:
    url, paths = site
    wrong = {}
    with page_of(browser, color_scheme=scheme) as page:
        shown_at(page, width)
        for name, path in paths.items():
            page.goto(url + path)
            opened(page)
            if told := broken(page):
                wrong[name] = told
    assert wrong == {}


@pytest.mark.parametrize(("scheme", "width"), SHOWN)
def test_no_page_of_an_empty_home_breaks_a_rule(
    tmp_path_factory: pytest.TempPathFactory, browser: Browser, scheme: str, width: int
) -> None:
    wrong, known = {}, set[str]()
    home = Home(tmp_path_factory.mktemp("empty"))
    with serving(home) as url, page_of(browser, color_scheme=scheme) as page:
        shown_at(page, width)
        for path in ("/", "/features", "/edit", "/benchmarks", "/runs", "/edits", "/sweeps", "/compare"):
            page.goto(url + path)
            only_new(page, known)
            if told := broken(page):
                wrong[path] = told
    assert wrong == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_login_page_breaks_no_rule_and_lets_in_who_has_the_token(
    tmp_path_factory: pytest.TempPathFactory, browser: Browser, scheme: str
) -> None:
    home = Home(tmp_path_factory.mktemp("login"))
    with (
        serving(home, safety=Safety(token="a long token")) as url,
        page_of(browser, color_scheme=scheme) as page,
    ):
        page.goto(url + "/runs")
        assert page.url.endswith("/login") and broken(page) == []
        page.get_by_label("Token").fill("another")
        page.keyboard.press("Enter")
        page.get_by_text("That is not this server's token.").wait_for()
        assert broken(page) == []
        page.get_by_label("Token").fill("a long token")
        page.keyboard.press("Enter")
        page.get_by_role("heading", name="What an SAE feature").wait_for()


def test_what_is_wrong_is_told(browser: Browser) -> None:
    with page_of(browser) as page:
        page.set_content(
            "<html lang=en><title>T</title><main><h1>A</h1><p style='color:#999'>pale</p></main>"
        )
        assert [told.split()[0] for told in broken(page)] == ["color-contrast"]


def test_what_is_wrong_is_told_of_the_few_that_stay(browser: Browser) -> None:
    row = "<tr><td class='{}'>{}<td><button>{}</button></tr>"
    rows = [row.format("", "a", f"Choose {n}") for n in range(9)] + [row.format("", "b", "")]
    table = f"<table><tr><th>One<th>Two</tr>{''.join(rows)}</table>"
    with page_of(browser) as page:
        known: set[str] = set()
        for wanted in (["button-name"], []):  # on the second page there is nothing new
            page.set_content(f"<html lang=en><title>T</title><main><h1>A</h1><div>{table}</div></main>")
            only_new(page, known)
            assert page.locator("button:visible").count() == (FEW + 1 if wanted else 0)
            assert [told.split()[0] for told in broken(page)] == wanted
