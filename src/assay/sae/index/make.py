"""From an autoencoder's folder and the names of texts to a finished index: what ``assay sae index`` runs."""

from collections.abc import Sequence
from pathlib import Path

import torch

from assay.corpus.sources import corpora
from assay.errors import InputError
from assay.events import Emit, ignore, stage
from assay.models.load import load
from assay.sae.formats.table import load_sae
from assay.sae.index.build import build_index
from assay.sae.index.index import FeatureIndex
from assay.settings import ActivationSettings

CORPORA = ("wiki",)
TOKENS = 1_000_000
"""Of text. A feature of density 1e-5 fires on ten of them."""


def make_index(
    folder: Path,
    cache: Path,
    *,
    texts: Sequence[str] = CORPORA,
    tokens: int = TOKENS,
    model: str | None = None,
    layer: int | None = None,
    emit: Emit = ignore,
) -> FeatureIndex:
    """The index with all its tables, the model run in bfloat16 on rows as long as those of the SAE's training.

    ``model`` and ``layer`` stand in where the SAE does not say what it reads; InputError where neither does.
    """
    sae = load_sae(folder)
    name = model or sae.model_id
    if name is None:
        raise InputError(
            f"the SAE {folder}, which does not say which model it reads",
            "the name of a model",
            "name it with --model",
        )
    text = corpora(texts)
    with stage(emit, "load", f"loading {name}"):
        loaded = load(name, cache, dtype=torch.bfloat16)
    context = sae.context or ActivationSettings().context
    index = build_index(loaded, sae, text, cache, tokens=tokens, context=context, layer=layer, emit=emit)
    index.complete(loaded, sae, emit)
    return index
