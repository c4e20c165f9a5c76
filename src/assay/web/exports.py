"""Model folders that the web app may write: those directly inside one folder of the home, called by a plain name."""

import re
from dataclasses import dataclass
from pathlib import Path

from assay.errors import InputError
from assay.runs.home import Home

NAME = "exports"
"""Of the folder in the home that holds them."""
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_TODO = "for example my-model; folders elsewhere: assay edits export --out DIR, apply RUN DIR, in a terminal"


@dataclass(frozen=True)
class Folder:
    """One of them."""

    name: str
    edited: bool
    """An edit is applied in it, and can be taken back."""


def exports(home: Home) -> Path:
    """The folder that holds them, whether or not it exists."""
    return home.root / NAME


def folder_of(home: Home, name: str) -> Path:
    """The folder of this name, whether or not it exists.

    Raises InputError for what is not a plain name, or a link that leads elsewhere.
    """
    if not _PLAIN.fullmatch(name):
        raise InputError(f"folder {name!r}", "letters, digits, dots, hyphens: a name, not a path", _TODO)
    top = exports(home).resolve()
    found = (top / name).resolve()
    if found.parent != top:
        raise InputError(f"folder {name!r}, which is a link to {found}", f"a folder inside {top}", _TODO)
    return found


def model_folder(home: Home, name: str) -> Path:
    """The folder of this name, if it holds a model."""
    found = folder_of(home, name)
    if not (found / "config.json").is_file():
        known = ", ".join(folder.name for folder in folders(home)) or "none yet"
        raise InputError(
            f"folder {name!r}, which holds no model",
            f"a model folder in {found.parent}",
            f"there are: {known}",
        )
    return found


def new_folder(home: Home, name: str) -> Path:
    """The folder of this name, if nothing is in it."""
    found = folder_of(home, name)
    if found.exists() and (not found.is_dir() or any(found.iterdir())):
        raise InputError(f"folder {name!r}, which is not empty", "a new name", "choose another name")
    return found


def folders(home: Home) -> list[Folder]:
    """Those that hold a model, by name."""
    top = exports(home)
    if not top.is_dir():
        return []
    return [
        Folder(path.name, any((path / ".assay").glob("*.json")))
        for path in sorted(top.iterdir())
        if _PLAIN.fullmatch(path.name)
        and (path / "config.json").is_file()
        and path.resolve().parent == top.resolve()
    ]
