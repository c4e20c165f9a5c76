"""Which models and autoencoders a page may name: those with a name of their own, and what lies in folders that whoever
started the server allows. No other path of this machine.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from assay.errors import InputError
from assay.models.packaged import ALIASES
from assay.sae.shipped import ALIASES as SAES
from assay.sae.shipped import NONE, hub_address, sae_folder

_HUB = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?", re.ASCII)
"""A name on the hub: the model's, with its owner before it."""


def model(name: str, roots: Sequence[Path]) -> str:
    """``name`` if it is an alias, a hub id, or a path within one of ``roots``. Raises InputError for any other path.

    A hub id is taken for a path where there is one of this name, as loading it does.
    """
    if name in ALIASES:
        return name
    if _HUB.fullmatch(name) and not name.endswith(".gguf") and not os.path.lexists(name):
        return name
    return _within(name, roots, f"the model {name!r}", "an alias, a hub id, or a folder or .gguf file")


def sae(name: str, roots: Sequence[Path]) -> str:
    """``name`` if it is an alias, ``none``, a name on the hub, or a folder within one of ``roots``.

    Raises InputError for any other. The hub is not asked: whoever opens the autoencoder does.
    """
    if name == NONE or hub_address(name):
        return name
    if name not in SAES:
        wanted = f"an alias ({', '.join(SAES)}), {NONE}, owner/name[/folder] on the hub, or a folder"
        _within(name, roots, f"the SAE {name!r}", wanted)
    sae_folder(name)
    return name


def _within(name: str, roots: Sequence[Path], what: str, wanted: str) -> str:
    """``name`` if the place it leads to, through all links, is in one of ``roots``; whether it exists is not told."""
    try:
        place = Path(name).expanduser().resolve()
    except (OSError, RuntimeError):  # a circle of links, the home of nobody
        place = None
    if place is None or not any(place.is_relative_to(root.resolve()) for root in roots):
        raise InputError(
            f"{what}, which is outside of what this server may open",
            f"{wanted} in {' or '.join(map(str, roots))}",
            "put it there, or begin the server with it: assay ui --allow FOLDER",
        )
    return name
