"""Options that several commands take, declared once: as the fields of a record."""

from collections.abc import Callable
from dataclasses import fields
from functools import wraps
from inspect import Parameter, signature
from typing import Any

Command = Callable[..., None]


def spread(record: type[Any]) -> Callable[[Command], Command]:
    """A command that takes a ``record`` as its second parameter, after the context, gets an option for each
    field of it instead; they stand after its own. The record is a dataclass whose fields have defaults."""
    shared = {field.name: field for field in fields(record)}

    def decorated(command: Command) -> Command:
        context, _, *own = signature(command).parameters.values()
        options = [
            Parameter(name, Parameter.POSITIONAL_OR_KEYWORD, default=field.default, annotation=field.type)
            for name, field in shared.items()
        ]

        @wraps(command)
        def spoken(ctx: Any, **given: Any) -> None:
            made = record(**{name: given.pop(name) for name in shared})
            command(ctx, made, **given)

        spoken.__dict__["__signature__"] = signature(command).replace(parameters=[context, *own, *options])
        return spoken

    return decorated
