"""Pictures of the web app for docs/ui.md: one command makes the home, does the work in a browser, and takes them.

python benchmarks/screens.py          needs Chromium (apt-get install chromium); pngquant makes the files small

The home is build/screens, or ASSAY_HOME. In it the default model's SAE is indexed (minutes, once), a feature is scored
and two edits are made, all by the pages' own buttons, so that what a picture shows was measured by this version.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parent.parent
WIDE, TALL = 1400, 900
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--hide-scrollbars")
INDEX = ("sae", "index", "smollm2", "--tokens", "60000", "--sentences", "2000")
FROM = """top => {
  scrollTo(0, 0);
  if (top) scrollTo(0, document.querySelector(top).getBoundingClientRect().top - 16);
}"""
LONGEST = 1_800_000
"""Milliseconds that a suite may take."""
BEST = ("?reading=ideal&sort=interp", "?reading=undecided&leaning=ideal&sort=interp", "?sort=mui")
"""Where to look for a feature to show, in order: an SAE need not have an ideal one."""
OTHER_LAYER = "9"
"""Of the second edit, which is compared with the first."""


def assay(*words: str) -> list[str]:
    """A command of this environment."""
    return [sys.executable, "-m", "assay.cli.main", *words]


@contextmanager
def server() -> Iterator[str]:
    """The address of ``assay ui`` over the home that ASSAY_HOME names, without a slash at its end."""
    with subprocess.Popen(assay("ui", "--port", "0", "--no-open", "--json"), stdout=-1, text=True) as child:
        assert child.stdout is not None
        told = ""
        for line in child.stdout:
            told += line
            if line.startswith("}"):
                break
        try:
            yield json.loads(told)["url"].rstrip("/")
        finally:
            child.terminate()


class Camera:
    """Takes pictures of one server's pages into a folder."""

    def __init__(self, browser: Browser, url: str, folder: Path) -> None:
        self._browser, self._url, self._folder = browser, url, folder

    @contextmanager
    def page(self, path: str, width: int = WIDE, scheme: str = "light") -> Iterator[Page]:
        """A page of the app."""
        context = self._browser.new_context(
            viewport={"width": width, "height": TALL}, color_scheme="dark" if scheme == "dark" else "light"
        )
        opened = context.new_page()
        opened.set_default_timeout(LONGEST)
        opened.goto(self._url + path)
        yield opened
        context.close()

    def shot(self, page: Page, name: str, top: str | None = None, height: int = TALL) -> None:
        """The page from its top, or from an element on, so many pixels of it; less where it ends before."""
        page.evaluate("document.activeElement.blur()")
        page.set_viewport_size({"width": page.viewport_size["width"], "height": height})  # type: ignore[index]
        page.evaluate(FROM, top)
        left = page.evaluate("document.documentElement.scrollHeight - scrollY")
        clip = {"x": 0, "y": 0, "width": page.viewport_size["width"], "height": min(height, left)}  # type: ignore[index]
        file = self._folder / f"ui-{name}.png"
        page.screenshot(path=file, clip=clip)  # type: ignore[arg-type]
        if shutil.which("pngquant"):
            subprocess.run(["pngquant", "--force", "--ext", ".png", "--strip", str(file)], check=True)
        print(f"{file}  {file.stat().st_size / 1000:.0f} kB", flush=True)


def features(camera: Camera) -> None:
    """The table with its picture, and the best of its features, scored live."""
    with camera.page("/features") as page:
        camera.shot(page, "features", height=1180)
    with camera.page("/features?sort=interp") as page:
        listed = page.locator(".features-list tbody th a")
        for words in BEST:
            page.goto(page.url.partition("?")[0] + words)
            if listed.count():
                break
        listed.first.click()
        page.locator("#score").click()
        ended = page.locator("[data-live=score] .pill", has_text=re.compile("done|failed|interrupted")).first
        ended.wait_for()
        assert "done" in ended.inner_text(), page.locator("[data-live=score]").inner_text()
        page.locator("[data-live=score] .progress").wait_for(state="hidden")
        camera.shot(page, "feature", "#scores", 1500)


def form(camera: Camera) -> str:
    """The form, then its run while it runs; the run's id, when it is over."""
    with camera.page("/edit") as page:
        page.locator("#example").click()
        camera.shot(page, "edit", height=960)
        page.locator("#ask").click()
        page.wait_for_url("**/runs/*")
        page.locator("details.card:not([data-state=missing])").nth(4).wait_for()
        camera.shot(page, "running", height=1180)
        return over(page)


def over(page: Page) -> str:
    """Wait until a run is over; its id. Raises AssertionError for an edit that was not kept."""
    ended = page.locator("[data-part=head] .pill", has_text=re.compile("committed|rolled|failed|interrupted"))
    ended.wait_for()
    assert "committed" in ended.inner_text(), page.locator("[data-part=head]").inner_text()
    return str(page.url.rpartition("/")[2])


def run(camera: Camera, run_id: str) -> None:
    """A run that is over: its cards; its summary by night, and on a phone."""
    with camera.page(f"/runs/{run_id}") as page:
        camera.shot(page, "cards", "#thirteen", 1180)
    with camera.page(f"/runs/{run_id}", scheme="dark") as page:
        camera.shot(page, "dark", height=1180)
    with camera.page(f"/runs/{run_id}", width=400) as page:
        camera.shot(page, "phone", height=1180)


def compared(camera: Camera, first: str) -> None:
    """A run beside another, of the same fact in another layer."""
    with camera.page("/edit") as page:
        page.locator("#example").click()
        page.get_by_label("Layer").fill(OTHER_LAYER)
        page.locator("#more > summary").click()
        page.get_by_label("Trace where the model keeps the fact").uncheck()
        page.locator("#ask").click()
        page.wait_for_url("**/runs/*")
        second = over(page)
    with camera.page(f"/compare?a={first}&b={second}") as page:
        camera.shot(page, "compare", height=1180)


def main() -> None:
    """Make the home, take the pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "docs" / "img")
    folder = parser.parse_args().folder
    os.environ.setdefault("ASSAY_HOME", str(ROOT / "build" / "screens"))
    subprocess.run(assay(*INDEX), check=True, stdout=subprocess.DEVNULL)
    browser = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with server() as url, sync_playwright() as play:
        opened = play.chromium.launch(executable_path=browser, args=list(FLAGS))
        camera = Camera(opened, url, folder)
        features(camera)
        first = form(camera)
        run(camera, first)
        compared(camera, first)
        opened.close()


if __name__ == "__main__":
    main()
