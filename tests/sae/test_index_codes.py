"""The codes of an index are those of the model run row by row; and the tiny SAE and index that other tests share."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from assay.corpus.sources import Corpus, hashed
from assay.models.model import Model
from assay.sae.coder import SAE, Architecture
from assay.sae.index.build import build_index
from assay.sae.index.index import FeatureIndex
from assay.sae.residual import residual
from assay.sae.rows import rows_of
from oracles import Sentences, codes_slowly
from tiny import TEXT, tiny_model
from training import directions, one_thread  # noqa: F401 - a fixture

LAYER, CONTEXT, TOKENS, FEATURES = 1, 24, 2_000, 64
DEAD, DENSE, ZERO = 0, 1, 5
"""Features of the tiny SAE: one that never fires, one that always does, one that writes nothing."""


def text(count: int = 24, name: str = "lines") -> Corpus:
    """Documents that begin in different places of the same text: many sentences are in several of them."""
    words = TEXT.split()
    turned = [" ".join(words[3 * n % 80 :] + words[: 3 * n % 80]) for n in range(count)]
    return hashed(name, [f"{line} She paid {n} euros, naïvely." for n, line in enumerate(turned)])


def tiny_sae(model: Model, architecture: Architecture = "jumprelu", features: int = FEATURES) -> SAE:
    """Random directions; a feature fires on about a tenth of the tokens."""
    x = residual(model, LAYER, [row[1:] for row in rows_of(model, text(4), CONTEXT, 300)]).cpu()
    mean, enc = x.mean(0), directions(features, model.d_model, 3)
    spread = ((x - mean) @ enc.T).std(0)
    b_enc = torch.zeros(features)
    b_enc[DEAD], b_enc[DENSE] = -1e6, 20 * float(spread[DENSE])
    dec = directions(features, model.d_model, 4)
    dec[ZERO] = 0
    return SAE(
        id="tiny",
        architecture=architecture,
        W_enc=enc.T,
        b_enc=b_enc,
        W_dec=dec,
        b_dec=mean,
        threshold=1.3 * spread if architecture == "jumprelu" else None,
        k=4 if architecture == "topk" else None,
        layer=LAYER,
    )


def louder(sae: SAE, factor: float) -> SAE:
    """The same features with activations so many times as large."""
    threshold = None if sae.threshold is None else sae.threshold * factor
    return replace(sae, W_enc=sae.W_enc * factor, b_enc=sae.b_enc * factor, threshold=threshold)


def indexed(model: Model, sae: SAE, cache: Path, corpus: Corpus | None = None) -> FeatureIndex:
    return build_index(model, sae, corpus or text(), cache, tokens=TOKENS, context=CONTEXT)


def dense_of(index: FeatureIndex) -> np.ndarray:
    """All activations of an index, (tokens, features)."""
    dense = np.zeros((index.about.n_tokens, index.about.d_sae), np.float32)
    for feature in range(index.about.d_sae):
        found = index.postings(feature)
        dense[found.places, feature] = found.values
    return dense


def sentences_of(index: FeatureIndex) -> Sentences:
    """All sentences of an index, read token by token."""
    rows, marks = index.arrays["rows"].tolist(), index.arrays["sentences"].tolist()
    out = []
    for begin, end in pairwise(marks):
        row = max(n for n, first in enumerate(rows) if first <= begin)
        assert end <= rows[row + 1]
        out.append((row, begin, end, "".join(index.pieces(begin, end))))
    return out


def same(a: FeatureIndex, b: FeatureIndex) -> bool:
    """Whether two indexes hold the same numbers."""
    return all(np.array_equal(a.arrays[name], b.arrays[name]) for name in a.arrays)


def check_codes(model: Model, architecture: Architecture, folder: Path) -> None:
    """float16 keeps 11 bits; one activation of all may sit at its threshold and fall on the other side."""
    sae = tiny_sae(model, architecture)
    index = indexed(model, sae, folder)
    wanted = np.concatenate([codes_slowly(model, sae, LAYER, row) for row in index.rows])
    assert (~np.isclose(dense_of(index), wanted, rtol=1e-3, atol=1e-4 * wanted.std())).sum() <= 1
    assert index.about.n_codes == len(index.arrays["places"]) > 3 * len(wanted)


def test_the_codes_are_those_of_one_whole_forward_a_row(some_model: Model, tmp_path: Path) -> None:
    check_codes(some_model, "jumprelu", tmp_path)


@pytest.mark.parametrize("architecture", ["topk", "relu"])
def test_of_every_architecture(llama: Model, architecture: Architecture, tmp_path: Path) -> None:
    check_codes(llama, architecture, tmp_path)


def test_without_a_start_token(tmp_path: Path) -> None:
    model = tiny_model("gpt2", start=False)
    sae = tiny_sae(model)
    index = indexed(model, sae, tmp_path)
    assert index.about.lead == 0 and len(index.rows[0]) <= CONTEXT
    wanted = np.concatenate([codes_slowly(model, sae, LAYER, row) for row in index.rows])
    assert (~np.isclose(dense_of(index), wanted, rtol=1e-3, atol=1e-4 * wanted.std())).sum() <= 1
    firing = index.firing(DENSE)
    assert firing.positions.min() == 0
