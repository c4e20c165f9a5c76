"""The model and the layer that an autoencoder reads: its own words, else the user's."""

import re
from pathlib import Path

import torch

from assay.errors import InputError
from assay.events import Emit, stage
from assay.models.bulk import bulk_dtype
from assay.models.load import load
from assay.models.model import Model
from assay.sae.coder import SAE

SHORT: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"gpt2-small"), "openai-community/gpt2"),
    (re.compile(r"(gpt2-(?:medium|large|xl))"), r"openai-community/\1"),
    (re.compile(r"(gemma-\d.*)"), r"google/\1"),
    (re.compile(r"(pythia-\d.*)"), r"EleutherAI/\1"),
    (re.compile(r"qwen3-([\d.]+)b"), r"Qwen/Qwen3-\1B"),
    (re.compile(r"mistral-7b"), "mistralai/Mistral-7B-v0.1"),
)
"""TransformerLens' own names of models, which most SAEs of SAELens have, and the hub's."""


def on_hub(name: str) -> str:
    """What the model, as whoever trained an autoencoder calls it, is called on the hub, or here."""
    if Path(name).exists():
        return name
    found = ((pattern.fullmatch(name), hub) for pattern, hub in SHORT)
    return next((match.expand(hub) for match, hub in found if match), name)


def model_read(sae: SAE, name: str | None = None) -> str:
    """The name of the model that the autoencoder reads: ``name``, else its own word, as the hub spells it.

    Raises InputError where nobody says.
    """
    if name:
        return name
    if sae.model_id is None:
        raise InputError(
            f"the SAE {sae.id}, which does not say which model it reads",
            "the name of a model",
            "name it with --model",
        )
    return on_hub(sae.model_id)


def layer_read(model: Model, sae: SAE, layer: int | None = None) -> int:
    """The layer that the autoencoder reads in this model: ``layer``, else its own word.

    Raises InputError where nobody says, Mismatch where the two do not fit, ModelError for a layer that the
    model has not.
    """
    chosen = sae.layer if layer is None else layer
    if chosen is None:
        raise InputError(
            f"the SAE {sae.id}, which does not say which layer it reads",
            "the number of a block, counted from 0",
            "name it with --layer",
        )
    sae.check(model.d_model, chosen)
    return model.check_layer(chosen)


def open_bulk(name: str, cache: Path, emit: Emit) -> Model:
    """The model for bulk work, in the dtype that this machine is quick in: bfloat16, or else float32."""
    return open_host(name, cache, emit, bulk_dtype())


def open_host(name: str, cache: Path, emit: Emit, dtype: torch.dtype) -> Model:
    """The model by its name, told as a stage; float32 is what scores are measured in."""
    with stage(emit, "load", f"loading {name}"):
        return load(name, cache, dtype=dtype)
