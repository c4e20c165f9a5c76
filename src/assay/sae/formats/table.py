"""The formats that can be read, and the way from a path to an SAE."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from assay.errors import ModelError
from assay.sae.coder import SAE
from assay.sae.formats import dictionary_learning, gemma_scope, llama_scope, saelens, sparsify


@dataclass(frozen=True)
class Format:
    """One library's way of keeping an SAE in a folder."""

    title: str
    """What it is called in print."""
    weights: str
    """The weights' place in the folder, by which the format is known: no two formats share one."""
    read: Callable[[Path], SAE]
    """Makes an SAE of the folder; raises ModelError."""
    config: tuple[str, ...] = ()
    """The configuration's place, where weights cannot be read without one."""
    beside: tuple[str, ...] = ()
    """Files that are read where they are there."""


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "saelens": Format("SAELens", saelens.WEIGHTS, saelens.read, (saelens.CONFIG,), (saelens.SCALER,)),
        "sparsify": Format("sparsify", sparsify.WEIGHTS, sparsify.read, (sparsify.CONFIG,), (sparsify.RUN,)),
        "dictionary_learning": Format(
            "dictionary_learning",
            dictionary_learning.WEIGHTS,
            dictionary_learning.read,
            (dictionary_learning.CONFIG,),
        ),
        "gemma_scope": Format("Gemma Scope", gemma_scope.WEIGHTS, gemma_scope.read),
        "gemma_scope_2": Format(
            "Gemma Scope 2", gemma_scope.WEIGHTS_2, gemma_scope.read_2, beside=(gemma_scope.CONFIG_2,)
        ),
        "llama_scope": Format("Llama Scope", llama_scope.WEIGHTS, llama_scope.read, (llama_scope.CONFIG,)),
    }
)
"""Name to format."""


def load_sae(path: str | Path) -> SAE:
    """The SAE of a folder, whichever library wrote it.

    Raises ModelError when the folder is missing, of no known format, damaged, or of a kind that cannot be read.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise ModelError(
            f"no folder {folder}",
            "a folder that holds an SAE",
            "name the folder, not a file in it" if folder.exists() else "check the path",
        )
    try:
        return recognise(folder).read(folder)
    except ModelError as error:
        raise ModelError(f"{folder}: {error.came}", error.wanted, error.todo) from error


def recognise(folder: Path) -> Format:
    """The format whose weights the folder holds. Raises ModelError unless there is exactly one."""
    found = known(folder)
    if len(found) == 1:
        return found[0]
    wanted = "; ".join(f"{row.weights} ({row.title})" for row in FORMATS.values())
    if found:
        raise ModelError(
            f"weights of {' and of '.join(row.title for row in found)} in one folder",
            f"one of {wanted}",
            "keep one SAE a folder",
        )
    below = sorted(child.name for child in folder.iterdir() if child.is_dir() and known(child))
    held = sorted(child.name for child in folder.iterdir())
    raise ModelError(
        f"no SAE of a known format, only {', '.join(held[:8]) or 'nothing'}{' ...' if len(held) > 8 else ''}",
        f"one of {wanted}",
        f"name one of the folders in it: {', '.join(below[:8])}"
        if below
        else "check the path, or convert the SAE to SAELens' format with the library that wrote it",
    )


def known(folder: Path) -> list[Format]:
    """The formats of which the folder holds weights; none for one that does not exist."""
    return [row for row in FORMATS.values() if (folder / row.weights).exists()]
