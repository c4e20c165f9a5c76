"""A run's stream of events: taken up after the last event that was heard, and heard by several pages at once."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import example_run
import pytest
from playwright.sync_api import Page

from assay.runs.home import Home
from assay.runs.store import Store
from web_browser import browsing, needs_chromium, page_of, serving
from web_scene import tell
from web_site import Site, events, open_site

pytestmark = pytest.mark.slow


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with open_site(tmp_path / "home") as opened:
        yield opened


def heard(site: Site, run_id: str, after: int | None = None, last: int | None = None) -> list[dict[str, Any]]:
    """The messages of the stream, each with the id that a browser would remember."""
    headers = {} if last is None else {"last-event-id": str(last)}
    query = "" if after is None else f"?after={after}"
    answer = site.client.get(f"/api/runs/{run_id}/events{query}", headers=headers)
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/event-stream")
    found = []
    for block in answer.text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines())
        found.append({**json.loads(fields["data"]), "id": fields.get("id")})
    return found


def test_a_browser_that_lost_the_connection_hears_only_what_it_missed(site: Site) -> None:
    run_id = site.tell(example_run.committed())
    whole = heard(site, run_id)
    stored = site.server.store.events(run_id)
    assert [one["seq"] for one in whole[:-1]] == [event.seq for event in stored]
    assert [one["id"] for one in whole[:-1]] == [str(event.seq) for event in stored]
    assert whole[-1] == {"kind": "status", "data": {"status": "committed"}, "id": None}
    middle = len(stored) // 2
    assert heard(site, run_id, last=middle) == whole[middle + 1 :]
    assert heard(site, run_id, after=0, last=middle) == whole[middle + 1 :], (
        "the address is older than the header"
    )
    assert heard(site, run_id, after=middle) == whole[middle + 1 :]
    assert heard(site, run_id, last=stored[-1].seq) == whole[-1:]


@pytest.mark.parametrize("last", ["x", "-2", "9" * 30])
def test_an_id_that_no_event_has_is_told(site: Site, last: str) -> None:
    run_id = site.tell(example_run.committed())
    answer = site.client.get(f"/api/runs/{run_id}/events", headers={"last-event-id": last})
    assert answer.status_code == 422 and answer.json()["error"]["field"] == "last-event-id"
    answer = site.client.get(f"/api/runs/{run_id}/events", params={"after": last})
    assert answer.status_code == 422 and answer.json()["error"]["field"] == "after"


def cards(page: Page) -> int:
    return page.locator("#cards > details:not([data-state=missing])").count()


@needs_chromium
def test_two_tabs_follow_one_run_over_a_server_that_is_started_again(tmp_path: Path) -> None:
    """Both are told everything, also what came while no server was there, and nothing twice."""
    home = Home(tmp_path)
    run = example_run.committed()
    told = list(events(run))
    begin = next(n for n, (kind, _) in enumerate(told) if kind == "bench_started")
    with Store(home) as store, browsing() as browser, page_of(browser) as one, page_of(browser) as two:
        run_id = tell(store, {**run, "status": "running", "benchmarks": [], "reading": None})
        rest = iter(told[begin:])

        def some(n: int) -> None:
            for _, (kind, data) in zip(range(n), rest, strict=False):
                store.append(run_id, kind, data)

        def both(n: int) -> None:
            for page in (one, two):
                page.locator("#cards > details:not([data-state=missing])").nth(n - 1).wait_for()
                assert cards(page) == n

        with serving(home) as url:
            port = int(url.rpartition(":")[2])
            for page in (one, two):
                page.goto(f"{url}/runs/{run_id}")
            some(4)
            both(2)
        for page in (one, two):
            page.locator("#lost").wait_for()
        some(6)
        with serving(home, port):
            both(5)
            some(len(told))
            both(13)
            for page in (one, two):
                page.locator("[data-part=head] .pill", has_text="committed").wait_for()
                page.locator("#progress").wait_for(state="hidden")
