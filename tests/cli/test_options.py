"""Options that commands share come from one record, as if each command had declared them itself."""

from dataclasses import dataclass
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from assay.cli.options import spread

SEEN: list[object] = []


@dataclass(frozen=True)
class Shared:
    name: Annotated[str | None, typer.Option(help="What it is called.")] = None
    some: Annotated[list[int] | None, typer.Option(help="Numbers.")] = None
    loud: Annotated[bool, typer.Option("--loud", help="Whether to shout.")] = False


app = typer.Typer()


@app.command("one")
@spread(Shared)
def one(ctx: typer.Context, shared: Shared) -> None:
    """Do one thing."""
    SEEN.append((ctx.info_name, shared))


@app.command("two")
@spread(Shared)
def two(
    ctx: typer.Context, shared: Shared, k: Annotated[int, typer.Option(min=1, help="How many.")] = 3
) -> None:
    """Do another."""
    SEEN.append((k, shared))


@pytest.mark.parametrize(
    ("words", "seen"),
    [
        (("one",), ("one", Shared())),
        (("one", "--name", "x", "--some", "1", "--some", "2", "--loud"), ("one", Shared("x", [1, 2], True))),
        (("two",), (3, Shared())),
        (("two", "--k", "5", "--loud"), (5, Shared(loud=True))),
    ],
)
def test_what_a_command_gets(words: tuple[str, ...], seen: object) -> None:
    SEEN.clear()
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert [seen] == SEEN


def test_help_names_them_after_the_commands_own() -> None:
    shown = CliRunner().invoke(app, ["two", "--help"]).stdout
    places = [shown.index(word) for word in ("Do another.", "--k", "--name", "--some", "--loud", "--help")]
    assert places == sorted(places)
    assert "--k" not in CliRunner().invoke(app, ["one", "--help"]).stdout


def test_what_is_wrong_is_told_as_ever() -> None:
    result = CliRunner().invoke(app, ["two", "--some", "x"])
    assert result.exit_code == 2 and "'--some'" in result.output
