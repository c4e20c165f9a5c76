"""Without a mouse: from the top of a page to a started edit, through cards and tokens, the focus seen all the way."""

from collections.abc import Iterator
from itertools import takewhile

import pytest
from playwright.sync_api import Browser, Page, Route

from assay.runs.home import Home
from assay.runs.store import Store
from web_browser import browsing, needs_chromium, only_new, page_of, serving, shown_at, until
from web_scene import scene

pytestmark = needs_chromium

STOPS = 40
"""Presses of Tab on each page: past its navigation, its forms and the first of its rows or cards."""
AT_ONCE = 8
NAMED = """() => {
  const at = document.activeElement;
  if (at === document.body) return "";
  return at.name || at.id || at.textContent.trim().slice(0, 60) || at.ariaLabel || at.localName;
}"""
SEEN = """() => {
  const at = document.activeElement, style = getComputedStyle(at), box = at.getBoundingClientRect();
  const line = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  const across = box.width > 0 && box.right > 0 && box.left < innerWidth;
  return { line, there: across && box.height > 0 && box.bottom > 0 && box.top < innerHeight };
}"""

RECORDED = f"""() => {{
  window.stops = [];
  addEventListener("keydown", () => stops.push([({NAMED})(), ({SEEN})()]), {{ capture: true }});
}}"""
"""Where the focus was, and how it was seen, when the next key was pressed: what the last one did is done by then."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as found:
        yield found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str], Home]]:
    root = tmp_path_factory.mktemp("keyboard") / "home"
    paths = scene(tmp_path_factory, root)
    with serving(Home(root)) as url:
        yield url, paths, Home(root)


def tab_to(page: Page, name: str, most: int = 120) -> None:
    """Press Tab until this has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate(NAMED) == name:
            return
    raise AssertionError(f"{name} is not reached by Tab")


def test_from_the_top_of_the_form_to_a_started_run(
    site: tuple[str, dict[str, str], Home], browser: Browser
) -> None:
    url, _, home = site
    with page_of(browser) as page:
        page.goto(f"{url}/edit")
        page.keyboard.press("Tab")
        assert page.evaluate(NAMED) == "Skip to the content"
        assert page.evaluate(SEEN)["there"] and page.locator(".skip").bounding_box()["x"] > 0  # type: ignore[index]
        page.keyboard.press("Enter")
        assert page.url.endswith("#main")
        tab_to(page, "example", 1)
        for name, words in (
            ("prompt", "Rome is in"),
            ("subject", "Rome"),
            ("target", "Peru"),
            ("old", "Italy"),
        ):
            tab_to(page, name, 2)
            page.keyboard.type(words)
        tab_to(page, "layer")
        page.keyboard.press("Control+A")
        page.keyboard.type("3")
        tab_to(page, "how")
        page.keyboard.press("ArrowRight")
        tab_to(page, "only", 1)
        page.keyboard.press("Space")
        tab_to(page, "ask")
        page.keyboard.press("Enter")
        page.wait_for_url("**/runs/*")
        with Store(home) as store:
            document = store.document(page.url.rpartition("/")[2])
        assert document["request"]["target"] == "Peru" and document["options"]["layer"] == 3
        assert document["options"]["only"] == ["edit_bench"] and document["status"] == "queued"
        tab_to(page, "Cancel")
        page.keyboard.press("Enter")
        page.get_by_text("cancelled before it began", exact=True).wait_for()


def test_through_the_tokens_of_a_feature(site: tuple[str, dict[str, str], Home], browser: Browser) -> None:
    url, paths, _ = site
    with page_of(browser) as page:
        page.goto(url + paths["feature, filled"])
        for _ in range(200):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.matches('.heat .tok')"):
                break
        line, seen = page.locator(".value-line"), []
        page.keyboard.press("Home")
        for _ in range(4):
            seen.append((page.evaluate("document.activeElement.textContent"), line.inner_text()))
            assert page.evaluate(SEEN)["line"]
            page.keyboard.press("ArrowRight")
        assert all(token.strip() in words for token, words in seen) and len(set(seen)) >= 3
        page.keyboard.press("Tab")  # on to the next sentence, not through all tokens of this one
        page.keyboard.press("Shift+Tab")
        assert page.evaluate("document.activeElement.closest('.heat')") is not None
        page.keyboard.press("Escape")
        assert line.is_hidden()


