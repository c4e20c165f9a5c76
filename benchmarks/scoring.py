"""How long ``assay features score`` takes: as a process by itself, and beside an idle ``assay ui`` on the same home.

python benchmarks/scoring.py                       the default SAE, over a small index in a home of its own
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

from assay.runs.home import Home
from assay.runs.lent import idle
from assay.runs.queue import Queue
from assay.runs.store import Store

FEATURES = ("4350", "11454", "9470")
TOKENS, SENTENCES = 16_384, 500
"""Of the index; what a score costs depends on the positions that are measured, not on the size of the corpus."""


def assay(home: Path, *words: str) -> list[str]:
    """A command over a home."""
    return [sys.executable, "-m", "assay.cli.main", "--home", str(home), *words]


def seconds(home: Path) -> list[float]:
    """Of each feature, once it was scored before: the weights are in the page cache, the worker has them open."""
    times = []
    for feature in (FEATURES[0], *FEATURES):
        began = time.perf_counter()
        subprocess.run(assay(home, "features", "score", feature, "--json"), capture_output=True, check=True)
        times.append(time.perf_counter() - began)
    return times[1:]


@contextmanager
def served(home: Path) -> Iterator[None]:
    """``assay ui`` with an idle worker."""
    words = assay(home, "ui", "--port", "0", "--no-open", "--json")
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        with Store(Home(home)) as store:
            while not idle(Home(home), Queue(store)):
                time.sleep(0.1)
        yield
        server.terminate()


def scoring_cost() -> dict[str, Any]:
    """Medians of both."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        size = ("--tokens", str(TOKENS), "--sentences", str(SENTENCES))
        subprocess.run(assay(home, "sae", "index", "smollm2", *size), capture_output=True, check=True)
        alone = seconds(home)
        with served(home):
            beside = seconds(home)
    return {
        "what": f"assay features score N --json, {len(FEATURES)} features",
        "alone_seconds": round(median(alone), 1),
        "beside_an_idle_ui_seconds": round(median(beside), 1),
    }


def main() -> None:
    """Measure and print."""
    sys.stdout.write(json.dumps(scoring_cost(), indent=1) + "\n")


if __name__ == "__main__":
    main()
