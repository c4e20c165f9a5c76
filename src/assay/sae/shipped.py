"""Names of autoencoders: those that come with this package, the default one of a model, any folder, and the hub's."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from assay.errors import ModelError
from assay.sae import hub
from assay.sae.coder import SAE
from assay.sae.formats.saelens import CONFIG, WEIGHTS
from assay.sae.formats.table import load_sae

SHIPPED = Path(__file__).with_name("shipped")
"""Where the package keeps autoencoders, a folder each: cfg.json, sae_weights.safetensors, features.parquet."""


@dataclass(frozen=True)
class Shipped:
    """One autoencoder of this package."""

    folder: str
    """Its folder in SHIPPED."""
    model: str
    """The model it is the default for, as users call it."""


ALIASES: Mapping[str, Shipped] = MappingProxyType({"smollm2": Shipped("smollm2-layer15-16384", "smollm2")})
"""What users call them."""

NONE = "none"
"""What users say for no autoencoder at all."""


@dataclass(frozen=True, eq=False)
class Opened:
    """An autoencoder and the folder it was read from, where tables about its features may lie."""

    sae: SAE
    folder: Path


def shipped_folder(name: str) -> Path | None:
    """The folder of an alias; None when it is no alias, or when this installation came without its files."""
    row = ALIASES.get(name)
    if row is None:
        return None
    folder = SHIPPED / row.folder
    return folder if all((folder / file).is_file() for file in (CONFIG, WEIGHTS)) else None


def default_sae(model_id: str) -> Path | None:
    """The folder of the autoencoder that comes with this package for a model; None where there is none."""
    name = _default(model_id)
    return None if name is None else shipped_folder(name)


def folder_here(name_or_path: str | Path) -> Path | None:
    """The folder that an alias, a path or a name on the hub means, if it is on this disk; nothing is fetched."""
    name = str(name_or_path)
    found = shipped_folder(name)
    if found is not None:
        return found
    path = Path(name).expanduser()
    if path.is_dir():
        return path
    at = hub_address(name)
    return None if at is None else hub.cached(at)


def hub_address(name: str) -> hub.Address | None:
    """What a name means on the hub; None for an alias and for whatever lies on this disk under this name."""
    return None if name in ALIASES or os.path.lexists(name) else hub.address(name)


def sae_folder(name_or_path: str | Path) -> Path:
    """The folder that an alias, a path or a name on the hub means; from there it is fetched, once.

    Raises ModelError for an alias without files, for what is no folder, and where the hub does not give it.
    """
    folder = folder_here(name_or_path)
    if folder is not None:
        return folder
    name = str(name_or_path)
    at = hub_address(name)
    if at is not None:
        return hub.fetched(name, at)
    if name in ALIASES:
        raise ModelError(
            f"the SAE {name!r}, whose weights are not in this installation",
            f"{CONFIG} and {WEIGHTS} in the package's folder sae/shipped/{ALIASES[name].folder}",
            f"install the package anew, or train it (assay sae train --recipe {name}) and give that folder",
        )
    raise ModelError(
        f"the SAE {name!r}, which is neither an alias nor a folder",
        f"an alias ({', '.join(ALIASES)}), a folder that holds an SAE, or owner/name[/folder] on the hub",
        "name the folder, not a file in it"
        if Path(name).expanduser().exists()
        else "check the spelling or the path",
    )


def open_sae(name_or_path: str | Path) -> SAE:
    """The autoencoder of an alias, a folder or a name on the hub; an alias and a name it has as its id.

    Raises ModelError when there is none, or when it cannot be read.
    """
    name, sae = str(name_or_path), load_sae(sae_folder(name_or_path))
    return replace(sae, id=name) if name in ALIASES or hub_address(name) else sae


def find_sae(name_or_path: str | Path | None, model_id: str) -> Opened | None:
    """The autoencoder that was asked for, else the model's default one; None for ``none``, or where there is none.

    Raises ModelError when one was asked for that does not exist or cannot be read.
    """
    chosen = _default(model_id) if name_or_path is None else name_or_path
    if chosen is None or str(chosen) == NONE:
        return None
    return Opened(open_sae(chosen), sae_folder(chosen))


def _default(model_id: str) -> str | None:
    """The alias of a model's autoencoder, where its files are there."""
    own = (name for name, row in ALIASES.items() if row.model == model_id and shipped_folder(name))
    return next(own, None)
