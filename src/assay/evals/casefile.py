"""Finished cases on disk: one JSON line each, appended so that a killed run loses at most the one at work."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.errors import StoreError
from assay.runs.strict import dumps
from assay.runs.trouble import explained_files

if TYPE_CHECKING:
    import pandas as pd

NAME = "cases.jsonl"

Line = Mapping[str, Any]
"""One finished case: what ``assay.evals.measure.measure_case`` makes."""


@dataclass(frozen=True)
class CaseFile:
    """The finished cases of one layer and variant."""

    folder: Path

    @property
    def path(self) -> Path:
        """The file itself."""
        return self.folder / NAME

    def read(self) -> dict[str, Line]:
        """Case id to its line. A last line that was cut off is removed from the file."""
        if not self.path.is_file():
            return {}
        with explained_files(self.path):
            raw = self.path.read_bytes()
        whole = raw[: raw.rfind(b"\n") + 1]
        if whole != raw:
            with explained_files(self.path):
                os.truncate(self.path, len(whole))
        return {line["case"]: line for line in _parsed(whole, self.path)}

    def append(self, line: Line) -> None:
        """Write one case; it is on the disk when this returns."""
        with explained_files(self.path), self.path.open("ab") as file:
            file.write(dumps(line).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def clear(self) -> None:
        """Forget all cases."""
        with explained_files(self.path):
            self.path.unlink(missing_ok=True)


def _parsed(raw: bytes, path: Path) -> list[Any]:
    out = []
    for number, text in enumerate(raw.splitlines(), 1):
        try:
            out.append(json.loads(text))
        except ValueError as error:
            raise StoreError(
                f"line {number} of {path}, which is not whole JSON",
                "a file that only assay has written",
                "begin again with --fresh",
            ) from error
    return out


def cases_frame(path: str | Path) -> "pd.DataFrame":
    """A per-case file as one table: a row per case, a column per metric, ``<metric>_before`` beside it.

    ``path`` is a ``cases.jsonl`` or the folder it lies in. Metrics are per-case means in [-1, 1], the scores
    of benchmarks, where they were run, columns by their ids, in [0, 1]; a case that one of them cannot score
    has a missing value there.
    """
    import pandas as pd

    found = Path(path)
    file = found / NAME if found.is_dir() else found
    if not file.is_file():
        raise StoreError(
            f"no file at {file}", "a cases.jsonl of an eval", "see the path that assay eval prints"
        )
    with explained_files(file):
        raw = file.read_bytes()
    rows = []
    scored: dict[str, type] = {}
    for line in _parsed(raw[: raw.rfind(b"\n") + 1], file):
        plain = {k: v for k, v in line.items() if not isinstance(v, dict | list)}
        before = {f"{k}_before": v for k, v in line["before"].items()}
        scores = line.get("scores", {})
        rows.append({**plain, **line["after"], **before, **scores})
        scored |= dict.fromkeys((*line["after"], *before, *scores), float)
    return pd.DataFrame(rows).astype(scored)
