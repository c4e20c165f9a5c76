"""From any format to SAELens 6: what ``assay sae import`` runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from assay.errors import InputError, StoreError
from assay.events import Emit, ignore, stage
from assay.sae.coder import SAE
from assay.sae.formats.saelens import CONFIG
from assay.sae.formats.save import VERSION, save_sae
from assay.sae.formats.table import FORMATS, known, load_sae, recognise

DTYPES: Mapping[str, torch.dtype] = MappingProxyType({"float32": torch.float32, "float16": torch.float16})
"""What the two matrices can be on disk."""

ROUNDING: Mapping[str, float] = MappingProxyType({"float32": 0.0, "float16": 2.0**-10})
"""Change of a feature's direction over its length that is mere rounding; more is numbers too small for the dtype."""


@dataclass(frozen=True, eq=False)
class Imported:
    """An autoencoder as it was and as it was written."""

    source: SAE
    format: str
    """Of the source, as it is called in print."""
    sae: SAE
    """Read back from the folder."""
    folder: Path
    dtype: str
    """Of the two matrices on disk."""
    rounding: float
    """Largest change of a feature's direction by the dtype, over its length; 0 when nothing was rounded."""

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dict, without the weights."""
        before = {"format": self.format, **_facts(self.source)}
        after = {"format": f"{FORMATS['saelens'].title} {VERSION}", **_facts(self.sae)}
        return {
            "folder": str(self.folder),
            "dtype": self.dtype,
            "rounding": self.rounding,
            "bytes": sum(path.stat().st_size for path in self.folder.iterdir() if path.is_file()),
            "was": before,
            "became": after,
        }


def import_sae(source: Path, out: Path, dtype: str = "float32", emit: Emit = ignore) -> Imported:
    """Write the autoencoder of one folder into another as SAELens 6 does, the same function of its input.

    What that format cannot say is folded into the weights: a scale, a gate, decoder rows of other lengths. In
    float32 nothing else changes; in float16 the two matrices are rounded. Raises ModelError for a source that
    cannot be read, StoreError where there is an autoencoder already or no room, InputError for an unknown dtype
    and where the weights do not fit into it.
    """
    if dtype not in DTYPES:
        raise InputError(f"dtype {dtype!r}", f"one of {', '.join(DTYPES)}", "choose one of these")
    check_free(out)
    with stage(emit, "import", f"importing {source}"):
        sae = load_sae(source)
        rounding = _fit(sae.folded(), dtype)
        folder = save_sae(sae, out, DTYPES[dtype])
        again = load_sae(folder)
    return Imported(sae, recognise(source).title, again, folder, dtype, rounding)


def check_free(out: Path) -> None:
    """Raise StoreError where something would be written over."""
    there = [row.title for row in known(out)] or ([CONFIG] if (out / CONFIG).exists() else [])
    if there:
        raise StoreError(
            f"the folder {out}, which holds an SAE already ({' and '.join(there)})",
            "a new folder",
            "name another one, or remove what is there",
        )


def _fit(sae: SAE, dtype: str) -> float:
    """The largest rounding of a feature's direction. Raises InputError where it is more than rounding."""
    largest = 0.0
    for name, directions in (("W_enc", sae.W_enc.T), ("W_dec", sae.W_dec)):
        change = _change(directions, DTYPES[dtype])
        worst = int(change.argmax())
        if not change[worst] <= ROUNDING[dtype]:
            raise InputError(
                f"{name} of feature {worst}, whose numbers do not fit into {dtype}",
                f"numbers from {torch.finfo(DTYPES[dtype]).tiny:.0e} to {torch.finfo(DTYPES[dtype]).max:g}",
                "keep them exact: --dtype float32",
            )
        largest = max(largest, float(change[worst]))
    return largest


def _change(directions: Tensor, dtype: torch.dtype) -> Tensor:
    """Length of each row's rounding over the row's length; 0 for a row of zeros, infinite or NaN for too large a
    number."""
    rounded = directions.to(dtype).float()
    length = directions.norm(dim=-1)
    away: Tensor = (rounded - directions).norm(dim=-1)
    return torch.where(length > 0, away / length, away)


def _facts(sae: SAE) -> dict[str, Any]:
    return {
        "architecture": sae.architecture,
        "d_in": sae.d_in,
        "features": sae.d_sae,
        "k": sae.k,
        "scale": sae.scale,
        "model": sae.model_id,
        "hook": sae.hook,
        "layer": sae.layer,
        "start_token": sae.start_token,
        "context": sae.context,
        "hash": sae.hash,
    }
