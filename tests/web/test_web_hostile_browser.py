"""Texts of models, files and people that would like to be code: in a browser they stay text, on every page."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import example_run
import pytest
from playwright.sync_api import Browser, Page

from assay.runs.home import Home
from assay.runs.queue import WAITING, Queue
from assay.runs.store import Store
from feature_home import SAE, served
from web_browser import browsing, needs_chromium, opened, page_of, serving, shown_at, until
from web_scene import scene, tell
from web_site import OPTIONS

pytestmark = needs_chromium

HOSTILE = (
    "<script>window.hit = 1; alert(1)</script>",
    '"><img src=x onerror="window.hit = 2">',
    "' onmouseover='window.hit = 3' x='",
    "</textarea></title></style><svg onload=window.hit=4>",
    "javascript:window.hit=5",
    "\u202egnp.exe\u202c \u2066\u05d0\u05d1\u05d2\u2069 \u200f\u200e",
    "a\0b\x07\x1b[31m\ufffe\u2028",
    "{{ 7 * 7 }} {% raw %} ${7*7} <!-- --> ]]> &lt;b&gt; %3Cscript%3E",
)
JOINED = (
    HOSTILE[0] + HOSTILE[1],
    HOSTILE[3] + HOSTILE[2],
    f"{HOSTILE[4]}// " + " ".join(HOSTILE[5:]),
)
"""The same in three: what gets out of an element, of an attribute, of its meaning. Short, for some places cut."""
each_way = pytest.mark.parametrize(
    "texts", [JOINED, pytest.param(HOSTILE, marks=pytest.mark.nightly)], ids=["joined", "one by one"]
)
TEXTS = {
    "prompt",
    "subject",
    "target",
    "old",
    "expected",
    "opening",
    "before",
    "after",
    "note",
    "notes",
    "why",
}
TEXTS |= {"top1_before", "top1_after", "answer", "tokens", "sentences", "next_steps", "rolled_back", "reason"}
TEXTS |= {"label", "source", "warning", "id_", "name"}
LONG = "<b>long</b> " * 80_000
"""Nearly a megabyte."""


def poisoned(value: Any, text: str, key: str = "") -> Any:
    """A run in which every text that somebody else wrote is this one."""
    if isinstance(value, dict):
        return {name: poisoned(one, text, name) for name, one in value.items()}
    if isinstance(value, list):
        return [poisoned(one, text, key) for one in value]
    return text if isinstance(value, str) and key in TEXTS else value


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as found:
        yield found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    root = tmp_path_factory.mktemp("hostile") / "home"
    scene(tmp_path_factory, root)
    found = Home(root)
    with Store(found) as store:
        queue = Queue(store)
        for job in queue.jobs(WAITING):  # edits of the default model, which nobody here is to make
            queue.cancel(job.run_id)
    return found


@pytest.fixture(scope="module")
def url(home: Home) -> Iterator[str]:
    with serving(home) as found:
        yield found


def inert(page: Page, address: str) -> str:
    """Open a page, unfold and point at everything: nothing of what stands on it has run. Its text is given back.

    ``page_of`` sees dialogs, errors and what the policy refused: injected code may not even have been tried.
    """
    page.goto(address)
    opened(page)
    page.evaluate(
        "for (const one of document.body.querySelectorAll('*')) "
        "one.dispatchEvent(new PointerEvent('pointerover', { bubbles: true }))"
    )
    assert page.evaluate("window.hit ?? null") is None
    allowed = "script[src^='/static/'], script:not([src])[type=none]"
    assert page.evaluate(f'[...document.scripts].filter(one => !one.matches("{allowed}")).length') == 0
    assert (
        page.evaluate("document.querySelectorAll('img[src=x], main svg[onload], [onmouseover]').length") == 0
    )
    text = page.inner_text("main")
    assert "\u202e" not in text and "\0" not in text and "49" not in page.title()
    return str(text)


@each_way
def test_runs_are_text(browser: Browser, home: Home, url: str, texts: tuple[str, ...]) -> None:
    with Store(home) as store, page_of(browser) as page:
        shown_at(page, 400)
        for text in texts:
            run_id = tell(store, poisoned(example_run.committed(), text))
            words = inert(page, f"{url}/runs/{run_id}")
            assert "<" not in text or text[:20] in words
            other = tell(store, poisoned(example_run.rolled_back(), text))
            broken = tell(store, example_run.bare() | {"request": example_run.committed()["request"]})
            store.fail(broken, text, False, "failed")
            for path in (f"/runs/{other}", f"/runs/{broken}", f"/compare?a={run_id}&b={other}"):
                inert(page, url + path)
                assert page.evaluate("document.documentElement.scrollWidth") <= 400, path
        for path in ("/edits?every=true", "/", "/runs"):
            inert(page, url + path)
            assert page.evaluate("document.documentElement.scrollWidth") <= 400, path


def test_texts_of_a_megabyte_are_cut(browser: Browser, home: Home, url: str) -> None:
    run = example_run.committed()
    run["request"] = poisoned(run["request"], LONG)
    run["benchmarks"][0]["probes"] = poisoned(run["benchmarks"][0]["probes"], LONG)
    run["reading"]["sentences"] = [LONG[:2000]]
    with Store(home) as store, page_of(browser) as page:
        run_id = tell(store, run)
        shown_at(page, 400)
        for path in (f"/runs/{run_id}", "/runs", f"/compare?a={run_id}&b={run_id}", "/edits", "/"):
            assert len(inert(page, url + path)) < 200_000, path
            assert page.evaluate("document.documentElement.scrollWidth") <= 400, path


@each_way
def test_what_an_address_asks_for_is_text(browser: Browser, url: str, texts: tuple[str, ...]) -> None:
    with page_of(browser) as page:
        for text in texts:
            for path in (
                "/runs?search=",
                "/features?search=",
                "/edit?prompt=",
                "/compare?a=",
                "/runs/",
                "/features?sae=",
            ):
                inert(page, url + path + quote(text, safe=""))


def test_labels_of_features_are_text(browser: Browser, home: Home, url: str) -> None:
    with served(home.root) as pages:
        for feature, label in enumerate(HOSTILE, start=1):
            status, _ = pages.post(f"/api/features/{feature}/label", {"sae": SAE, "label": label})
            assert status in (201, 422)
        assert pages.post("/api/features/9/label", {"sae": SAE, "label": LONG})[0] == 422
        pages.post("/api/features/2/score", {"sae": SAE, "label": HOSTILE[0], "seed": 0})
        pages.post("/api/features/2/text", {"sae": SAE, "text": HOSTILE[1]})
        pages.work()
    with page_of(browser) as page:
        shown_at(page, 400)
        assert HOSTILE[0] in inert(page, f"{url}/features?sae=saes%2Ftiny&noise=1")
        inert(page, f"{url}/features/2?sae=saes%2Ftiny")
    (book,) = home.root.glob("**/labels.jsonl")  # somebody else's labels came through no form
    with book.open("a", encoding="utf-8") as out:
        for feature, label in enumerate((*HOSTILE, LONG), start=1):
            line = {"feature": feature, "label": label, "source": "user", "at": "2026-01-01T00:00:00Z"}
            out.write(json.dumps({**line, "figures": {}}) + "\n")
    with page_of(browser) as page:
        shown_at(page, 400)
        inert(page, f"{url}/features?sae=saes%2Ftiny&noise=1")
        for feature in range(1, len(HOSTILE) + 2):
            assert len(inert(page, f"{url}/features/{feature}?sae=saes%2Ftiny")) < 200_000
            assert page.evaluate("document.documentElement.scrollWidth") <= 400, feature


def test_a_live_run_is_text(browser: Browser, home: Home, url: str) -> None:
    with Store(home) as store, page_of(browser) as page:
        request = poisoned(example_run.committed()["request"], HOSTILE[1])
        run_id = store.create_run("edit", request, OPTIONS)
        page.goto(f"{url}/runs/{run_id}")
        page.locator("#progress:not([hidden])").wait_for()
        store.append(run_id, "stage_started", {"stage": "read", "title": HOSTILE[0], "total": 3})
        page.locator("#doing", has_text="<script>").wait_for()
        result = poisoned(example_run.benchmarks()[0], HOSTILE[1]) | {"title": HOSTILE[1]}
        store.append(run_id, "bench_started", {"id": result["id"], "title": HOSTILE[0], "index": 0, "of": 13})
        store.append(run_id, "bench_result", result)
        page.locator("#b-edit-bench[data-state=high]").wait_for()
        until(page, "document.getElementById('said').textContent.includes('onerror')")
        store.fail(run_id, HOSTILE[3], False, "failed")
        page.locator("[data-part=head]", has_text="</textarea>").wait_for()
        assert page.evaluate("window.hit ?? null") is None
        waiting = Queue(store).put("edit", request, OPTIONS, "edit")
        page.goto(f"{url}/edit")
        page.locator("[data-queue]", has_text=waiting).wait_for()
        assert page.evaluate("window.hit ?? null") is None
