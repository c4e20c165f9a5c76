"""An autoencoder of any library on held-out text: what ``assay sae eval`` runs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from assay.corpus.sources import Corpus, corpora
from assay.corpus.split import split
from assay.events import Emit, ignore
from assay.models.model import Model
from assay.sae.coder import SAE
from assay.sae.evaluate import evaluate, held_out
from assay.sae.evaluation import Evaluation
from assay.sae.host import layer_read, model_read, open_host
from assay.sae.shipped import open_sae
from assay.settings import ActivationSettings

CORPORA = ("wiki",)
"""Text for an autoencoder where nothing else is said."""


@dataclass(frozen=True, eq=False)
class Exam:
    """One autoencoder's figures and what they are of."""

    sae: SAE
    model: Model
    layer: int
    """The residual stream after this block was read."""
    text: Corpus
    """The held-out documents."""
    context: int
    """Tokens per row of text at most, the start token included."""
    evaluation: Evaluation

    @property
    def same_weights(self) -> bool | None:
        """Whether it was trained on this very model; None where it does not say."""
        known = self.sae.metadata.get("model_hash") if _ours(self.sae) else None
        return None if known is None else known == self.model.hash

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dict, without weights and text."""
        return {
            "sae": {
                "id": self.sae.id,
                "hash": self.sae.hash,
                "architecture": self.sae.architecture,
                "features": self.sae.d_sae,
            },
            "model": {
                "id": self.model.id,
                "hash": self.model.hash,
                "same_weights": self.same_weights,
            },
            "layer": self.layer,
            "corpus": {"name": self.text.name, "hash": self.text.hash, "context": self.context},
            "evaluation": self.evaluation.to_json(),
        }


def examine(
    name: str | Path,
    cache: Path,
    *,
    texts: Sequence[str] = (),
    model: str | None = None,
    layer: int | None = None,
    settings: ActivationSettings | None = None,
    emit: Emit = ignore,
) -> Exam:
    """The figures of the autoencoder of an alias or a folder, the model in float32.

    The text is the share of ``texts`` that training by assay holds out, in rows as long as those that the
    autoencoder was trained on; of one that assay trained, with its own corpora, the figures are those of its
    training. ``model`` and ``layer`` stand in where it does not say what it reads: InputError where neither
    does, Mismatch where they do not fit, ModelError for an autoencoder that cannot be read.
    """
    sae = open_sae(name)
    host = model_read(sae, model)
    chosen = settings or ActivationSettings()
    chosen = replace(chosen, context=sae.context or chosen.context)
    text = split(corpora(texts or _own(sae)), chosen.held_out).held_out
    loaded = open_host(host, cache, emit, torch.float32)
    at = layer_read(loaded, sae, layer)
    heard = held_out(loaded, text, at, chosen, emit)
    found = evaluate(loaded, [sae.to(loaded.device)], heard, chosen, emit)[0]
    return Exam(sae, loaded, at, text, chosen.context, found)


def _own(sae: SAE) -> Sequence[str]:
    """The names of the corpora it was trained on, where assay trained it; else the default."""
    return tuple(map(str, sae.metadata.get("dataset", CORPORA))) if _ours(sae) else CORPORA


def _ours(sae: SAE) -> bool:
    return sae.metadata.get("trained_by") == "assay"
