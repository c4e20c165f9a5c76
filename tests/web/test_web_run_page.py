"""A run's page in a real browser: it follows the run, keeps what the reader has open, and comes back by itself."""

import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import example_run
import pytest
from playwright.sync_api import Browser, Page

from assay.runs.home import Home
from assay.runs.store import Store
from web_browser import browsing, needs_chromium, page_of, serving, until
from web_site import OPTIONS, events

pytestmark = [pytest.mark.slow, needs_chromium]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as found:
        yield found


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with page_of(browser) as opened:
        yield opened


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def begun(store: Store) -> str:
    """A run that is going on, up to its commit."""
    run = example_run.committed() | {"status": "running", "benchmarks": [], "reading": None}
    run_id = store.create_run("edit", run["request"], OPTIONS)
    for kind, data in events(run):
        store.append(run_id, kind, data)
    return run_id


SEEN = """
window.seen = {};
new MutationObserver(() => {
  for (const card of document.querySelectorAll("details.card:not([data-state=missing])"))
    window.seen[card.id] ??= performance.timeOrigin + performance.now();
}).observe(document.body, { childList: true, subtree: true });
"""


def test_results_are_on_the_screen_one_by_one_at_once(page: Page, home: Home) -> None:
    with serving(home) as url, Store(home) as store:
        run_id = begun(store)
        page.goto(f"{url}/runs/{run_id}")
        page.wait_for_selector("#tools:not([hidden])")
        page.evaluate(SEEN)
        late = []
        for index, result in enumerate(example_run.benchmarks()):
            asked = {"id": result["id"], "title": result["title"], "index": index, "of": 13}
            store.append(run_id, "bench_started", asked)
            time.sleep(0.15)
            at = time.time() * 1000
            store.append(run_id, "bench_result", result)
            id = "b-" + result["id"].replace("_", "-")
            until(page, f"window.seen[{id!r}]")
            late.append(page.evaluate(f"window.seen[{id!r}]") - at)
        assert statistics.median(late) < 300, late
        until(page, "document.querySelector('[data-part=suite] progress').value === 13")
        store.append(run_id, "reading", example_run.committed()["reading"])
        store.finish(run_id, "committed", 9.0)
        page.wait_for_selector("[data-part=head] .pill.tone-good")
        page.wait_for_selector("#progress", state="hidden")
        page.wait_for_selector("text=surface memorisation")
        assert page.locator("#said").inner_text()


def test_what_runs_is_shown_with_its_progress(page: Page, home: Home) -> None:
    with serving(home) as url, Store(home) as store:
        run_id = begun(store)
        store.append(run_id, "stage_started", {"stage": "read", "title": "reading the probes", "total": 10})
        time.sleep(0.3)
        store.append(run_id, "stage_progress", {"stage": "read", "title": None, "done": 2, "total": 10})
        page.goto(f"{url}/runs/{run_id}")  # comes when the stage is under way
        until(page, "document.getElementById('bar').value === 2")
        assert page.inner_text("#doing") == "reading the probes" and page.inner_text("#count") == "2 of 10"
        until(page, "document.getElementById('left').textContent.includes('left of this step')")
        assert page.inner_text("#elapsed").startswith("running for")
        store.append(run_id, "stage_finished", {"stage": "read", "seconds": 1.0})
        store.append(run_id, "stage_started", {"stage": "next", "title": "something else", "total": None})
        until(page, "document.getElementById('doing').textContent === 'something else'")
        assert page.get_attribute("#bar", "value") is None


def test_what_the_reader_has_open_stays(page: Page, home: Home) -> None:
    with serving(home) as url, Store(home) as store:
        run_id = begun(store)
        first, second = example_run.benchmarks()[:2]
        store.append(run_id, "bench_result", first)
        page.goto(f"{url}/runs/{run_id}")
        page.click("#b-edit-bench > summary")
        page.click("#downloads > summary")
        page.click("text=The same as a table")
        page.focus("#b-edit-generalization > summary")
        store.append(run_id, "bench_result", {**first, "score": 0.11, "verdict": "low", "passed": False})
        store.append(run_id, "bench_result", second)
        page.wait_for_selector("#b-edit-bench[data-state=low]")
        page.wait_for_selector("#b-edit-generalization:not([data-state=missing])")
        assert page.evaluate("document.activeElement.closest('details').id") == "b-edit-generalization"
        page.fill("#filter", "eiffel")
        page.focus("#b-edit-generalization > summary")
        store.finish(run_id, "committed", 9.0)
        page.wait_for_selector("#progress", state="hidden")
        page.wait_for_timeout(600)
        for id in ("#b-edit-bench", "#downloads"):
            assert page.get_attribute(id, "open") is not None
        assert page.locator("details[open] > summary", has_text="The same as a table").count() == 1
        assert page.evaluate("document.activeElement.closest('details').id") == "b-edit-generalization"
        assert page.locator("details.card:visible").count() < 13 and page.input_value("#filter") == "eiffel"


