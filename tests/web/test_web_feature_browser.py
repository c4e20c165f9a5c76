"""The page of a feature in a real browser: scored live, by keyboard, without a look at any colour."""

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvicorn

from assay.runs.home import Home
from assay.web.app import create_app
from feature_home import Pages, copied

sync_api = pytest.importorskip("playwright.sync_api")
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="there is no browser")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SECONDS = 60_000
"""Milliseconds that anything may take at most."""


@pytest.fixture
def root(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    return copied(tmp_path_factory, tmp_path / "home")


@pytest.fixture
def address(root: Path) -> Iterator[str]:
    """A server in a thread, which does no jobs."""
    app = create_app(Home(root), worker=False)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def page(address: str) -> Iterator["sync_api.Page"]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=BROWSER, args=FLAGS)
        context = browser.new_context(base_url=address)
        opened = context.new_page()
        opened.set_default_timeout(SECONDS)
        wrong: list[str] = []
        opened.on("pageerror", lambda error: wrong.append(str(error)))
        opened.on("console", lambda said: wrong.append(said.text) if told(said) else None)
        yield opened
        browser.close()
    assert wrong == []


def told(said: "sync_api.ConsoleMessage") -> bool:
    """Whether the browser complains, of a policy or of a script; a refused request is shown on the page."""
    return said.type == "error" and "Failed to load resource" not in said.text


def work(root: Path) -> None:
    """The jobs that wait, in a thread of their own: a browser's own thread is no place for them."""
    doing = threading.Thread(target=Pages(Home(root), None).work)  # type: ignore[arg-type]
    doing.start()
    doing.join()


def test_panels_fill_up_and_stay_after_a_reload(page: "sync_api.Page", root: Path) -> None:
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
    page.locator(".progress").first.wait_for(state="hidden")
    assert "done" in page.locator("[data-panel=status]").first.inner_text()
    page.goto("/features/5?sae=saes%2Ftiny")
    assert page.locator("[data-panel=mui] .score-value").count() == 1


def test_arrow_keys_go_through_the_tokens_of_a_sentence(page: "sync_api.Page") -> None:
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


def test_a_label_is_kept_and_the_page_offers_to_score_it(page: "sync_api.Page", root: Path) -> None:
    page.goto("/features/5?sae=saes%2Ftiny")
    page.get_by_label("Another label").fill("<i>ships</i>")
    page.get_by_role("button", name="Keep this label").click()
    page.get_by_role("button", name="Score it live").click()
    page.wait_for_url("**run=*")
    assert page.locator("h1").inner_text() == "Feature 5 <i>ships</i>"
    assert "<i>ships</i>" in page.locator("#labels").inner_text()
    work(root)
    page.locator("[data-panel=mui] .score-value").wait_for()


def test_a_text_is_shaded_and_an_error_stands_where_it_happens(page: "sync_api.Page", root: Path) -> None:
    page.goto("/features/1?sae=saes%2Ftiny")
    page.get_by_role("textbox", name="Text").fill("The people of Rome\nwalked.")
    page.get_by_role("button", name="Show where it fires").click()
    page.wait_for_url("**text=*")
    work(root)
    page.locator("[data-panel=text] .tok").first.wait_for()
    page.get_by_role("textbox", name="Text").fill("   ")
    page.get_by_role("button", name="Show where it fires").click()
    page.get_by_text("an empty text").wait_for()


def test_nothing_is_wider_than_a_phone(page: "sync_api.Page", root: Path) -> None:
    page.set_viewport_size({"width": 400, "height": 800})
    for path in ("/features", "/features?sae=saes%2Ftiny&noise=1", "/features/5?sae=saes%2Ftiny"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 400, path
