"""Files that are there whole or not at all, whenever the process dies."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assay.runs.trouble import explained_files


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Inside, write the file that is given; it takes the place of ``path`` at the end, and is gone after an error.

    Two processes may write one path: the later one's file stays. Raises StoreError where it cannot be written.
    """
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    with explained_files(path):
        try:
            yield scratch
            scratch.replace(path)
        finally:
            scratch.unlink(missing_ok=True)