def test_cards_are_filtered_ordered_opened(page: Page, home: Home) -> None:
    with serving(home) as url, Store(home) as store:
        run_id = store.create_run("edit", example_run.committed()["request"], OPTIONS)
        for kind, data in events(example_run.committed()):
            store.append(run_id, kind, data)
        page.goto(f"{url}/runs/{run_id}")
        page.wait_for_selector("#tools:not([hidden])")
        first = page.locator("#cards > details").first
        assert first.get_attribute("data-state") == "low"
        page.click("#suite-order")
        assert first.get_attribute("id") == "b-edit-bench"
        page.click("#only-failed")
        assert page.locator("details.card:visible[data-state=high]").count() == 0
        assert "shown" in page.inner_text("#shown")
        page.click("#only-failed")
        page.fill("#filter", "champ de mars")
        assert page.locator("details.card:visible").count() == 1
        page.fill("#filter", "")
        page.click("#expand")
        assert page.locator("details.card[open]").count() == 13
        page.click("#collapse")
        assert page.locator("details.card[open]").count() == 0
        page.goto(f"{url}/runs/{run_id}#b-leme")
        page.reload()
        page.wait_for_selector("#b-leme[open]")


def test_a_server_that_was_started_again_is_found_again(page: Page, home: Home) -> None:
    with Store(home) as store:
        run_id = begun(store)
        with serving(home) as url:
            page.goto(f"{url}/runs/{run_id}")
            page.wait_for_selector("#progress:not([hidden])")
        page.wait_for_selector("#lost:not([hidden])")
        store.append(run_id, "bench_result", example_run.benchmarks()[0])
        with serving(home, urlsplit(url).port or 0):
            page.wait_for_selector("#b-edit-bench[data-state=high]")
            page.wait_for_selector("#lost", state="hidden")
            store.fail(run_id, "stopped by the user", True, "interrupted")
            page.wait_for_selector("text=Interrupted")
            folder = home.run(run_id)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "edit.safetensors").write_bytes(b"an edit")
            page.reload()
            page.click("button:text-is('Resume')")  # of the new server, with its own mark
            page.wait_for_selector("text=It is the next to begin.")
            assert store.run(run_id).status == "queued"


def test_the_form_tells_what_is_wrong_and_leads_to_the_run(page: Page, home: Home) -> None:
    with serving(home) as url, Store(home) as store:
        page.goto(f"{url}/edit")
        page.click("#ask")
        page.wait_for_selector("#f-prompt-wrong:not([hidden])")
        assert page.evaluate("document.activeElement.id") == "f-prompt"
        assert page.get_attribute("#f-prompt", "aria-invalid") == "true"
        page.click("#example")
        page.wait_for_selector("#f-prompt-wrong", state="hidden")
        page.fill("#f-subject", "the eiffel tower")
        page.keyboard.press("Tab")
        page.wait_for_selector("#f-subject-wrong:not([hidden])")
        assert "0 times in the prompt" in page.inner_text("#f-subject-wrong")
        page.fill("#f-subject", "The Eiffel Tower")
        page.wait_for_selector("#f-subject-wrong", state="hidden")
        assert not page.is_visible("text=Are facts of other domains unchanged?")
        page.check("#how-some")
        page.check("[name=only][value=zsre]")
        page.keyboard.press("Enter")
        page.wait_for_url("**/runs/*")
        (run,) = store.runs()
        document = store.document(run.id)
        assert (document["request"]["old"], document["options"]["only"]) == ("Paris", ["zsre"])
        assert "1 of 1" not in page.inner_text("main") and "0 of 1" in page.inner_text("main")
        page.click("button:text-is('Cancel')")
        page.wait_for_selector("text=cancelled before it began")


def test_two_runs_are_chosen_and_compared(page: Page, home: Home) -> None:
    with serving(home) as url, Store(home) as store:
        for _ in range(2):
            run_id = store.create_run("edit", example_run.committed()["request"], OPTIONS)
            for kind, data in events(example_run.committed()):
                store.append(run_id, kind, data)
        page.goto(f"{url}/runs")
        assert page.is_disabled("#compare")
        boxes = page.locator("[name=run]")
        first, second = boxes.nth(1), boxes.nth(0)
        first.check()
        second.check()
        wanted = [first.get_attribute("value"), second.get_attribute("value")]
        page.click("#compare")
        page.wait_for_url("**/compare?*")
        chosen = [page.input_value("[name=a]"), page.input_value("[name=b]")]
        assert chosen == wanted
