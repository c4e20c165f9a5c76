"""What is wrong with the fields of a form, each with how to put it right."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from assay.errors import InputError

Checks = Mapping[str, Callable[[], object]]
"""Field to what raises InputError if it is wrong."""


@dataclass(frozen=True)
class Problem:
    """What is wrong with one field."""

    field: str
    error: InputError

    def to_json(self) -> dict[str, str]:
        """A JSON-able dict."""
        return {"came": self.error.came, "wanted": self.error.wanted, "todo": self.error.todo}


class FieldError(InputError):
    """A field of a form that cannot mean anything."""

    def __init__(self, field: str, error: InputError) -> None:
        self.field = field
        super().__init__(f"{field}: {error.came}", error.wanted, error.todo)


def wrong(checks: Checks) -> Iterator[Problem]:
    """The problems that the checks find, in their order."""
    for field, check in checks.items():
        try:
            check()
        except InputError as error:
            yield Problem(field, error)


def raise_first(problems: Iterator[Problem]) -> None:
    """Raises FieldError for the first problem, if there is one."""
    for problem in problems:
        raise FieldError(problem.field, problem.error)


def told(problems: Iterator[Problem]) -> dict[str, dict[str, dict[str, str]]]:
    """All of them as a page is told: by field."""
    return {"problems": {problem.field: problem.to_json() for problem in problems}}


def blank(text: str | None) -> str | None:
    """``text`` without spaces around it; an empty field asks for nothing."""
    return text.strip() or None if text is not None else None
