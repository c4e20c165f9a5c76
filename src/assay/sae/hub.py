"""Autoencoders on the Hugging Face hub: ``owner/name``, or ``owner/name/folder`` for one of several in a repository.

Only the files that a format reads are fetched, into the hub's own cache; what is there is used without asking again.
"""

import posixpath
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePosixPath

from assay.errors import ModelError, first_line
from assay.sae.formats.table import FORMATS, Format

ADDRESS = re.compile(r"(?P<repo>\w[\w.-]*/\w[\w.-]*)(?P<inside>(/[^/\\]+)*)/?", re.ASCII)
LONGEST = 96
"""Letters of a repository's name at most: the hub's own limit."""
BESIDE = ("labels.jsonl", "features.parquet")
"""What assay keeps beside an SAE that it has labelled and scored; fetched where a repository has it."""
SECONDS = 20.0
"""How long the hub may take to say what a repository holds."""
SHOWN = 6
"""Folders that a message names at most."""


@dataclass(frozen=True)
class Address:
    """One folder of a repository."""

    repo: str
    inside: str
    """Its path in the repository; empty for the whole of it."""

    def file(self, name: str) -> str:
        """A file of the folder by its path in the repository."""
        return posixpath.normpath(posixpath.join(self.inside, name))


def address(name: str) -> Address | None:
    """What ``name`` means on the hub; None where it cannot be the name of anything there."""
    found = ADDRESS.fullmatch(name)
    if found is None or len(found["repo"]) > LONGEST:
        return None
    inside = found["inside"].strip("/")
    return None if {".", ".."} & set(inside.split("/")) else Address(found["repo"], inside)


def cached(at: Address) -> Path | None:
    """The folder in the hub's cache; None unless weights are there with the configuration that they need."""
    from huggingface_hub import try_to_load_from_cache

    for row in FORMATS.values():
        paths = [try_to_load_from_cache(at.repo, at.file(part)) for part in (row.weights, *row.config)]
        if all(isinstance(path, str) for path in paths):
            return _folder(str(paths[0]), row)
    return None


def fetched(name: str, at: Address) -> Path:
    """The folder in the hub's cache, of the autoencoder that users call ``name``, once its files are there.

    Raises ModelError where the hub cannot be reached or does not let it be read, and where there is no SAE, or more
    than one.
    """
    from huggingface_hub import HfApi, hf_hub_download

    with _explained(name):
        held = HfApi().model_info(at.repo, timeout=SECONDS).siblings or []
    files = {file.rfilename for file in held}
    rows = [row for row in FORMATS.values() if at.file(row.weights) in files]
    if len(rows) != 1:
        raise _not_one(name, at, rows, files)
    (row,) = rows
    parts = map(
        at.file, (*row.config, *row.beside, *BESIDE, row.weights)
    )  # weights last: where they are, all is
    with _explained(name):
        paths = [hf_hub_download(at.repo, part) for part in parts if part in files]
    return _folder(paths[-1], row)


def _folder(weights: str, row: Format) -> Path:
    """The SAE's folder by its weights' path, which may lie deeper."""
    return Path(weights).parents[len(PurePosixPath(row.weights).parts) - 1]


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """What goes wrong between here and the hub, in words."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    try:
        yield
    except GatedRepoError as error:
        raise _wrong(
            name, "whose owner lets in only those who ask", "ask on its page, then hf auth login"
        ) from error
    except RepositoryNotFoundError as error:
        raise _wrong(
            name,
            "which is no folder here, and no repository on the hub that you may read",
            "check the spelling; if it is a private one: hf auth login",
        ) from error
    except Exception as error:  # no network, a full disk, a broken answer: the hub's library has many ways
        raise _wrong(
            name,
            f"which is no folder here, and the hub does not answer: {first_line(error)}",
            "check the spelling and the network, or copy the SAE's folder here and name that",
        ) from error


def _wrong(name: str, why: str, todo: str) -> ModelError:
    return ModelError(f"the SAE {name!r}, {why}", "an SAE's folder, here or on the Hugging Face hub", todo)


def _not_one(name: str, at: Address, rows: Sequence[Format], files: Collection[str]) -> ModelError:
    """What to say of a place that holds no SAE, or two."""
    if rows:
        both = " and of ".join(row.title for row in rows)
        return _wrong(
            name, f"which holds weights of {both}", "copy the files of one here, and name that folder"
        )
    folders = _folders(files)
    below = [folder for folder in folders if PurePosixPath(folder).is_relative_to(at.inside)]
    near = below or get_close_matches(at.inside, folders, SHOWN, 0.3)
    if not near:
        held = ", ".join(sorted(files)[:SHOWN]) or "nothing"
        return _wrong(name, f"which holds no SAE of a known format, only {held}", "choose another one")
    why = f"below which there are {len(below)}" if below else "where there is none"
    some = ", ".join(f"{at.repo}/{folder}" for folder in near[:SHOWN])
    more = f" or {len(near) - SHOWN} more" if len(near) > SHOWN else ""
    return _wrong(name, why, f"name one: {some}{more}")


def _folders(files: Collection[str]) -> list[str]:
    """Every folder that holds an SAE, ``layer_2`` before ``layer_10``."""
    found = {
        file.removesuffix(f"/{row.weights}")
        for row in FORMATS.values()
        for file in files
        if file.endswith(f"/{row.weights}")
    }
    return sorted(found, key=lambda folder: [part.zfill(9) for part in re.findall(r"\d+|\D+", folder)])
