"""How long ``assay features score`` takes: as a process by itself, and beside an idle ``assay ui`` on the same home.

    python benchmarks/scoring.py                       the default SAE, over a small index in a home of its own

What a score costs depends on the positions that are measured, not on the size of the corpus: so the index is small.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from statistics import median

import indexing
from assay.runs.home import Home
from assay.runs.lent import idle
from assay.runs.queue import Queue
from assay.runs.store import Store
from commands import assay, run
from figure import Found
from ground import Ground, ground

FEATURES = ("4350", "11454", "9470")
PATIENCE = 120.0
"""Seconds until a server must be idle, and until one that was asked to end has ended."""


def seconds(home: Home, features: Sequence[str]) -> list[float]:
    """Of each feature, once one was scored before: the weights are in the page cache, the worker has them open."""
    times = [run(home.root, "features", "score", one).seconds for one in (features[0], *features)]
    return times[1:]


@contextmanager
def served(home: Home) -> Iterator[None]:
    """``assay ui`` with an idle worker."""
    words = assay(home.root, "ui", "--port", "0", "--no-open", "--json")
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            with Store(home) as store:
                until = time.monotonic() + PATIENCE
                while not idle(home, Queue(store)):
                    if server.poll() is not None or time.monotonic() > until:
                        raise RuntimeError(f"assay ui: no idle worker; its status is {server.poll()}")
                    time.sleep(0.1)
            yield
        finally:
            server.terminate()
            try:
                server.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                server.kill()


def _alone(ground: Ground, features: Sequence[str]) -> Found:
    indexing.newest(ground)
    times = seconds(ground.home, features)
    return Found(median(times), {"features": features, "seconds": times})


def _beside(ground: Ground, features: Sequence[str]) -> Found:
    indexing.newest(ground)
    with served(ground.home):
        times = seconds(ground.home, features)
    return Found(median(times), {"features": features, "seconds": times})


def alone_part(ground: Ground) -> Found:
    """One feature."""
    return _alone(ground, FEATURES[:1])


def alone(ground: Ground) -> Found:
    """The median of some."""
    return _alone(ground, FEATURES)


def beside(ground: Ground) -> Found:
    """The median of some."""
    return _beside(ground, FEATURES)


def main() -> None:
    """Measure and print."""
    with ground() as shared:
        found = {"alone": vars(alone(shared)), "beside_an_idle_ui": vars(beside(shared))}
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
