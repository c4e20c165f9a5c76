"""The training log: how each of several autoencoders came along, a JSON object a line, beside its weights."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assay.events import Emit
from assay.runs.strict import dumps
from assay.runs.trouble import explained_files

FILE = "training_log.jsonl"
EVERY = 20
"""Steps between two lines, at least."""


def logged(folders: Sequence[Path], emit: Emit) -> Emit:
    """An ``emit`` that also writes what training tells of each autoencoder into its folder.

    Each line has ``step`` and ``steps`` and what the event says: k, l1, loss (share of the variance not explained), ev,
    l0, dead. A run that was killed goes back to its last checkpoint: of two lines of one step the later one counts.
    """
    written = 0

    def listen(kind: str, data: Mapping[str, Any]) -> None:
        nonlocal written
        emit(kind, data)
        if "saes" not in data or (abs(data["done"] - written) < EVERY and data["done"] != data["total"]):
            return
        written = data["done"]
        for folder, one in zip(folders, data["saes"], strict=True):
            line = dumps({"step": data["done"], "steps": data["total"], **one})
            with explained_files(folder / FILE):
                folder.mkdir(parents=True, exist_ok=True)
                with (folder / FILE).open("a", encoding="utf-8") as file:
                    file.write(line + "\n")

    return listen
