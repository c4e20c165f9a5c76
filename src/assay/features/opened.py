"""From the name of an SAE to everything that scoring its features reads."""

from pathlib import Path

import torch

from assay.corpus.embed import Embedder
from assay.events import Emit, ignore
from assay.features.material import Material
from assay.features.place import Place, place_of
from assay.models.model import Model
from assay.sae.coder import SAE
from assay.sae.host import model_read, open_host
from assay.sae.index.bank import Bank
from assay.sae.index.build import find_index
from assay.sae.index.index import FeatureIndex
from assay.sae.shipped import open_sae, sae_folder
from assay.settings import FeatureSettings


def open_material(
    name: str | Path,
    home: Path,
    cache: Path,
    *,
    model: str | None = None,
    settings: FeatureSettings | None = None,
    seed: int = 0,
    emit: Emit = ignore,
) -> Material:
    """The material of an alias or a folder; the index is the one of this SAE that was finished last.

    Raises ModelError where there is no such SAE, InputError where it has no index, StoreError where the index has no
    bank of sentences.
    """
    sae = open_sae(name)
    index = find_index(cache, sae)
    bank = Bank(index)  # what is missing is said before the model is loaded
    opened = open_host(model_read(sae, model), cache, emit, torch.float32)
    index.about.check(sae, opened)
    place = place_of(home, sae.hash, sae_folder(name))
    return _material(opened, sae, index, bank, place, settings, seed, emit)


def material_of(
    model: Model,
    sae: SAE,
    home: Path,
    cache: Path,
    *,
    folder: Path | None = None,
    settings: FeatureSettings | None = None,
    seed: int = 0,
    emit: Emit = ignore,
) -> Material:
    """The same for a model and an SAE that are open already; ``folder`` is the SAE's own, which may have brought
    labels and a table."""
    index = find_index(cache, sae)
    index.about.check(sae, model)
    place = place_of(home, sae.hash, folder)
    return _material(model, sae, index, Bank(index), place, settings, seed, emit)


def _material(
    model: Model,
    sae: SAE,
    index: FeatureIndex,
    bank: Bank,
    place: Place,
    settings: FeatureSettings | None,
    seed: int,
    emit: Emit,
) -> Material:
    return Material(
        model=model,
        sae=sae.to(model.device),
        index=index,
        bank=bank,
        embedder=Embedder(bank.embedder),
        place=place,
        settings=settings or FeatureSettings(),
        seed=seed,
        emit=emit,
    )
