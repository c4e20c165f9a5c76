"""The labels of one SAE: every label that a feature ever had, the last one being its own.

Lines are added and never changed: one JSON object a line, so that a file of another person's labels is merged by
appending it. An SAE may come with labels of its own; a user's lines go on from there.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from assay.errors import StoreError
from assay.runs.clock import now
from assay.runs.strict import dumps
from assay.runs.trouble import explained_files

FILE = "labels.jsonl"
Source = Literal["automatic", "relabelled", "user"]


@dataclass(frozen=True)
class Labelled:
    """A label given to a feature."""

    feature: int
    label: str
    source: Source
    """``automatic``: the first pass; ``relabelled``: the second, with examples looked at; ``user``: by hand."""
    figures: Mapping[str, float | None] = field(default_factory=dict)
    """What it was chosen by, as ``r`` and ``d`` on deciding sentences."""
    at: str = field(default_factory=now)
    """UTC."""
    author: str | None = None
    """The language model that proposed it, as ``llm:MODEL`` or ``local:MODEL``; None for a person's and assay's own."""


class LabelBook:
    """``LabelBook(path, shipped)``: ``path`` need not exist yet; ``shipped`` are the SAE's own labels, read only.

    Raises StoreError for a line that cannot be read.
    """

    def __init__(self, path: Path, shipped: Path | None = None) -> None:
        self._path = path
        self._history: dict[int, list[Labelled]] = {}
        for part in (shipped, path):
            if part is not None and part.is_file():
                self._take(_read(part))

    def __getitem__(self, feature: int) -> Labelled:
        return self._history[feature][-1]

    def get(self, feature: int) -> Labelled | None:
        """Its label, or None where it has none."""
        found = self._history.get(feature)
        return found[-1] if found else None

    def __contains__(self, feature: int) -> bool:
        return feature in self._history

    def __iter__(self) -> Iterator[int]:
        return iter(sorted(self._history))

    def __len__(self) -> int:
        return len(self._history)

    def history(self, feature: int) -> tuple[Labelled, ...]:
        """All labels of a feature, the first one first."""
        return tuple(self._history.get(feature, ()))

    def add(self, some: Sequence[Labelled]) -> None:
        """Keep further labels. Raises StoreError where they cannot be written."""
        lines = "".join(dumps(_written(one)) + "\n" for one in some)
        with explained_files(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(lines)
        self._take(some)

    def _take(self, some: Sequence[Labelled]) -> None:
        for one in some:
            self._history.setdefault(one.feature, []).append(one)


def _written(one: Labelled) -> dict[str, Any]:
    """Its line; an author only where there is one."""
    return {name: value for name, value in asdict(one).items() if name != "author" or value is not None}


def _read(path: Path) -> list[Labelled]:
    found = []
    lines = path.read_bytes().split(b"\n")  # str.splitlines would cut labels at further characters
    for number, line in enumerate(lines if lines[-1] else lines[:-1], 1):
        try:
            found.append(_labelled(json.loads(line)))
        except (ValueError, TypeError) as error:
            raise StoreError(
                f"line {number} of {path}, which is no label: {error}",
                "one JSON object a line, as assay wrote them",
                "take the line out; all others stand by themselves",
            ) from error
    return found


def _labelled(held: dict[str, Any]) -> Labelled:
    one = Labelled(**held)
    known = one.source in get_args(Source) and isinstance(one.author, str | None)
    if type(one.feature) is not int or not isinstance(one.label, str) or not known:
        raise ValueError(f"feature {one.feature!r}, label {one.label!r}, source {one.source!r}")
    return one
