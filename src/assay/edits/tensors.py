"""Write a safetensors file whole or not at all."""

import os
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from assay.errors import StoreError


def write_tensors(
    path: Path, tensors: Mapping[str, Tensor], note: tuple[str, str], room: str, todo: str
) -> None:
    """Replace ``path`` by a file of these tensors with one metadata entry; ``room`` and ``todo`` tell a user
    whose disk is full or closed what was wanted and what to do."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({k: v.contiguous().cpu() for k, v in tensors.items()}, scratch, metadata=dict([note]))
        scratch.replace(path)
    except (OSError, SafetensorError) as error:  # the latter is how safetensors tells of a full disk
        raise StoreError(
            f"cannot write {path}: {getattr(error, 'strerror', None) or error}", room, todo
        ) from error
    finally:
        scratch.unlink(missing_ok=True)
