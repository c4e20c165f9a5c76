"""Quality of features without labels: on features whose truth is known, and along a sweep."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from planted_model import LAYER, OWN, planted_corpus, planted_model, planted_sae

from assay.features.corpus_purity import CorpusPurity
from assay.features.quality import Quality, is_polysemantic, quality
from assay.features.text import IndexedText
from assay.sae.coder import SAE
from assay.sae.index.build import build_index
from assay.sae.index.index import FeatureIndex
from assay.score import Score
from assay.settings import FeatureSettings
from embedding import embedder

pytestmark = pytest.mark.slow

EVERY, THE = len(OWN), len(OWN) + 1
"""After a feature for each matter: one that fires on the words of all of them alike, and one of a single word."""
MUTE = len(OWN) + 2


def sae_of(word: torch.Tensor) -> SAE:
    planted = planted_sae()
    own = planted.W_dec[: len(OWN)]
    word = word - planted.b_dec
    directions = torch.cat([own, own.mean(0, keepdim=True), word[None], own[:1]])
    directions = directions / directions.norm(dim=1, keepdim=True)
    bias = torch.tensor([-0.5] * (len(OWN) + 1) + [-0.7 * float(word.norm()), -1e6])
    return replace(planted, W_enc=directions.T.contiguous(), W_dec=directions, b_enc=bias)


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> tuple[FeatureIndex, IndexedText]:
    torch.set_num_threads(1)
    corpus = planted_corpus()
    model = planted_model(corpus)
    word = model.module.model.embed_tokens.weight[model.tokenizer.convert_tokens_to_ids("the")]
    home = tmp_path_factory.mktemp("quality")
    index = build_index(model, sae_of(word), corpus, home, tokens=30_000, layer=LAYER)
    return index, IndexedText(index, embedder())


def test_only_the_feature_of_all_matters_is_polysemantic(indexed: tuple[FeatureIndex, IndexedText]) -> None:
    index, text = indexed
    purity = CorpusPurity(index, text.vectors_of, text.sentences, FeatureSettings(), 0)
    scores = [purity(feature)[0] for feature in range(MUTE)]
    assert [is_polysemantic(score) for score in scores] == [n == EVERY for n in range(MUTE)]
    # By meaning alone the feature of a word would be one too.
    assert scores[THE].figures["token_purity"] == 1
    assert is_polysemantic(replace(scores[THE], figures={**scores[THE].figures, "token_purity": 0.4}))


def test_the_figures_are_shares_of_the_live_features(indexed: tuple[FeatureIndex, IndexedText]) -> None:
    index, text = indexed
    purity = CorpusPurity(index, text.vectors_of, text.sentences, FeatureSettings(), 0)
    figures = [purity(feature)[0].figures for feature in range(MUTE)]
    found = quality(index, text)
    assert found.judged == MUTE and found.polysemantic == pytest.approx(1 / MUTE)
    assert found.calibrated == pytest.approx(np.mean([one["calibrated"] or 0.0 for one in figures]))
    assert found.one_token == pytest.approx(np.mean([(one["token_purity"] or 0) >= 0.5 for one in figures]))
    assert quality(index, text, sample=3).judged == 3
    assert quality(index, text, sample=3) == quality(index, text, sample=3)
    assert quality(index, text, sample=3) != quality(index, text, sample=3, seed=4)


def test_features_that_never_fire_are_not_judged(tmp_path: Path) -> None:
    corpus = planted_corpus(documents=8)
    model = planted_model(corpus)
    silent = replace(planted_sae(), b_enc=torch.full_like(planted_sae().b_enc, -1e6))
    index = build_index(model, silent, corpus, tmp_path, tokens=2000, layer=LAYER)
    assert quality(index, IndexedText(index, embedder())) == Quality(0, None, None, None)


def test_without_a_null_nothing_is_called_polysemantic() -> None:
    score = Score(id="corpus_purity", value=0.5, raw=0.0, interval=None, n=5, n_unscored=0, threshold=0.8)
    assert not is_polysemantic(score)
    assert is_polysemantic(replace(score, figures={"z": 1.6})) and not is_polysemantic(
        replace(score, figures={"z": 1.7})
    )
