"""Every command has help, and the command line starts without the heavy libraries."""

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
import typer
from typer.testing import Result

from assay.cli.main import app

Assay = Callable[..., Result]

HEAVY = (
    "torch",
    "transformers",
    "pandas",
    "pyarrow",
    "sqlalchemy",
    "alembic",
    "numpy",
    "sentence_transformers",
)


def commands() -> Iterator[tuple[str, ...]]:
    """Every command and group, as words."""

    def walk(command: object, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        yield words
        for name, below in getattr(command, "commands", {}).items():
            yield from walk(below, (*words, name))

    return walk(typer.main.get_command(app), ())


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_every_command_has_help_that_fits_80_columns(assay: Assay, words: tuple[str, ...]) -> None:
    result = assay(*words, "--help")
    assert result.exit_code == 0
    usage, _, what, *rest = result.stdout.splitlines()
    assert usage.startswith("Usage: ")
    assert len(what.strip()) > 20
    assert all(len(line) <= 80 for line in result.stdout.splitlines())
    assert not [line for line in rest if line.strip().startswith("--") and len(line.split()) == 1]


GROUPS = ((), ("edits",), ("runs",), ("eval",), ("sae",), ("features",), ("generators",))
"""Commands that only hold others."""


def test_short_help_is_never_cut_short(assay: Assay) -> None:
    for words in GROUPS:
        assert "..." not in assay(*words, "--help").stdout.partition("Commands:")[2]


def test_every_command_that_shows_something_has_json() -> None:
    root = typer.main.get_command(app)
    for words in commands():
        command = root
        for word in words:
            command = command.commands[word]  # type: ignore[attr-defined]
        options = {option for parameter in command.params for option in parameter.opts}
        assert words in GROUPS or "--json" in options, words


@pytest.mark.parametrize("code", ["import assay", "from assay.cli.main import app"])
def test_nothing_heavy_is_imported_at_the_start(code: str) -> None:
    check = f"{code}; import sys; print(*(name for name in {HEAVY} if name in sys.modules))"
    child = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert child.stdout.split() == []


def test_help_imports_nothing_heavy_either() -> None:
    child = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "from assay.cli.main import main; main()", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert child.stdout.startswith("Usage: ")
    imported = {line.rpartition("|")[2].strip().split(".")[0] for line in child.stderr.splitlines()}
    assert "typer" in imported
    assert not imported & set(HEAVY)


def test_the_version_is_the_installed_one(assay: Assay) -> None:
    from importlib.metadata import version

    assert assay("--version").stdout == f"assay {version('assay')}\n"
