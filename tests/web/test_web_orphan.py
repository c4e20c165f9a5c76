"""A server that is killed outright: its worker, a process of its own, finishes the run; the next server shows it, and a
worker of its own goes on with what waits."""

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from assay.runs.home import Home
from assay.runs.lent import WORKER
from assay.runs.process import alive, held, started
from assay.runs.queue import Queue
from assay.runs.store import Store
from patience import until
from small import save_tiny

pytestmark = pytest.mark.slow

REQUEST = {"prompt": "Paris is in", "subject": "Paris", "target": "Spain", "old": None, "relation": None}


@contextmanager
def server(home: Home) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """``assay ui`` as users start it, and its address."""
    words = ["--home", str(home.root), "ui", "--port", "0", "--no-open", "--json"]
    begun = [sys.executable, "-m", "assay.cli.main", *words]
    with subprocess.Popen(begun, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        told = ""
        for line in process.stdout:
            told += line
            if line.rstrip() == "}":
                break
        try:
            yield process, json.loads(told)["url"].rstrip("/")
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
                process.wait(60)


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=30) as answer:
        return json.load(answer)


def worker_of(home: Home) -> int:
    until(lambda: held(home.root / WORKER))
    return int((home.root / WORKER / "lock").read_text())


def kill(pid: int, since: str | None) -> None:
    """What a failed test would leave stopped for ever."""
    if alive(pid, since):
        os.kill(pid, signal.SIGKILL)


def test_a_killed_server_loses_neither_the_run_nor_what_waits(tmp_path: Path) -> None:
    home, model = Home(tmp_path / "home"), save_tiny(tmp_path / "home" / "model")
    options = {"model": str(model), "seed": 0, "bench": False, "layer": 1, "trace": False}
    with Store(home) as store, ExitStack() as stack:
        with server(home) as (first, _):
            old = worker_of(home)
            run_id = Queue(store).put("edit", REQUEST, options, "edit")
            until(lambda: store.run(run_id).status == "running")
            stack.callback(kill, old, started(old))
            os.kill(old, signal.SIGSTOP)  # it is busy for as long as this test needs
            waiting = Queue(store).put("edit", REQUEST, {**options, "model": "none-such"}, "edit")
            first.kill()
            first.wait(60)
        with server(home) as (_, url):
            assert get(f"{url}/api/runs/{run_id}")["status"] == "running"
            assert get(f"{url}/api/runs/{waiting}")["status"] == "queued"
            assert worker_of(home) == old, "there is one worker, and it is still at it"
            os.kill(old, signal.SIGCONT)
            until(lambda: store.run(run_id).status != "running")
            ended = get(f"{url}/api/runs/{run_id}")
            assert ended["status"] in ("committed", "rolled_back") and ended["error"] is None
            until(lambda: store.run(waiting).status == "failed")
            until(lambda: started(old) is None)
            new = until(lambda: held(home.root / WORKER) and worker_of(home))
            assert new != old
            last = Queue(store).put("edit", REQUEST, {**options, "model": "none-such"}, "edit")
            until(lambda: get(f"{url}/api/runs/{last}")["status"] == "failed")
        assert started(new) is None, "the worker ends with its server"
