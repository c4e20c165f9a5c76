"""Pictures of the web app for the documentation, of a home that has a run and an index (``make demo`` makes both).

python benchmarks/screens.py docs/img          four PNG files; needs Chromium (CHROMIUM names it)
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

WIDTH, HEIGHT = 1200, 860
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars")
FEATURE = 5488


@contextmanager
def server() -> Iterator[str]:
    """The address of a server over the home that ASSAY_HOME names."""
    words = [sys.executable, "-m", "assay.cli.main", "ui", "--port", "0", "--no-open", "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        told = ""
        for line in child.stdout:
            told += line
            if line.startswith("}"):
                break
        try:
            yield json.loads(told)["url"]
        finally:
            child.terminate()


def shots(page: Page, url: str, folder: Path) -> None:
    """The four pictures."""

    def shot(name: str) -> None:
        page.screenshot(path=folder / f"ui-{name}.png")

    page.goto(f"{url}features")
    shot("features")
    page.goto(f"{url}features/{FEATURE}")
    page.get_by_role("button", name="Score live").click()
    page.locator("[data-panel=status] .pill", has_text="done").first.wait_for(timeout=180_000)
    shot("feature")
    page.goto(f"{url}edit")
    page.locator("#example").click()
    shot("edit")
    page.goto(f"{url}runs?kind=edit")
    page.locator("tbody a").first.click()
    page.locator("#thirteen").scroll_into_view_if_needed()
    shot("run")


def main() -> None:
    """Take them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    browser = os.environ.get("CHROMIUM") or shutil.which("chromium") or "chromium"
    with server() as url, sync_playwright() as play:
        opened = play.chromium.launch(executable_path=browser, args=list(FLAGS))
        page = opened.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        shots(page, url, folder)
        opened.close()


if __name__ == "__main__":
    main()
