"""Named trainings: everything that one command needs to make an autoencoder of one model's layer."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any

from assay.errors import InputError
from assay.settings import ActivationSettings, SaeSettings

ARCHITECTURES: Mapping[str, str] = MappingProxyType({"k": "batchtopk", "l1": "relu"})
"""The setting of sparsity to the architecture that has it."""


@dataclass(frozen=True)
class Recipe:
    """What is trained on what."""

    model: str
    """An alias, hub id, folder or .gguf file."""
    layer: int
    """The residual stream after this block is read."""
    corpora: tuple[str, ...]
    """Names of sources, or paths of text."""
    sae: SaeSettings = field(default_factory=SaeSettings)
    activations: ActivationSettings = field(default_factory=ActivationSettings)

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dict."""
        return asdict(self)


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "smollm2": Recipe("smollm2", 15, ("wiki",)),
        "llama-3.2-1b": Recipe("meta-llama/Llama-3.2-1B-Instruct", 8, ("wiki", "gensim", "factbook")),
    }
)
"""The default SAE, and the one of the reference system: layer 8, 16,384 features."""


def recipe(name: str | None, model: str | None, layer: int | None) -> Recipe:
    """The named recipe, else the model's own, else the defaults for a model and layer that are both named.

    ``model`` and ``layer`` replace the recipe's. Raises InputError for an unknown name, or a model of which
    nobody has said which layer.
    """
    if name is not None:
        found = _named(name)
    else:
        own = [row for key, row in RECIPES.items() if model in (None, row.model)]
        if not own and layer is None:
            raise InputError(
                f"model {model!r} without a layer",
                f"a layer, or a model with a recipe: {', '.join(RECIPES)}",
                "name one with --layer; a block about half way up is a good start",
            )
        found = own[0] if own else RECIPES["smollm2"]
    return replace(found, model=model or found.model, layer=found.layer if layer is None else layer)


def _named(name: str) -> Recipe:
    if name in RECIPES:
        return RECIPES[name]
    near = get_close_matches(name, RECIPES, n=1, cutoff=0.4)
    raise InputError(
        f"recipe {name!r}",
        "one of " + ", ".join(RECIPES),
        f"did you mean {near[0]}?" if near else "choose one of these",
    )
