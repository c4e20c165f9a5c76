"""Several sparsity settings on one stream of activations: a folder per autoencoder, and one table."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from assay.errors import InputError
from assay.events import Emit, ignore
from assay.runs.strict import dumps
from assay.sae.recipe import ARCHITECTURES, Recipe
from assay.sae.study import Judge, Made, make

TABLE = "sweep.json"


@dataclass(frozen=True, eq=False)
class Sweep:
    """A finished sweep."""

    over: str
    """k or l1."""
    made: tuple[Made, ...]
    """In ascending order of the setting."""
    folder: Path

    def rows(self) -> list[dict[str, Any]]:
        """One row per autoencoder: the setting, the held-out figures, and what was said of its features."""
        return [
            {
                self.over: getattr(one.trained.settings, self.over),
                "folder": str(one.folder),
                **one.evaluation.to_json(),
                **(one.quality or {}),
            }
            for one in self.made
        ]

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dict, without the weights."""
        return {
            "over": self.over,
            "rows": self.rows(),
            "saes": [one.to_json() for one in self.made],
        }


def sweep(
    recipe: Recipe,
    over: str,
    values: Sequence[float],
    folder: Path,
    cache: Path,
    emit: Emit = ignore,
    judge: Judge | None = None,
) -> Sweep:
    """Train, save and evaluate one autoencoder per value of ``over`` (k or l1); ``judge`` as in ``make``."""
    if over not in ARCHITECTURES:
        raise InputError(f"a sweep over {over!r}", f"one of {', '.join(ARCHITECTURES)}", "choose one")
    chosen = sorted(set(values))
    base = replace(recipe.sae, architecture=ARCHITECTURES[over])
    several = [
        (folder / f"{over}{value:g}", replace(base, **{over: type(getattr(base, over))(value)}))
        for value in chosen
    ]
    made = make(replace(recipe, sae=base), several, cache, emit, judge)
    done = Sweep(over, tuple(made), folder)
    (folder / TABLE).write_text(dumps(done.to_json(), indent=2) + "\n", encoding="utf-8")
    return done
