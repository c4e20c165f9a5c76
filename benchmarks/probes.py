"""What probes by a language model cost beside offline ones, on the default model: calls overlap with the model's work.

    python benchmarks/probes.py           whole edits with thirteen benchmarks, interleaved; a few minutes

The server is the scripted one of the tests. It answers at once, then with a wait of 200 ms before every answer: the
same probes both times, so the second over the first is what the waiting costs. The catalogue makes others, and more.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median

import edits
from figure import Found
from ground import Ground, ground

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests" / "generators"))

from llm_server import TOWER, Call, Reply, Server, serving, well

from assay.events import ignore
from assay.options import Options
from assay.pipeline import run_edit
from assay.settings import EditSettings, Settings

DELAY = 0.2
"""Seconds that the server waits before every answer."""
REPEATS, FEWER = 3, 2
"""Of the whole, and of the part."""
SHORT = Settings(edit=EditSettings(steps=2))
"""Of the part: the waiting is over before the edit is optimised."""
PLAIN = {"layer": 5, "trace": False, "sae": "none", "bench": False}
"""Options of the part: whatever does not wait for the server is left out."""


def slowly(call: Call) -> Reply:
    """A well-behaved model that takes its time."""
    reply = well(call)
    return Reply(reply.content, delay=DELAY)


def timed(work: Callable[[], object]) -> float:
    """Seconds of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def edit(options: Options, cache: Path, settings: Settings | None = None) -> object:
    """One edit, validated and measured."""
    return run_edit(TOWER, options, ignore, cache, lambda edit, plan: None, settings)


@contextmanager
def servers(cache: Path) -> Iterator[tuple[Server, Server]]:
    """One that answers at once and one that waits, once everything else is ready."""
    with serving(well) as quick, serving(slowly) as slow:
        edit(Options(**PLAIN), cache, SHORT)  # unpacks the model and makes the moments of keys
        warm(quick)  # imports the libraries that speak to servers
        yield quick, slow


def asked(server: Server, options: Options, cache: Path, settings: Settings | None = None) -> float:
    """Seconds of an edit whose probes a server writes, all of them anew."""
    server.calls.clear()
    forget(cache)
    return timed(partial(edit, options, cache, settings))


def part(ground: Ground) -> Found:
    """What waiting adds to an edit's beginning, and one wait for the judge at the end, beside the demo's edit."""
    cache = ground.home.cache
    at_once: list[float] = []
    waited: list[float] = []
    with servers(cache) as (quick, slow):
        for _ in range(FEWER):
            at_once.append(asked(quick, by_server(quick, **PLAIN), cache, SHORT))
            waited.append(asked(slow, by_server(slow, **PLAIN), cache, SHORT))
        calls = len(slow.calls)
    longer = median(waited) - median(at_once)
    whole = edits.cached_reckoned(ground).figure
    raw = {"calls": calls, "at_once": at_once, "waited": waited, "longer": longer, "edit": whole}
    said = f"the beginning of {len(waited)} edits each; a wait for the judge and the rest of the demo's edit added"
    return Found((whole + longer + DELAY) / whole, raw, "times", median(at_once) / whole, said)


def whole(ground: Ground, repeats: int = REPEATS) -> Found:
    """Whole edits, how much longer they take with a server that lets one wait, and the catalogue's beside them."""
    cache = ground.home.cache
    offline: list[float] = []
    at_once: list[float] = []
    waited: list[float] = []
    with servers(cache) as (quick, slow):
        for _ in range(repeats):
            offline.append(timed(partial(edit, Options(), cache)))
            at_once.append(asked(quick, by_server(quick), cache))
            waited.append(asked(slow, by_server(slow), cache))
        calls = len(slow.calls)
    first, second, third = median(offline), median(at_once), median(waited)
    raw = {
        "what": f"an edit with thirteen benchmarks, {calls} calls of {DELAY * 1000:.0f} ms",
        "catalogue": offline,
        "answered_at_once": at_once,
        "after_a_wait": waited,
        "ratio_to_the_same_probes_at_once": third / second,
        "ratio_to_the_catalogue": third / first,
    }
    return Found(third / second, raw, "times")


def main() -> None:
    """Print one JSON document."""
    with ground() as shared:
        sys.stdout.write(json.dumps(vars(whole(shared)), indent=1) + "\n")


def by_server(server: Server, **more: object) -> Options:
    """An edit whose probes a server writes."""
    return Options(generator="llm:scripted", base_url=server.base_url, **more)


def warm(server: Server) -> None:
    """One plan that is not counted."""
    from assay.generators.llm.generator import Llm

    Llm("scripted", server.means()).plan(TOWER, 1)


def forget(cache: Path) -> None:
    """Forget kept answers."""
    for file in (cache / "llm").glob("*.json"):
        file.unlink()


if __name__ == "__main__":
    main()
