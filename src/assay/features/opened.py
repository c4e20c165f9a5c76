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
from assay.sae.index.digest import IndexDigest
from assay.sae.index.digest_bank import open_bank, prove_bank
from assay.sae.index.find import find_reader
from assay.sae.index.reader import IndexReader
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
    """The material of an alias or a folder; the index is the one of this SAE that was finished last, or else the
    digest that came with it.

    Raises ModelError where there is no such SAE, InputError where it has neither, StoreError where the index has no
    bank of sentences, and what ``DigestText`` raises.
    """
    sae, folder = open_sae(name), sae_folder(name)
    index = find_reader(cache, sae, folder)
    prove_bank(index)  # what is missing is said before the model is loaded
    opened = open_host(model_read(sae, model), cache, emit, torch.float32)
    return _material(opened, sae, index, place_of(home, sae.hash, folder), settings, seed, emit)


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
    index = find_reader(cache, sae, folder)
    return _material(model, sae, index, place_of(home, sae.hash, folder), settings, seed, emit)


def _material(
    model: Model,
    sae: SAE,
    index: IndexReader,
    place: Place,
    settings: FeatureSettings | None,
    seed: int,
    emit: Emit,
) -> Material:
    index.about.check(sae, model)
    if isinstance(index, IndexDigest):
        index.model = model
    bank = open_bank(index, model, sae, emit)
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
