"""``transformers serve`` with a real model on this machine, for as long as a block lasts."""

import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

START = 120.0
"""Seconds until the server has to answer."""

SERVE = """
import os, sys, threading
from transformers.cli.transformers import main
# It ends with the process that started it, however that ends.
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
sys.argv[0] = "transformers"
main()
"""


def missing() -> str | None:
    """Why there can be no such server here; None where there can."""
    from transformers.utils.import_utils import is_serve_available

    return None if is_serve_available() else "needs the packages of transformers[serving]"


@contextmanager
def served(folder: Path, log: Path) -> Iterator[str]:
    """The base URL of a server that has loaded the model in ``folder``; what it prints goes to ``log``."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ("serve", str(folder), "--host", "127.0.0.1", "--port", str(port), "--device", "cpu")
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, *words], stdin=subprocess.PIPE, stdout=out, stderr=out
        )
        try:
            _wait(process, f"http://127.0.0.1:{port}/health", log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()
            process.communicate(timeout=30)


def _wait(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    until = monotonic() + START
    while monotonic() < until:
        assert process.poll() is None, log.read_text(errors="replace")[-2000:]
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            sleep(0.2)
    raise AssertionError(f"no server within {START:.0f} s: {log.read_text(errors='replace')[-2000:]}")
