"""What probes by a language model cost beside offline ones, on the default model: calls overlap with the model's work.

    python benchmarks/probes.py           whole edits with thirteen benchmarks, interleaved; a few minutes

The server is the scripted one of the tests. It answers at once, then with a wait of 200 ms before every answer: the
same probes both times, so the second over the first is what the waiting costs. The catalogue makes others, and more.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "generators"))

from llm_server import TOWER, Call, Reply, Server, serving, well

from assay.events import ignore
from assay.options import Options
from assay.pipeline import run_edit
from assay.runs.home import find_home

DELAY = 0.2
"""Seconds that the server waits before every answer."""
REPEATS = 3


def slowly(call: Call) -> Reply:
    """A well-behaved model that takes its time."""
    reply = well(call)
    return Reply(reply.content, delay=DELAY)


def timed(work: Callable[[], object]) -> float:
    """Seconds of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def edit(options: Options, cache: Path) -> object:
    """One edit, validated and measured."""
    return run_edit(TOWER, options, ignore, cache, lambda edit, plan: None)


def probes_cost(repeats: int = REPEATS) -> dict[str, Any]:
    """Medians of whole edits, and how much longer they take with a server that lets one wait."""
    offline: list[float] = []
    at_once: list[float] = []
    waited: list[float] = []
    cache = find_home().cache
    with serving(well) as quick, serving(slowly) as slow:
        edit(Options(bench=False), cache)  # unpacks the model and makes the moments of keys
        warm(quick)  # imports the libraries that speak to servers
        for _ in range(repeats):
            offline.append(timed(partial(edit, Options(), cache)))
            for server, times in ((quick, at_once), (slow, waited)):
                server.calls.clear()
                forget(cache)
                times.append(timed(partial(edit, by_server(server), cache)))
    first, second, third = median(offline), median(at_once), median(waited)
    return {
        "what": f"an edit with thirteen benchmarks, {len(slow.calls)} calls of {DELAY * 1000:.0f} ms",
        "catalogue_seconds": round(first, 1),
        "answered_at_once_seconds": round(second, 1),
        "after_a_wait_seconds": round(third, 1),
        "ratio_to_the_same_probes_at_once": round(third / second, 2),
        "ratio_to_the_catalogue": round(third / first, 2),
    }


def main() -> None:
    """Print one JSON document."""
    sys.stdout.write(json.dumps(probes_cost(), indent=1) + "\n")


def by_server(server: Server) -> Options:
    """An edit whose probes a server writes."""
    return Options(generator="llm:scripted", base_url=server.base_url)


def warm(server: Server) -> None:
    """One plan that is not counted."""
    from assay.generators.llm.generator import Llm

    Llm("scripted", server.means()).plan(TOWER, 1)


def forget(cache: Path) -> None:
    """Forget kept answers."""
    for file in (cache / "llm").glob("*.json"):
        file.unlink()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home:
        os.environ.setdefault("ASSAY_HOME", home)
        main()
