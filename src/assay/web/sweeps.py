"""The sparsity sweeps of a home, as ``assay sae sweep`` leaves them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from assay.errors import InputError
from assay.report.sweep import COLUMNS, POLYSEMANTIC
from assay.runs.home import Home
from assay.sae.recipe import ARCHITECTURES
from assay.sae.sweep import TABLE


@dataclass(frozen=True)
class Stored:
    """One sweep."""

    name: str
    """Of its folder."""
    over: str
    """k or l1."""
    rows: tuple[Mapping[str, Any], ...]


def sweeps(home: Home) -> tuple[list[Stored], list[str]]:
    """Sweeps by name, and the names of those that cannot be read."""
    found, damaged = [], []
    for path in sorted((home.root / "saes").glob(f"*/{TABLE}")):
        read = _read(path)
        if read is None:
            damaged.append(path.parent.name)
        else:
            found.append(read)
    return found, damaged


def sweep_of(home: Home, name: str) -> Stored:
    """The sweep of this name. Raises InputError where there is none that can be read."""
    found, damaged = sweeps(home)
    for one in found:
        if one.name == name:
            return one
    what = "which cannot be read" if name in damaged else "which is not there"
    known = ", ".join(one.name for one in found) or "none yet"
    raise InputError(f"sweep {name!r}, {what}", "a sweep that assay sae sweep made", f"there are: {known}")


def _read(path: Path) -> Stored | None:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        over, rows = document["over"], document["rows"]
        sound = over in ARCHITECTURES and isinstance(rows, list) and all(_sound(over, row) for row in rows)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return Stored(path.parent.name, over, tuple(rows)) if sound and rows else None


def _sound(over: str, row: Any) -> bool:
    """Whether the table and the picture can be made of a row."""
    if not isinstance(row, dict) or not _number(row.get(over)):
        return False
    return all(row.get(key) is None or _number(row[key]) for key, _ in (*COLUMNS, POLYSEMANTIC))


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
