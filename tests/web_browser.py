"""Chromium, and the app as it sees it: a server on a port of its own, and pages that may not complain."""

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright

from assay.runs.home import Home
from assay.web.app import create_app
from assay.web.safety import Safety

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine (Debian: apt-get install chromium)"
)
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
PATIENCE = 20_000
"""Milliseconds that anything on a page may take, unless a test says otherwise."""

ALIKE = (Path(__file__).parent / "web" / "alike.js").read_text(encoding="utf-8")
FEW = 2
"""Things beside each other that are alike but for their words, of which each is looked at."""


@contextmanager
def serving(home: Home, port: int = 0, safety: Safety | None = None, worker: bool = False) -> Iterator[str]:
    """The address of the app, without a slash at its end; no job is done unless it has its worker."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    app = create_app(home, safety, worker)
    config = uvicorn.Config(app, log_level="critical", access_log=False, timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
        listening.close()


@contextmanager
def browsing() -> Iterator[Browser]:
    """A browser; while it is open, the thread that opened it has an event loop, so one for each module of tests."""
    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield opened
        finally:
            opened.close()


def watched(page: Page) -> list[str]:
    """What goes wrong on a page from now on: an error of a script, a dialog, a complaint of the page's policy."""
    wrong: list[str] = []

    def dialog(shown: Any) -> None:
        wrong.append(f"dialog: {shown.message}")
        shown.dismiss()

    def said(words: Any) -> None:
        # A refused request is an answer, and shown on the page.
        if words.type == "error" and "Failed to load resource" not in words.text:
            wrong.append(words.text)

    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("dialog", dialog)
    page.on("console", said)
    return wrong


@contextmanager
def page_of(browser: Browser, **how: Any) -> Iterator[Page]:
    """A page with cookies of its own that may neither fail nor complain."""
    context = browser.new_context(**how)
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE)
    wrong = watched(opened)
    try:
        yield opened
    finally:
        context.close()
    assert wrong == []


def until(page: Page, script: str, seconds: float = PATIENCE / 1000) -> Any:
    """Wait until something is so. (The page's policy forbids playwright's own way, which needs eval in the page.)"""
    over = time.monotonic() + seconds
    while time.monotonic() < over:
        found = page.evaluate(script)
        if found:
            return found
        page.wait_for_timeout(20)
    raise AssertionError(f"never: {script}")


def opened(page: Page) -> None:
    """All that can be unfolded is."""
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")


def shown_at(page: Page, width: int) -> None:
    """The window's width, in pixels."""
    page.set_viewport_size({"width": width, "height": 900})


def only_new(page: Page, known: set[str]) -> None:
    """Hide what stands on a page again and again, and what a page before had already; ``known`` grows by the rest."""
    known.update(page.evaluate(ALIKE, {"most": FEW, "known": sorted(known)}))
