"""Answers that were asked for in words alone: whatever of them has the form is taken, the rest is counted.

A model that no server holds to a form writes sentences around its JSON, leaves lists out, repeats the question's
fields, or is cut off in the middle. One bad item costs itself and nothing else. The text is read as JSON of limited
depth and is never anything but data.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from assay.generators.llm.schemas import Form

STARTS = 8
"""Places in a text at which JSON is looked for, at most."""


class NoForm(ValueError):
    """A text in which there is nothing of the form; says in a few words what is missing."""


@dataclass(frozen=True)
class Read:
    """What was found in a text."""

    value: Form
    dropped: int
    """Items of another form, left out."""


def read_leniently(form: type[Form], text: str) -> Read:
    """The parts of ``text`` that have the form; lists that are missing are empty. Raises NoForm where none is there."""
    for found in _objects(text):
        read = _parts(form, found)
        if read is not None:
            return read
    fields = ", ".join(form.model_fields)
    raise NoForm(f"no JSON object with anything in the fields {fields}")


def _objects(text: str) -> Iterator[dict[str, Any]]:
    """The JSON objects that begin somewhere in the text, whole or up to where they break off."""
    at = text.find("{")
    for _ in range(STARTS):
        if at < 0:
            return
        try:
            found = from_json(text[at:], allow_partial=True)
        except ValueError:
            found = None
        if isinstance(found, dict):
            yield found
        at = text.find("{", at + 1)


def _parts(form: type[Form], found: dict[str, Any]) -> Read | None:
    """The form filled with what is usable; None where that is nothing."""
    values: dict[str, Any] = {}
    dropped = 0
    for name, field in form.model_fields.items():
        given = found.get(name)
        if get_origin(field.annotation) is not list:
            values[name] = given if isinstance(given, str) else ""
            continue
        (kind,) = get_args(field.annotation)
        items = given if isinstance(given, list) else []
        good = [item for item in items if _fits(TypeAdapter(kind), item)]
        dropped += len(items) - len(good)
        values[name] = good
    return Read(form.model_validate(values), dropped) if any(values.values()) else None


def _fits(kind: TypeAdapter[Any], item: Any) -> bool:
    try:
        kind.validate_python(item)
    except ValidationError:
        return False
    return True
