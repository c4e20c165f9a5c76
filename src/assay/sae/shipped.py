"""Names of autoencoders: those that come with this package, the default one of a model, and any folder."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from assay.errors import ModelError
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


def sae_folder(name_or_path: str | Path) -> Path:
    """The folder that an alias or a path means. Raises ModelError for an alias without files, or no folder."""
    name = str(name_or_path)
    folder = shipped_folder(name)
    if folder is not None:
        return folder
    path = Path(name).expanduser()
    if path.is_dir():
        return path
    if name in ALIASES:
        raise ModelError(
            f"the SAE {name!r}, whose weights are not in this installation",
            f"{CONFIG} and {WEIGHTS} in the package's folder sae/shipped/{ALIASES[name].folder}",
            f"install the package anew, or train it (assay sae train --recipe {name}) and give that folder",
        )
    raise ModelError(
        f"the SAE {name!r}, which is neither an alias nor a folder",
        f"an alias ({', '.join(ALIASES)}) or a folder that holds an SAE",
        "name the folder, not a file in it" if path.exists() else "check the spelling or the path",
    )


def open_sae(name_or_path: str | Path) -> SAE:
    """The autoencoder of an alias or a folder; one that was named by its alias has it as its id.

    Raises ModelError when there is none, or when it cannot be read.
    """
    sae = load_sae(sae_folder(name_or_path))
    return replace(sae, id=str(name_or_path)) if str(name_or_path) in ALIASES else sae


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
