"""How commands speak: results on stdout, everything else on stderr, errors in three lines."""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.errors import InputError
from assay.events import stage

if TYPE_CHECKING:
    from rich.console import Console

    from assay.progress import Screen

Json = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on stdout; all else goes to stderr.")
]
"""The option every command has."""


def say(text: str) -> None:
    """One line for people on stdout."""
    typer.echo(text)


def say_json(document: Any) -> None:
    """The one JSON document of a command, on stdout."""
    from assay.runs.strict import dumps

    typer.echo(dumps(document, indent=2))


def explain(error: InputError, as_json: bool) -> None:
    """What came, was wanted, is to do: three lines on stderr, and with --json the same as JSON on stdout."""
    typer.echo(f"came:   {error.came}\nwanted: {error.wanted}\nto do:  {error.todo}", err=True)
    if as_json:
        say_json({"error": error_json(error)})


def error_json(error: InputError) -> dict[str, str]:
    """The parts of an error and its kind."""
    return {"kind": type(error).__name__, "came": error.came, "wanted": error.wanted, "todo": error.todo}


def out() -> "Console":
    """The console of stdout."""
    from rich.console import Console

    return Console()


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str] = ()) -> None:
    """A plain table on stdout, long cells folded to the terminal's width; ``right`` columns align right."""
    from rich.table import Table
    from rich.text import Text

    from assay.report.text import one_line

    grid = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        grid.add_column(column, overflow="fold", justify="right" if column in right else "left")
    for row in rows:
        grid.add_row(*(Text("\n".join(one_line(line, 400) for line in cell.split("\n"))) for cell in row))
    out().print(grid)


@contextmanager
def screen() -> Iterator["Screen"]:
    """Progress on stderr; inside, what libraries print goes there too, so that stdout stays one document."""
    from rich.console import Console

    from assay.progress import Screen

    with Screen(Console(stderr=True)) as drawn, redirect_stdout(sys.stderr):
        yield drawn


@contextmanager
def loading(drawn: "Screen") -> Iterator[None]:
    """Show that the libraries are being loaded: the seconds before a run has any events."""
    with stage(drawn, "libraries", "Loading libraries"):
        yield
