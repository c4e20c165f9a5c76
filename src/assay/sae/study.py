"""From a recipe to autoencoders on disk with their held-out figures: what ``assay sae train`` and ``sweep`` run."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from assay.corpus.sources import corpora
from assay.corpus.split import split
from assay.errors import InputError
from assay.events import Emit, ignore
from assay.models.model import Model
from assay.runs.strict import dumps
from assay.sae.activations import Activations, collect
from assay.sae.coder import SAE
from assay.sae.evaluate import evaluate, held_out
from assay.sae.evaluation import Evaluation
from assay.sae.formats.save import save_sae
from assay.sae.formats.table import load_sae
from assay.sae.host import open_bulk, open_host
from assay.sae.log import logged
from assay.sae.recipe import Recipe
from assay.sae.train import Trained, forget, train
from assay.sae.trainer import check_settings
from assay.settings import SaeSettings

RECORD = "training.json"
"""What was trained on what, and how it turned out; beside the weights."""


@dataclass(frozen=True, eq=False)
class Made:
    """One autoencoder as it lies on disk."""

    folder: Path
    sae: SAE
    """Read back from the folder, so the figures are those of the rounded weights."""
    trained: Trained
    evaluation: Evaluation
    quality: Mapping[str, Any] | None = None
    """What a judge said of its features; None where there was no judge."""

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dict, without the weights."""
        return {
            "folder": str(self.folder),
            "hash": self.sae.hash,
            "training": self.trained.to_json(),
            "evaluation": self.evaluation.to_json(),
            **({} if self.quality is None else {"quality": dict(self.quality)}),
        }


Judge = Callable[[Sequence[SAE]], Sequence[Mapping[str, Any]]]
"""Says of some autoencoders how good their features are, as JSON-able dicts in their order."""


def make(
    recipe: Recipe,
    several: Sequence[tuple[Path, SaeSettings]],
    cache: Path,
    emit: Emit = ignore,
    judge: Judge | None = None,
) -> list[Made]:
    """Train one autoencoder per (folder, settings) on one stream of activations, save and evaluate each.

    ``recipe.sae`` is what ``several`` was made from; ``judge`` is asked about all of them at the end. Killed and
    started again, it goes on where it was.
    """
    settings = [one for _, one in several]
    for one in settings:
        check_settings(one)
    text = split(corpora(recipe.corpora), recipe.activations.held_out)
    bulk = open_bulk(recipe.model, cache, emit)
    activations = collect(
        bulk,
        text.train,
        recipe.layer,
        cache,
        context=recipe.activations.context,
        tokens=recipe.activations.tokens,
        emit=emit,
    )
    device = bulk.device
    del bulk
    _enough(activations, settings[0])
    states = cache / "training"
    hear = logged([folder for folder, _ in several], emit)
    trained = train(activations, settings, states, device=device, emit=hear)
    model = open_host(recipe.model, cache, emit, torch.float32)
    saes = []
    for (folder, _), result in zip(several, trained, strict=True):
        named = replace(
            result.sae,
            model_id=recipe.model,
            layer=recipe.layer,
            hook=f"{model.family.blocks}.{recipe.layer}",
            start_token=model.start is not None,
            context=recipe.activations.context,
            metadata=_provenance(recipe, result, activations, model),
        )
        saes.append(load_sae(save_sae(named, folder, torch.float16)).to(model.device))
    heard = held_out(model, text.held_out, recipe.layer, recipe.activations, emit)
    figures = evaluate(model, saes, heard, recipe.activations, emit)
    del heard, model
    said = judge(saes) if judge else [None] * len(saes)
    made = []
    for (folder, _), sae, result, found, quality in zip(several, saes, trained, figures, said, strict=True):
        made.append(Made(folder, sae, result, found, quality))
        told = {name: value for name, value in made[-1].to_json().items() if name != "folder"}
        record = {"recipe": recipe.to_json(), **told}
        (folder / RECORD).write_text(dumps(record, indent=2) + "\n", encoding="utf-8")
    forget(activations, settings, states)
    return made


def _enough(activations: Activations, settings: SaeSettings) -> None:
    """Raise InputError when the first batch is more than all tokens: the mean of so few says nothing."""
    if len(activations) < settings.batch:
        raise InputError(
            f"{len(activations)} training tokens",
            f"at least {settings.batch}, one batch; good figures need about a million",
            "give more text with --corpus, or a larger --tokens",
        )


def _provenance(recipe: Recipe, one: Trained, activations: Activations, model: Model) -> dict[str, Any]:
    return {
        "trained_by": "assay",
        "dataset": list(recipe.corpora),
        "corpus_hash": activations.corpus_hash,
        "model_hash": model.hash,
        "activations_model_hash": activations.model_hash,
        "training": one.to_json(),
    }
