"""A tiny SAE with random features, and English text with enough different sentences for an index and its bank."""

from dataclasses import replace
from pathlib import Path

import torch

from assay.corpus.embed import Embedder
from assay.corpus.sources import Corpus, hashed
from assay.models.model import Model
from assay.models.tokens import plain_ids
from assay.sae.coder import SAE
from assay.sae.index.bank import held_out, make_bank
from assay.sae.index.build import build_index
from assay.sae.index.index import FeatureIndex
from assay.sae.residual import residual

LAYER, CONTEXT = 1, 48
DEAD, DENSE, WEAK = 0, 1, 2
"""Features: one that never fires, one that always does, one that writes nothing."""
WHO = ("The baker", "A young sailor", "Michael Jordan", "The people of Rome", "She and her brother")
DID = ("walked to", "paid for", "wrote about", "was seen near", "dreamt of")
WHAT = ("the old market", "a museum in Paris", "the river", "Big Ben", "the Eiffel Tower", "a small town")


def prose(documents: int = 60, sentences: int = 5, name: str = "prose") -> Corpus:
    """Documents of sentences that are all different, each of 30 characters at least."""
    made = []
    for n in range(documents * sentences):
        who, did, what = WHO[n % 5], DID[n // 5 % 5], WHAT[n // 3 % 6]
        made.append(f"{who} {did} {what} in {1500 + n}, and {n % 7} of them spoke naïvely of Berlin.")
    texts = [" ".join(made[n : n + sentences]) for n in range(0, len(made), sentences)]
    return hashed(name, texts)


def random_sae(model: Model, features: int = 24) -> SAE:
    """Random directions; a feature fires on some percent of the tokens, from many to very few."""
    x = residual(model, LAYER, [plain_ids(model, text)[: CONTEXT - 1] for text in prose(12).documents])
    generator = torch.Generator().manual_seed(7)
    enc, dec = (
        torch.nn.functional.normalize(torch.randn(features, model.d_model, generator=generator), dim=1)
        for _ in range(2)
    )
    mean = x.mean(0)
    shares = torch.linspace(0.2, 0.002, features)
    values = (x - mean) @ enc.T
    b_enc = -torch.stack([values[:, f].quantile(1 - shares[f]) for f in range(features)])
    b_enc[DEAD], b_enc[DENSE] = -1e6, 20 * float(values[:, DENSE].std())
    dec[WEAK] = 0
    return SAE(
        id="random", architecture="relu", W_enc=enc.T, b_enc=b_enc, W_dec=3 * dec, b_dec=mean, layer=LAYER
    )


def banked(
    model: Model,
    cache: Path,
    embedder: Embedder,
    sae: SAE | None = None,
    corpus: Corpus | None = None,
    context: int = CONTEXT,
) -> FeatureIndex:
    """An index with its tables and its bank."""
    sae, parts = sae or random_sae(model), held_out(corpus or prose())
    index = build_index(model, sae, parts.train, cache, tokens=20_000, context=context)
    index.complete(model, sae)
    make_bank(index, model, sae, parts.held_out, embedder)
    return index


def silent(sae: SAE) -> SAE:
    """The same directions, none of which ever fires."""
    return replace(sae, b_enc=torch.full_like(sae.b_enc, -1e6))
