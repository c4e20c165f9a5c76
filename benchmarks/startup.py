"""What every command costs before it does anything: ``import assay`` and ``assay --help``."""

import subprocess
import sys
import time
from statistics import median

from figure import Found
from ground import Ground

REPEATS = 5
IMPORT = "import time; began = time.perf_counter(); import assay; print(time.perf_counter() - began)"


def importing(ground: Ground) -> Found:
    """``import assay``, in new processes."""
    times = [float(_said("-c", IMPORT)) for _ in range(REPEATS + 1)][1:]
    return Found(median(times), {"seconds": times})


def helping(ground: Ground) -> Found:
    """``assay --help``, whole processes."""
    times = []
    for _ in range(REPEATS + 1):
        began = time.perf_counter()
        _said("-m", "assay.cli.main", "--help")
        times.append(time.perf_counter() - began)
    return Found(median(times[1:]), {"seconds": times[1:]})


def _said(*words: str) -> str:
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, check=True).stdout
