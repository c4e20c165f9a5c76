"""Independent pieces of work, one after another or in several processes.

Small batches are bound by reading the weights, and two threads of one process gain little there: two
processes of one thread each do 1.2 to 1.6 times the work on two cores. Each process keeps its own tools
(a loaded model), made once by ``tools``.
"""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from threading import Thread
from typing import Any, TypeVar

Piece = TypeVar("Piece")
Done = TypeVar("Done")

WATCH = 1.0
"""Seconds between a worker's looks at whether its parent is still there."""

_TOOLS: list[Any] = []
"""What this worker process works with; filled once, in worker processes only."""


def default_workers(device: str) -> int:
    """One process per core, four at most, each holding a model; a single one where the work is on a GPU."""
    return max(1, min(4, _cores())) if device == "cpu" else 1


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def each(
    tools: Callable[[], Any], work: Callable[[Any, Piece], Done], pieces: Sequence[Piece], workers: int
) -> Iterator[tuple[Piece, Done]]:
    """``work(tools(), piece)`` for every piece, in the order in which they finish.

    With more than one worker, ``tools``, ``work`` and the pieces must be picklable (module-level functions
    and plain records). Leaving the loop early, also by Ctrl-C, ends the workers.
    """
    if workers <= 1 or len(pieces) <= 1:
        own = tools()
        for piece in pieces:
            yield piece, work(own, piece)
        return
    count = min(workers, len(pieces))
    threads = max(1, _cores() // count)
    pool = ProcessPoolExecutor(
        count,
        mp_context=get_context("spawn"),
        initializer=_start,
        initargs=(tools, threads, os.getpid()),
    )
    try:
        waiting = {pool.submit(_do, work, piece): piece for piece in pieces}
        for future in as_completed(waiting):
            yield waiting[future], future.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in list((pool._processes or {}).values()):
            process.terminate()


def _start(tools: Callable[[], Any], threads: int, parent: int) -> None:
    import torch

    Thread(target=_end_with, args=(parent,), daemon=True).start()
    torch.set_num_threads(threads)
    _TOOLS[:] = [tools()]


def _end_with(parent: int) -> None:
    """A parent that was killed cannot end its workers: they notice that they were handed on."""
    while os.getppid() == parent:
        time.sleep(WATCH)
    os._exit(1)


def _do(work: Callable[[Any, Piece], Done], piece: Piece) -> Done:
    return work(_TOOLS[0], piece)
