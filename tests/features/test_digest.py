"""A feature scored from a digest against the same feature scored from the index that the digest was made of."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest
import torch

from assay.corpus.embed import Embedder
from assay.corpus.sources import corpus
from assay.errors import InputError, Mismatch, StoreError
from assay.features.digest import make_digest
from assay.features.everything import score_all
from assay.features.labelling import label_all, relabel_all
from assay.features.labels.book import Labelled
from assay.features.material import Material
from assay.features.opened import material_of
from assay.features.score import score_feature
from assay.features.scorer import Scorer
from assay.models.model import Model
from assay.sae.coder import SAE
from assay.sae.formats.save import save_sae
from assay.sae.formats.table import load_sae
from assay.sae.index.digest import IndexDigest
from assay.sae.index.digest_bank import DigestBank
from assay.sae.index.digest_file import FILE, RECORD, read_digest
from assay.sae.index.document import feature_document
from assay.sae.index.find import find_reader
from assay.sae.index.index import FeatureIndex
from assay.settings import FeatureSettings
from banked import CONTEXT, DEAD, DENSE, banked, prose, random_sae
from tiny import tiny_model

SETTINGS = FeatureSettings(sentences=6, positions=8, resamples=200, null_draws=50)
FEATURES = (DEAD, DENSE, 2, 3, 5, 8, 13, 17, 23)
LABELS = {
    1: 'the word "in"',
    2: 'the word "river"',
    3: 'the word "paris"',
    5: "boats and the people who sail them",
    6: "numbers",
    8: 'the word "sailor"',
    13: 'the word "rome"',
}
STEP = 2**-10
"""Relative: the last digit of the half precision that activations are kept in, which may be rounded the other way where
a sentence is run without those that it was run with for the bank."""
UNIT = 1.001e-3
"""Of cosines, whose third decimal may be rounded the other way: embeddings are kept in half precision."""


@dataclass
class Pair:
    """One SAE: a home with its index, and one with nothing but the digest in the SAE's folder."""

    model: Model
    sae: SAE
    root: Path

    def material(self, home: str, **other: Any) -> Material:
        root = self.root / home
        given = {"settings": SETTINGS, **other}
        return material_of(self.model, self.sae, root, root / "cache", folder=self.root / "sae", **given)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    torch.set_num_threads(1)
    root, model, embedder = tmp_path_factory.mktemp("pair"), tiny_model("llama"), Embedder()
    text = root / "prose.txt"
    text.write_text("\n\n".join(prose(90).documents), encoding="utf-8")
    made = replace(random_sae(model), context=CONTEXT, model_id=model.id)
    sae = load_sae(save_sae(made, root / "sae"))
    banked(model, root / "whole" / "cache", embedder, sae, corpus(str(text)))
    found = Pair(model, sae, root)
    material = found.material("whole")
    named = [Labelled(feature, label, "automatic") for feature, label in LABELS.items()]
    material.book.add(named)
    shutil.copy(material.place.own / "labels.jsonl", root / "sae" / "labels.jsonl")
    make_digest(found.material("whole"), root / "sae" / FILE)
    yield found


def alike(mine: Any, other: Any, where: str = "") -> None:
    """The same document but for rounding."""
    if isinstance(other, dict):
        assert mine.keys() == other.keys(), where
        for name in other:
            alike(mine[name], other[name], f"{where}.{name}")
    elif isinstance(other, list | tuple):
        assert len(mine) == len(other), where
        for at, (a, b) in enumerate(zip(mine, other, strict=True)):
            alike(a, b, f"{where}.{at}")
    elif isinstance(other, float):
        assert mine == pytest.approx(other, rel=2 * STEP, abs=UNIT), where
    else:
        assert mine == other, where


@pytest.mark.parametrize("feature", FEATURES)
def test_a_feature_scores_as_it_does_from_the_index(pair: Pair, feature: int) -> None:
    whole, bare = (pair.material(home) for home in ("whole", "bare"))
    assert isinstance(whole.index, FeatureIndex) and isinstance(bare.index, IndexDigest)
    a, b = (score_feature(one, feature).to_json() for one in (whole, bare))
    for name in ("label", "reading", "mui", "interp", "purity"):
        alike(b[name], a[name], name)
    assert [one["activation"] for one in b["mui"]["positions"]] == [
        one["activation"] for one in a["mui"]["positions"]
    ]
    sentences = a["purity"]["corpus"]["sentences"]
    assert b["purity"]["corpus"]["sentences"] == sentences  # to the bit: these are kept as they are
    assert feature == DEAD or sentences
