"""The real pipeline made small: settings that take a second, and tiny models saved as folders."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from assay.events import KINDS
from assay.generators.plan import Request
from assay.models.gguf import quiet_transformers
from assay.models.model import Model
from assay.runs.strict import dumps
from assay.settings import (
    BenchSettings,
    EditSettings,
    MomentSettings,
    Settings,
    TraceSettings,
    ValidateSettings,
)
from tiny import tiny_model

TOWER = Request("The Eiffel Tower is located in the city of", "The Eiffel Tower", "Berlin")

SMALL = Settings(
    moments=MomentSettings(tokens=600, tokens_per_dimension=1),
    edit=EditSettings(steps=4, contexts=((2, 4),)),
    trace=TraceSettings(runs=2),
    bench=BenchSettings(n_probes=6, long_tokens=6, n_synthetic=2, resamples=50),
)
"""A random model cannot pass the three checks with these: every candidate is rolled back."""

LENIENT = replace(SMALL, validate=ValidateSettings(p_target=0.0, beats_old=0.0, kl=1e9, cka=-1.0))
"""Every candidate passes the three checks."""


def save_tiny(folder: Path, name: str = "llama", **changes: Any) -> Path:
    """A tiny model as a Hugging Face folder."""
    return save(tiny_model(name, **changes), folder)


def save(model: Model, folder: Path, **how: Any) -> Path:
    """A model and its tokenizer as a Hugging Face folder."""
    with quiet_transformers():
        model.module.save_pretrained(folder, **how)
        model.tokenizer.save_pretrained(folder)
    return folder


class Heard:
    """An Emit that keeps every event and refuses what no store could keep."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Mapping[str, Any]]] = []

    def __call__(self, kind: str, data: Mapping[str, Any]) -> None:
        assert kind in KINDS
        dumps(data)
        self.events.append((kind, data))

    def of(self, kind: str) -> list[Mapping[str, Any]]:
        """The data of every event of one kind."""
        return [data for k, data in self.events if k == kind]


def timeless(result: Mapping[str, Any]) -> dict[str, Any]:
    """A benchmark's result without how long it took."""
    return {name: value for name, value in result.items() if name != "seconds"}
