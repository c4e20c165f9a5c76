"""Independent pieces of work, one after another or in several processes.

Small batches are bound by reading the weights, and two threads of one process gain little there: two
processes of one thread each do 1.2 to 1.6 times the work on two cores. Each process keeps its own tools
(a loaded model), made once by ``tools``.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from itertools import islice
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


class Workforce:
    """Workers that keep their tools from one kind of work to the next; ended by leaving the ``with``.

    With one worker the work is done in this process. With more, ``tools``, the work and its pieces must be
    picklable (module-level functions and plain records).
    """

    def __init__(self, tools: Callable[[], Any], workers: int) -> None:
        self.workers = max(1, workers)
        self._tools = tools
        self._own: list[Any] = []
        self._pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> "Workforce":
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            for process in list((self._pool._processes or {}).values()):
                process.terminate()

    def each(
        self, work: Callable[[Any, Piece], Done], pieces: Iterable[Piece]
    ) -> Iterator[tuple[Piece, Done]]:
        """``work(tools(), piece)`` for every piece, in the order in which they finish.

        A piece is taken only when a worker is free for it: whoever leaves the loop early has begun little
        more than was needed. What was begun is then lost.
        """
        if self.workers == 1:
            for piece in pieces:
                self._own = self._own or [self._tools()]
                yield piece, work(self._own[0], piece)
            return
        waiting: dict[Future[Done], Piece] = {}
        ahead = iter(pieces)
        while True:
            for piece in islice(ahead, self.workers - len(waiting)):
                waiting[self._started().submit(_do, work, piece)] = piece
            if not waiting:
                return
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                yield waiting.pop(future), future.result()

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            threads = max(1, _cores() // self.workers)
            self._pool = ProcessPoolExecutor(
                self.workers,
                mp_context=get_context("spawn"),
                initializer=_start,
                initargs=(self._tools, threads, os.getpid()),
            )
        return self._pool


def each(
    tools: Callable[[], Any], work: Callable[[Any, Piece], Done], pieces: Sequence[Piece], workers: int
) -> Iterator[tuple[Piece, Done]]:
    """One kind of work by a workforce of its own. Leaving the loop early, also by Ctrl-C, ends the workers."""
    with Workforce(tools, min(workers, len(pieces))) as force:
        yield from force.each(work, pieces)


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
