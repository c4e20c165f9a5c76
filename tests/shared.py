"""What many tests read and one makes: a folder that is made once for a whole run of the tests, in all its processes."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

DONE = "done"


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """The folder of that name, which ``make`` has filled: by whoever asks first, while the others wait.

    ``make`` is given an empty folder of another name, which gets its own one only when all is there: nothing of what
    it writes may hold the folder's path. Who reads the folder may not write into it, but into a copy.
    """
    place = _whole_run(factory) / "shared" / name
    place.mkdir(parents=True, exist_ok=True)
    made = place / "made"
    with FileLock(place / "lock"):
        if not (place / DONE).exists():
            scratch = place / "scratch"
            for left in (scratch, made):  # by a maker that failed
                shutil.rmtree(left, ignore_errors=True)
            scratch.mkdir()
            make(scratch)
            scratch.rename(made)
            (place / DONE).touch()
    return made


def _whole_run(factory: pytest.TempPathFactory) -> Path:
    """The folder of this run of the tests; each process of pytest-xdist has one of its own in it."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
