"""JSON records with typed access: whatever is wrong in a file is told with the record it is wrong in."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.errors import InputError

WHOLE = "copy or download the whole file again"


@dataclass(frozen=True)
class Record:
    """One object of a data file, and where it stands."""

    data: Mapping[str, Any]
    where: str
    """For messages: ``record 3 of FILE``, with the path of fields below it."""
    number: int
    """Place of the whole record in the file, counted from 0."""

    def has(self, *names: str) -> bool:
        """Whether all these fields are there and hold something."""
        return all(self.data.get(name) not in (None, "") for name in names)

    def text(self, name: str) -> str:
        """A field that holds text (a number is taken as its digits)."""
        value = self._get(name)
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise self._wrong(name, "text", value)
        return str(value)

    def texts(self, name: str) -> tuple[str, ...]:
        """A field that holds a list of texts."""
        value = self._get(name)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._wrong(name, "a list of texts", value)
        return tuple(value)

    def child(self, name: str) -> "Record":
        """A field that holds an object."""
        value = self._get(name)
        if not isinstance(value, dict):
            raise self._wrong(name, "an object", value)
        return Record(value, f"{self.where}, {name}", self.number)

    def children(self, name: str) -> tuple["Record", ...]:
        """A field that holds a list of objects."""
        value = self._get(name)
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self._wrong(name, "a list of objects", value)
        return tuple(Record(v, f"{self.where}, {name}[{i}]", self.number) for i, v in enumerate(value))

    def _get(self, name: str) -> Any:
        if name not in self.data:
            raise InputError(
                f"{self.where}, which has no field {name!r} (it has: {', '.join(self.data) or 'none'})",
                f"the field {name!r}",
                "check that the file is the published one and whole",
            )
        return self.data[name]

    def _wrong(self, name: str, wanted: str, value: Any) -> InputError:
        shown = json.dumps(value, ensure_ascii=False)[:60]
        return InputError(
            f"{self.where}, whose field {name!r} is {shown}",
            f"{wanted} in {name!r}",
            "check that the file is the published one and whole",
        )


def read_records(raw: bytes, path: Path) -> Iterator[Record]:
    """The objects of a JSON list; InputError for anything else."""
    try:
        found = json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}, which is not UTF-8 text (byte {error.start})", "a JSON file in UTF-8", WHOLE
        ) from error
    except json.JSONDecodeError as error:
        what = "which is empty" if not raw.strip() else f"which is not whole JSON: {error}"
        raise InputError(f"{path}, {what}", "a JSON list of records", WHOLE) from error
    if not isinstance(found, list) or not found:
        what = "an empty list" if found == [] else f"a {type(found).__name__} at its top"
        raise InputError(f"{path}, with {what}", "a JSON list of records", "check the path")
    for number, item in enumerate(found):
        where = f"record {number} of {path.name}"
        if not isinstance(item, dict):
            raise InputError(f"{where}, which is {json.dumps(item)[:40]}", "an object with fields", WHOLE)
        yield Record(item, where, number)


def read_bytes(path: Path) -> bytes:
    """The bytes of a data file."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path}, which cannot be read: {error.strerror}", "a data file", "check the path"
        ) from error
