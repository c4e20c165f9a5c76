"""The features nearest to each by the cosine of what they write; the matrix of all pairs is never held."""

from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float32, Int32
from torch import Tensor

from assay.edits.tensors import write_tensors
from assay.errors import StoreError
from assay.events import Emit, stage
from assay.sae.coder import CHUNK, SAE
from assay.sae.index.records import Neighbour

FILE = "neighbours.safetensors"
KEPT = 20
"""Neighbours kept of each feature."""


@dataclass(frozen=True, eq=False)
class Neighbours:
    """For every feature the others of most similar direction, the nearest first."""

    features: Int32[Tensor, "f n"]
    cosines: Float32[Tensor, "f n"]
    """Of the decoder rows."""


def make(sae: SAE, folder: Path, emit: Emit) -> Neighbours:
    """The table of all features, kept in the folder."""
    found = nearest(sae, emit)
    write_tensors(
        folder / FILE,
        vars(found),
        ("format", "pt"),
        "room and permission for a few megabytes",
        "free space, or set ASSAY_HOME to a folder on another disk",
    )
    return found


def read(folder: Path) -> Neighbours | None:
    """The table as it is kept in a folder, or None. Raises StoreError for a damaged file."""
    from safetensors import SafetensorError, safe_open

    path = folder / FILE
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            return Neighbours(file.get_tensor("features"), file.get_tensor("cosines"))
    except SafetensorError as error:
        raise StoreError(
            f"{path} cannot be read: {error}", "the whole file", "delete it and run assay sae index again"
        ) from error


@torch.no_grad()
def nearest_of(units: Float32[Tensor, "f d"], feature: int, n: int) -> list[Neighbour]:
    """The row of one feature, without a table: at most KEPT."""
    features, cosines = (column[0, :n].tolist() for column in _block(units, feature, 1))
    return [Neighbour(other, cosine) for other, cosine in zip(features, cosines, strict=True)]


@torch.no_grad()
def nearest(sae: SAE, emit: Emit) -> Neighbours:
    """Block by block; a feature of direction 0 has cosine 0 with every other."""
    units, size = unit_directions(sae), max(1, CHUNK // sae.d_sae)
    parts: list[tuple[Tensor, Tensor]] = []
    with stage(emit, "neighbours", "nearest features", sae.d_sae) as tick:
        for at in range(0, sae.d_sae, size):
            parts.append(_block(units, at, size))
            tick(min(at + size, sae.d_sae))
    features, values = (torch.cat(column).cpu() for column in zip(*parts, strict=True))
    return Neighbours(features, values)


def unit_directions(sae: SAE) -> Float32[Tensor, "f d"]:
    """The decoder rows, each of length 1; one of length 0 stays."""
    norms = sae.W_dec.norm(dim=-1, keepdim=True)
    units: Tensor = sae.W_dec / norms.clamp_min(torch.finfo(torch.float32).tiny)
    return units


def _block(
    units: Float32[Tensor, "f d"], at: int, size: int
) -> tuple[Int32[Tensor, "some n"], Float32[Tensor, "some n"]]:
    """The neighbours of ``size`` features from ``at`` on."""
    cosines = units[at : at + size] @ units.T
    own = torch.arange(len(cosines), device=cosines.device)
    cosines[own, own + at] = -torch.inf
    found = cosines.topk(min(KEPT, len(units) - 1))
    return found.indices.int(), found.values
