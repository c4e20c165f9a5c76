"""A model opened for a job: what is running is told, and what a run records about its model."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from assay.events import Emit, ignore, stage
from assay.models.load import load
from assay.models.model import Model
from assay.models.tokens import text_of

Opener = Callable[[str, Path], Model]
"""``(name, cache)`` to a model in float32, such as ``models.load.load``."""


def open_model(name: str, cache: Path, emit: Emit = ignore, opener: Opener | None = None) -> Model:
    """Load a model and tell what it is."""
    with stage(emit, "load", f"loading {name}"):
        model = (opener or load)(name, cache)
    emit("run_started", {"model": describe(model)})
    return model


def describe(model: Model) -> dict[str, Any]:
    """What a run records about its model."""
    return {
        "id": model.id,
        "hash": model.hash,
        "family": model.family.name,
        "n_layers": model.n_layers,
        "d_model": model.d_model,
        "d_mlp": model.d_mlp,
        "dtype": str(model.dtype).removeprefix("torch."),
        "device": str(model.device),
        "tokenizer": type(model.tokenizer).__name__,
        "vocabulary": len(model.tokenizer),
        "start_token": None if model.start is None else text_of(model, [model.start]),
    }
