"""Every figure of speed that the README quotes: a table for people on stderr, one JSON document on stdout.

    make bench            each in less than a minute: where the whole takes longer, a part that is marked as such
    make bench-full       the whole of each: hours

    python benchmarks/run.py --list                      what there is
    python benchmarks/run.py --only edit.trace,index.wiki
    python benchmarks/run.py --full --only score.all

Absolute times hold for the processor that is named and a machine that does nothing else; ratios of one run are
comparable between machines. Exit status 1 where a figure could not be had; the others are there.
"""

import argparse
import json
import os
import platform
import resource
import signal
import sys
import textwrap
import time
import traceback
from pathlib import Path
from typing import Any, NoReturn

from figure import Figure, duration
from figures import chosen

WIDTH = 100


def main(words: list[str] | None = None) -> int:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--full", action="store_true", help="the whole of each figure: hours")
    parser.add_argument("--only", metavar="ID[,ID]", help="these figures alone")
    parser.add_argument("--list", action="store_true", help="name the figures, measure nothing")
    asked = parser.parse_args(words)
    try:
        figures = chosen(asked.only)
    except ValueError as error:
        parser.error(str(error))
    if asked.list:
        listed = [f"{figure.id:18}  {figure.title}" for figure in figures]
        sys.stdout.write("\n".join(listed) + "\n")
        return 0
    signal.signal(signal.SIGTERM, _ended)  # so that what was begun is ended and removed, as after a Ctrl-C
    document = measure(figures, asked.full)
    sys.stdout.write(
        json.dumps(document, indent=1, default=str) + "\n"
    )  # hours are not lost to one odd number
    return int(any("failed" in row for row in document["figures"]))


def measure(figures: tuple[Figure, ...], whole: bool) -> dict[str, Any]:
    """All rows, told as they come."""
    from ground import ground

    about, began = machine(), time.perf_counter()
    tell(f"{about['processor']}, {about['cores']} cores, load {about['load']:.1f} before")
    with ground() as shared:
        rows = [measured(figure, shared, whole) for figure in figures]
    seconds = time.perf_counter() - began
    failed = [row["id"] for row in rows if "failed" in row]
    tell(f"{len(rows)} figures in {duration(seconds)}" + (f"; failed: {', '.join(failed)}" if failed else ""))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "machine": about,
        "whole": whole,
        "seconds": seconds,
        "peak_memory_gb": peak / (2**30 if sys.platform == "darwin" else 2**20),
        "figures": rows,
    }


def measured(figure: Figure, shared: Any, whole: bool) -> dict[str, Any]:
    """One row, or why there is none."""
    row: dict[str, Any] = {"id": figure.id, "what": figure.title}
    began = time.perf_counter()
    try:
        found = figure.measure(shared, whole)
    except Exception as error:  # whatever it is: the other rows have nothing to do with it
        row |= {"failed": f"{type(error).__name__}: {error}", "took": time.perf_counter() - began}
        tell(line(figure.id, "failed", "", row["took"], row["failed"]))
        row["traceback"] = traceback.format_exc()
        return row
    row |= {**vars(found), "took": time.perf_counter() - began}
    tell(line(figure.id, found.shown(), found.measured(), row["took"], figure.title))
    for text in textwrap.wrap(found.part, WIDTH - 4):
        tell(f"    {text}")
    return row


def line(id: str, shown: str, share: str, took: float, title: str) -> str:
    """One line of the table: figure, measured, how much of it, seconds it took, what it is."""
    return f"{id:18} {shown:>13}  {share:13} {took:5.1f} s  {title}"[:WIDTH]


def tell(text: str) -> None:
    """To people."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def machine() -> dict[str, Any]:
    """What the figures hold for."""
    import torch

    from assay.runs.provenance import provenance

    return {
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": os.getloadavg()[0],
        **provenance(),
    }


def processor() -> str:
    """The processor's name, where the system tells it."""
    info = Path("/proc/cpuinfo")
    said = info.read_text().splitlines() if info.is_file() else []
    names = [text.split(":")[1].strip() for text in said if text.startswith("model name")]
    return names[0] if names else platform.processor()


def _ended(number: int, frame: object) -> NoReturn:
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
