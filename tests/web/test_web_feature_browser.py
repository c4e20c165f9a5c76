"""The page of a feature in a real browser: scored live, by keyboard, without a look at any colour."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from assay.runs.home import Home
from feature_home import Pages, copied
from web_browser import browsing, needs_chromium, page_of, serving

pytestmark = needs_chromium
SECONDS = 60_000
"""Milliseconds that anything may take at most."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as found:
        yield found


@pytest.fixture
def root(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    return copied(tmp_path_factory, tmp_path / "home")


@pytest.fixture
def page(browser: Browser, root: Path) -> Iterator[Page]:
    """Of a server that does no jobs."""
    with serving(Home(root)) as url, page_of(browser, base_url=url) as opened:
        opened.set_default_timeout(SECONDS)
        yield opened


def work(root: Path) -> None:
    """The jobs that wait, in a thread of their own: a browser's own thread is no place for them."""
    doing = threading.Thread(target=Pages(Home(root), None).work)  # type: ignore[arg-type]
    doing.start()
    doing.join()


def test_panels_fill_up_and_stay_after_a_reload(page: Page, root: Path) -> None:
    page.goto("/features/5?sae=saes%2Ftiny")
    page.get_by_role("button", name="Score live").press("Enter")
    page.wait_for_url("**run=*")
    page.get_by_role("button", name="Cancel").first.wait_for()
    page.reload()
    page.get_by_role("button", name="Cancel").first.wait_for()
    work(root)
    for name in ("interp", "purity", "mui"):
        page.locator(f"[data-panel={name}] .score-value").first.wait_for()
    page.locator("[data-panel=reading] .reading-name").wait_for()
    page.locator("[data-live=score] .progress").wait_for(state="hidden")
    page.locator("[data-live=score] [data-panel=status]", has_text="done").wait_for()
    page.goto("/features/5?sae=saes%2Ftiny")
    assert page.locator("[data-panel=mui] .score-value").count() == 1


def test_arrow_keys_go_through_the_tokens_of_a_sentence(page: Page) -> None:
    page.goto("/features/1?sae=saes%2Ftiny")  # fires on every token
    first = page.locator(".sentences .heat").first
    first.locator('.tok[tabindex="0"]').focus()
    page.keyboard.press("Home")
    line = page.locator(".value-line")
    seen = [line.inner_text()]
    for _ in range(3):
        page.keyboard.press("ArrowRight")
        seen.append(line.inner_text())
    assert all("% of" in words for words in seen) and len(set(seen)) >= 3
    assert first.locator('.tok[tabindex="0"]').count() == 1
    assert page.evaluate("document.activeElement.tabIndex") == 0


def test_a_label_is_kept_and_the_page_offers_to_score_it(page: Page, root: Path) -> None:
    page.goto("/features/5?sae=saes%2Ftiny")
    page.get_by_label("Another label").fill("<i>ships</i>")
    page.get_by_role("button", name="Keep this label").click()
    page.get_by_role("button", name="Score it live").click()
    page.wait_for_url("**run=*")
    assert page.locator("h1").inner_text() == "Feature 5 <i>ships</i>"
    assert "<i>ships</i>" in page.locator("#labels").inner_text()
    work(root)
    page.locator("[data-panel=mui] .score-value").wait_for()


def test_whoever_presses_twice_asks_once(page: Page, root: Path) -> None:
    page.goto("/features/5?sae=saes%2Ftiny")
    writes: list[str] = []
    page.on(
        "request", lambda one: writes.append(one.url.rpartition("/")[2]) if one.method == "POST" else None
    )
    page.get_by_role("button", name="Score live").dblclick()
    page.wait_for_url("**run=*")
    page.get_by_role("button", name="Suggest a better label").dblclick()
    page.wait_for_url("**better=*")
    page.get_by_role("textbox", name="Text").fill("Rome")
    page.get_by_role("button", name="Show where it fires").dblclick()
    page.wait_for_url("**text=*")
    page.get_by_label("Another label").fill("ships")
    page.get_by_role("button", name="Keep this label").dblclick()
    page.get_by_role("button", name="Score it live").wait_for()
    page.wait_for_load_state("networkidle")
    assert writes == ["score", "relabel", "text", "label"]


def test_a_text_is_shaded_and_an_error_stands_where_it_happens(page: Page, root: Path) -> None:
    page.goto("/features/1?sae=saes%2Ftiny")
    page.get_by_role("textbox", name="Text").fill("The people of Rome\nwalked.")
    page.get_by_role("button", name="Show where it fires").click()
    page.wait_for_url("**text=*")
    work(root)
    page.locator("[data-panel=text] .tok").first.wait_for()
    page.get_by_role("textbox", name="Text").fill("   ")
    page.get_by_role("button", name="Show where it fires").click()
    page.get_by_text("an empty text").wait_for()


def test_a_language_model_is_named_where_the_button_is(page: Page, root: Path) -> None:
    pytest.importorskip("pydantic_ai")
    from llm_feature_server import asked, proposing

    page.goto("/features/20?sae=saes%2Ftiny")
    box = page.locator("#better-form")
    assert not page.get_by_label("Who proposes labels").is_visible()
    box.get_by_text("Ask a language model").click()
    name = page.get_by_label("Who proposes labels")
    name.fill("llama")
    name.press("Tab")
    page.locator("#f-better-generator-wrong", has_text="Generator 'llama'").wait_for()
    box.get_by_text("Ask a language model").click()
    page.get_by_role("button", name="Suggest a better label").click()
    page.locator("#f-better-generator:focus").wait_for()
    assert "better=" not in page.url and name.get_attribute("aria-invalid") == "true"
    with asked(proposing("weather of the arctic")) as server:
        name.fill("llm:scripted")
        box.get_by_label("Base URL").fill(server.base_url)
        box.get_by_label("Timeout").fill("9")
        box.get_by_label("Seed").fill("-1")
        box.get_by_label("Seed").press("Tab")
        page.locator("#f-better-seed-wrong:not([hidden])").wait_for()
        box.get_by_label("Seed").fill("4")
        page.locator("#f-better-generator-wrong").wait_for(state="hidden")
        assert "llm:scripted" in box.locator("summary").inner_text()
        name.press("Enter")
        page.wait_for_url("**better=*")
        work(root)
        assert {call.payload["seed"] for call in server.calls} == {4}
    page.locator("[data-panel=better]", has_text="Asked: llm:scripted").wait_for()
    page.goto("/features/5?sae=saes%2Ftiny")
    with asked(proposing()) as server:
        gone = server.base_url
    page.locator("#score-form summary").click()
    page.get_by_label("Who writes the label's sentences").fill("llm:scripted")
    page.locator("#score-form").get_by_label("Base URL").fill(gone)
    page.get_by_role("button", name="Score live").click()
    page.wait_for_url("**run=*")
    work(root)
    page.locator("[data-live=score] [data-panel=status] [role=alert]", has_text="wanted:").wait_for()