def test_cards_are_unfolded_and_their_tables_scrolled(
    site: tuple[str, dict[str, str], Home], browser: Browser
) -> None:
    url, paths, _ = site
    with page_of(browser) as page:
        shown_at(page, 800)
        page.goto(url + paths["run, committed"])
        tab_to(page, "filter")
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.matches('#b-edit-bench > summary')"):
                break
        page.keyboard.press("Enter")
        assert page.get_attribute("#b-edit-bench", "open") is not None
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.matches('#b-edit-bench .scroll')")
        page.keyboard.press("ArrowRight")
        until(page, "document.activeElement.scrollLeft > 0")


def test_words_that_unfold_above_a_field_leave_it_in_the_window(
    site: tuple[str, dict[str, str], Home], browser: Browser
) -> None:
    url, _, _ = site
    held: list[Route] = []
    with page_of(browser) as page:
        shown_at(page, 400)
        page.route("**/api/edits/check", lambda route: held.append(route))
        page.goto(f"{url}/edit")
        tab_to(page, "relation")
        bottom = page.evaluate("Math.ceil(document.activeElement.getBoundingClientRect().bottom)")
        page.set_viewport_size({"width": 400, "height": bottom})
        assert page.evaluate("scrollY") == 0 and page.evaluate(SEEN)["there"]
        for route in held:
            route.continue_()
        until(page, "document.querySelector('[name=prompt]').ariaInvalid === 'true'")
        assert page.evaluate("document.activeElement.getBoundingClientRect().bottom < innerHeight + 1")
        page.evaluate("scrollTo(0, 0)")  # who scrolls away from a field is not fetched back to it
        assert not page.evaluate(SEEN)["there"]
        page.unroute("**/api/edits/check")
        with page.expect_response("**/api/edits/check"):
            page.evaluate("document.activeElement.dispatchEvent(new Event('input', { bubbles: true }))")
        page.wait_for_timeout(200)
        assert page.evaluate("scrollY") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    "whole", [False, pytest.param(True, marks=pytest.mark.nightly)], ids=["new", "whole"]
)
def test_the_focus_is_seen_wherever_it_goes(
    site: tuple[str, dict[str, str], Home], browser: Browser, scheme: str, whole: bool
) -> None:
    """On whole pages, or on each kind of thing where it is first met."""
    url, paths, _ = site
    wrong, known = [], set[str]()
    with page_of(browser, color_scheme=scheme) as page:
        shown_at(page, 400 if scheme == "dark" else 1400)
        for name, path in paths.items():
            page.goto(url + path)
            before = set(known)
            if not whole:
                only_new(page, known)
            n, seen = stops(page)
            assert n > 0, name
            if not seen:
                page.goto(url + path)
                if not whole:
                    only_new(page, before)
                wrong += [(name, *stop) for stop in unseen(page, n)]
    assert wrong == []


def stops(page: Page) -> tuple[int, bool]:
    """How many there are from the top of a page on, ``STOPS`` at most, and whether the focus is seen at all of them."""
    page.evaluate(RECORDED)
    for _ in range(0, STOPS, AT_ONCE):
        for _ in range(AT_ONCE):
            page.keyboard.press("Tab")
        if page.evaluate("stops.slice(1).some(([at]) => !at)"):
            break
    else:
        page.keyboard.press("Tab")  # so that the last one is told, too
    told = list(takewhile(lambda stop: stop[0], page.evaluate("stops.slice(1)")))
    return len(told), all(seen["line"] and seen["there"] for _, seen in told)


def unseen(page: Page, n: int) -> list[tuple[str, dict[str, bool]]]:
    """The stops where nothing is seen of the focus, looked at one by one: a busy machine scrolls with a later frame."""
    found = []
    for _ in range(n):
        page.keyboard.press("Tab")
        at, told = page.evaluate(f"[({NAMED})(), ({SEEN})()]")
        if not told["there"]:
            page.wait_for_timeout(500)
            told = page.evaluate(f"({SEEN})()")
        if not (told["line"] and told["there"]):
            found.append((at, told))
    return found
