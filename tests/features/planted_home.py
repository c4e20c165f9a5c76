"""A planted SAE with all that its scores are made of, over a folder."""

from dataclasses import replace
from pathlib import Path

from assay.corpus.sources import Corpus
from assay.features.material import Material
from assay.features.opened import material_of
from assay.models.model import Model
from assay.sae.coder import SAE
from assay.sae.index.bank import held_out, make_bank
from assay.sae.index.build import build_index
from assay.settings import FeatureSettings
from embedding import embedder

SETTINGS = FeatureSettings(sentences=60)
"""As many sentences as the bank has of each matter: with ten, the interval of the purity of a feature that fuses two
matters is 0.2 wide on the calibrated scale and reaches over the line."""


def planted_home(model: Model, sae: SAE, corpus: Corpus, home: Path) -> Material:
    """Index with tables, bank of held-out sentences, and no label yet."""
    parts = held_out(corpus)
    index = build_index(model, sae, parts.train, home / "cache", tokens=100_000)
    index.complete(model, sae)
    make_bank(index, model, sae, parts.held_out, embedder())
    material = material_of(model, sae, home, home / "cache", settings=SETTINGS)
    return replace(material, embedder=embedder())
