"""What was read from files, kept for as long as these stay as they are."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

T = TypeVar("T")
Stamp = tuple[tuple[str, int, int], ...]
"""Name, time of change and size of files."""


class Kept(Generic[T]):
    """``Kept(3)`` keeps the last three; several threads may ask at once, what is asked for is made once."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._held: dict[Path, tuple[Stamp, T]] = {}
        self._lock = threading.RLock()

    def get(self, key: Path, stamp: Stamp, make: Callable[[], T]) -> T:
        """What ``make`` gives now, or gave when the stamp was the same."""
        with self._lock:
            held = self._held.pop(key, None)
            if held is None or held[0] != stamp:
                held = stamp, make()
            self._held[key] = held
            while len(self._held) > self._size:
                self._held.pop(next(iter(self._held)))
            return held[1]


def stamp_of(*files: Path) -> Stamp:
    """How these files are now; those that are not there are left out."""
    found = []
    for file in files:
        try:
            status = file.stat()
        except OSError:
            continue
        found.append((str(file), status.st_mtime_ns, status.st_size))
    return tuple(sorted(found))
