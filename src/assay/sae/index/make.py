"""From an autoencoder's name and the names of texts to a finished index: what ``assay sae index`` runs."""

from collections.abc import Sequence
from pathlib import Path

import torch

from assay.corpus.embed import Embedder
from assay.corpus.sources import corpora
from assay.events import Emit, ignore
from assay.sae.exam import CORPORA
from assay.sae.host import model_read, open_bulk, open_host
from assay.sae.index.bank import SENTENCES, held_out, make_bank
from assay.sae.index.build import build_index
from assay.sae.index.index import FeatureIndex
from assay.sae.shipped import open_sae
from assay.settings import ActivationSettings

TOKENS = 1_000_000
"""Of text. A feature of density 1e-5 fires on ten of them."""


def make_index(
    name: str | Path,
    cache: Path,
    *,
    texts: Sequence[str] = (),
    tokens: int = TOKENS,
    sentences: int = SENTENCES,
    model: str | None = None,
    layer: int | None = None,
    emit: Emit = ignore,
) -> FeatureIndex:
    """The index with all its tables, the model run by ``open_bulk`` on rows as long as those of the SAE's training, and
    its bank of at most so many ``sentences`` of other documents, the model in float32.

    ``name`` is an alias or a folder; ``model`` and ``layer`` stand in where the SAE does not say what it reads.
    Raises InputError where neither does.
    """
    sae = open_sae(name)
    host = model_read(sae, model)
    text = corpora(texts or CORPORA)
    loaded = open_bulk(host, cache, emit)
    context = sae.context or ActivationSettings().context
    parts = held_out(text)
    index = build_index(
        loaded, sae, parts.train, cache, tokens=tokens, context=context, layer=layer, emit=emit
    )
    index.complete(loaded, sae, emit)
    measuring = loaded if loaded.dtype == torch.float32 else open_host(host, cache, emit, torch.float32)
    del loaded
    make_bank(index, measuring, sae, parts.held_out, Embedder(), sentences, emit)
    return index
