"""Which autoencoders pages can name: those that came with the package, and folders in the home. No other path."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from assay.errors import InputError
from assay.features.place import Place, place_of
from assay.runs.home import Home
from assay.sae.formats.table import known as formats_of
from assay.sae.shipped import ALIASES, open_sae, shipped_folder
from assay.web.kept import Kept, stamp_of

FOLDER = "saes"
"""The folder of the home that holds a user's own, a folder each."""
DEFAULT = "smollm2"
MANY = 64
"""Autoencoders that are known at once; of each only a few words are kept."""


@dataclass(frozen=True)
class Named:
    """An autoencoder as pages know it, without its weights."""

    name: str
    """What pages call it: an alias, or its path below the home."""
    source: str
    """What ``open_sae`` takes."""
    folder: Path
    hash: str
    d_sae: int
    layer: int | None
    model_id: str | None

    def place(self, home: Home) -> Place:
        """Where its labels and its table lie."""
        return place_of(home.root, self.hash, self.folder)

    def link(self, feature: int, part: str = "") -> str:
        """The address of a feature's page, or of a part of it."""
        return f"/features/{feature}{part}?{urlencode({'sae': self.name})}"

    def check_feature(self, feature: int) -> int:
        """The feature itself. Raises InputError where there is no such feature."""
        if not 0 <= feature < self.d_sae:
            raise InputError(
                f"feature {feature if feature < 10**12 else 'of more than twelve digits'} of the SAE {self.name}",
                f"a feature from 0 to {self.d_sae - 1}",
                "choose a number in that range",
            )
        return feature


class Saes:
    """The autoencoders of a home; each is read once for as long as its files stay as they are."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._held: Kept[Named] = Kept(MANY)

    def names(self) -> list[str]:
        """Every name there is, those that came with the package first."""
        shipped = [alias for alias in ALIASES if shipped_folder(alias)]
        own = self._home.root / FOLDER
        folders = sorted(own.iterdir()) if own.is_dir() else []
        return [
            *shipped,
            *(f"{FOLDER}/{f.name}" for f in folders if _sayable(f.name) and f.is_dir() and formats_of(f)),
        ]

    def named(self, name: str) -> Named:
        """The one of this name. Raises InputError for any other, ModelError for one that cannot be read."""
        names = self.names()
        if name not in names:
            raise InputError(
                f"the SAE {name[:200]!r}",
                f"one of {', '.join(names)}" if names else "an SAE; there is none yet",
                f"choose one of these, or put a folder with an SAE into {self._home.root / FOLDER}",
            )
        folder = shipped_folder(name) or self._home.root / name
        return self._held.get(folder, stamp_of(*folder.iterdir()), lambda: _read(name, folder))


def _read(name: str, folder: Path) -> Named:
    source = name if name in ALIASES else str(folder)
    sae = open_sae(source)
    return Named(name, source, folder, sae.hash, sae.d_sae, sae.layer, sae.model_id)


def _sayable(name: str) -> bool:
    """Whether a page can spell it: file names may hold anything."""
    return name.isprintable() and len(name) <= 100 and not name.startswith(".")
