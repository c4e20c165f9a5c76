"""Keeps one worker alive while the server runs, and stops it when the server does."""

import logging
import os
import subprocess
import sys
import threading
from types import TracebackType
from typing import Self

from assay.runs.home import Home
from assay.runs.lent import WORKER
from assay.runs.process import held

LOOK = 0.5
"""Seconds between two looks whether the worker is alive."""
PATIENCE = 10.0
"""Seconds that a worker has to end by itself."""

log = logging.getLogger(__name__)


class Supervisor:
    """``with Supervisor(home):`` there is a worker. One that dies is replaced; its run says that it stopped.

    A worker of an earlier server that is still busy holds the lock: until it ends, no other one is started.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._child: subprocess.Popen[bytes] | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def __enter__(self) -> Self:
        self._start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()

    @property
    def pid(self) -> int | None:
        """The worker's process, while it lives."""
        return self._child.pid if self._child is not None and self._child.poll() is None else None

    def _watch(self) -> None:
        while not self._over.wait(LOOK):
            if self.pid is None:
                self._start()

    def _start(self) -> None:
        folder = self._home.root / WORKER
        if held(folder):
            return
        folder.mkdir(parents=True, exist_ok=True)
        words = [str(self._home.root), self._home.database or "", str(os.getpid())]
        with (folder / "log.txt").open("ab") as out:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "assay.web.worker", *words],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,  # a Ctrl-C in the terminal is the server's to pass on
            )
