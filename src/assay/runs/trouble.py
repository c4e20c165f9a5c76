"""Troubles of disks and databases as errors that a user can act on."""

import errno
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from assay.errors import StoreError

FULL = ("room to write", "free some space, or point ASSAY_HOME at another disk")

FILES: Mapping[int, tuple[str, str, str]] = {
    errno.ENOSPC: ("on a full disk", *FULL),
    errno.EDQUOT: ("beyond the disk quota", *FULL),
    errno.EFBIG: ("beyond the largest file this process may write", *FULL),
    errno.EACCES: (
        "which this user may not write",
        "a folder this user may write",
        "set ASSAY_HOME to another",
    ),
    errno.EPERM: (
        "which this user may not write",
        "a folder this user may write",
        "set ASSAY_HOME to another",
    ),
    errno.EROFS: ("on a read-only disk", "a folder this user may write", "set ASSAY_HOME to another"),
    errno.ENOTDIR: ("whose path leads through a file", "a folder", "set ASSAY_HOME to a folder"),
    errno.EEXIST: ("where a file is in the way", "a folder", "move that file, or set ASSAY_HOME to a folder"),
}
"""Operating system error number to (what is wrong with the place, wanted, to do)."""

SQLITE: Mapping[int, tuple[str, str, str]] = {
    sqlite3.SQLITE_BUSY: (
        "locked by another program",
        "a database that is free within {wait:g} seconds",
        "close what holds it open (a database browser, a backup), then try again",
    ),
    sqlite3.SQLITE_FULL: ("on a full disk", *FULL),
    sqlite3.SQLITE_IOERR: ("on a disk that refused to read or write (full, over quota or failing)", *FULL),
    sqlite3.SQLITE_NOTADB: (
        "which is not a SQLite database",
        "a database that assay made, or no file at all",
        "move that file away, or name another with --db or ASSAY_DB",
    ),
    sqlite3.SQLITE_CORRUPT: (
        "which is damaged",
        "a whole database",
        "restore a backup, or move it away: every run's folder still holds its own results",
    ),
    sqlite3.SQLITE_READONLY: (
        "which cannot be written",
        "a file and folder this user may write",
        "set ASSAY_HOME",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "which cannot be opened or made",
        "a folder that exists and that this user may write",
        "set ASSAY_HOME to a folder you own, or name another database with --db",
    ),
}
"""Primary SQLite result code to (what is wrong with the database, wanted, to do)."""


@contextmanager
def explained_files(path: Path) -> Iterator[None]:
    """Inside, an OSError of a known kind becomes a StoreError about ``path``; others stay as they are."""
    try:
        yield
    except OSError as error:
        row = FILES.get(error.errno or 0)
        if row is None:
            raise
        what, wanted, todo = row
        raise StoreError(f"{path}, {what}", wanted, todo) from error


def sqlite_trouble(error: sqlite3.Error, where: str, wait: float) -> StoreError | None:
    """The StoreError for a SQLite error, or None when it is not the user's to fix."""
    code = getattr(error, "sqlite_errorcode", None)
    row = SQLITE.get(code & 0xFF) if isinstance(code, int) else None  # low byte: the primary code
    if row is None:
        return None
    what, wanted, todo = row
    return StoreError(f"the database {where}, {what}", wanted.format(wait=wait), todo)
