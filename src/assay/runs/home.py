"""Where things live on this machine: one folder, named once and passed on."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Home:
    """The folder that holds everything assay keeps between two commands."""

    root: Path
    """``$ASSAY_HOME`` or ``~/.assay``."""
    database: str | None = None
    """Another database: a URL (``postgresql+psycopg://...``) or the path of a SQLite file."""

    @property
    def cache(self) -> Path:
        """Things that can be made again: dequantised models, moments of keys."""
        return self.root / "cache"

    @property
    def store(self) -> Path:
        """The SQLite file that is used when no other database is named."""
        return self.root / "store.db"

    @property
    def runs(self) -> Path:
        """One folder per run."""
        return self.root / "runs"

    def run(self, run_id: str) -> Path:
        """The folder of one run, whether or not it exists."""
        return self.runs / run_id


def find_home(
    environ: Mapping[str, str] | None = None, root: Path | None = None, database: str | None = None
) -> Home:
    """What the arguments name, else the environment (``ASSAY_HOME``, ``ASSAY_DB``), else ``~/.assay``."""
    known = os.environ if environ is None else environ
    folder = root or Path(known.get("ASSAY_HOME") or "~/.assay")
    return Home(folder.expanduser().absolute(), database or known.get("ASSAY_DB") or None)
