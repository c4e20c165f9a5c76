"""``assay`` as a process of its own: how long a command takes, and what it says."""

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Ran:
    """A command that ended well."""

    seconds: float
    document: Any
    """What it printed with --json."""


class Failed(RuntimeError):
    """A command that did not end well."""


def assay(home: Path, *words: str) -> list[str]:
    """A command over a home."""
    return [sys.executable, "-m", "assay.cli.main", "--home", str(home), *words]


def run(home: Path, *words: str) -> Ran:
    """Wait for a command; ``--json`` is added. Raises Failed with the last it said."""
    began = time.perf_counter()
    ended = subprocess.run(assay(home, *words, "--json"), capture_output=True, text=True)
    seconds = time.perf_counter() - began
    if ended.returncode:
        said = (ended.stderr.strip() or ended.stdout.strip()).splitlines()[-3:]
        raise Failed(f"assay {' '.join(words[:3])}: status {ended.returncode}: {' '.join(said)}")
    return Ran(seconds, json.loads(ended.stdout))
