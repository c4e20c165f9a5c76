"""A long pass cut into shards, a file each, written whole or not at all: a killed pass goes on after the last."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

Row = TypeVar("Row")


def cut(rows: Sequence[Row], size: int, folder: Path) -> list[tuple[Path, Sequence[Row]]]:
    """The shards in order: the file of each and its at most ``size`` rows."""
    begins = range(0, len(rows), size)
    return [(folder / f"{n:05}.safetensors", rows[at : at + size]) for n, at in enumerate(begins)]


def unfinished(shards: Sequence[tuple[Path, Sequence[Row]]]) -> list[tuple[Path, Sequence[Row]]]:
    """Those that are still to be written."""
    return [shard for shard in shards if not _whole(shard[0])]


def _whole(path: Path) -> bool:
    """Whether the file is there; what a machine that died in the middle has left is removed."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        return False
    try:
        with safe_open(path, framework="np"):
            return True
    except SafetensorError:
        path.unlink()
        return False
