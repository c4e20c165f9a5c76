"""``assay sae train`` and ``assay sae sweep``: one autoencoder, or one for each of several sparsities."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli import inputs, speak
from assay.cli.options import spread
from assay.errors import InputError
from assay.runs.trouble import explained_files

if TYPE_CHECKING:
    from assay.sae.recipe import Recipe

PICTURE = "sweep.svg"
"""The picture of a sweep, beside its table."""


@dataclass(frozen=True)
class Asked:
    """What both commands take. Where nothing is given, the recipe's own word stands."""

    recipe: Annotated[
        str | None, typer.Option(help="smollm2 or llama-3.2-1b. (Default: the model's own, else smollm2.)")
    ] = None
    model: Annotated[
        str | None,
        typer.Option(help="A hub id, a local folder, a .gguf file, or smollm2. (Default: the recipe's.)"),
    ] = None
    layer: Annotated[
        int | None, typer.Option(help="The block whose output is read. (Default: the recipe's.)")
    ] = None
    features: Annotated[int | None, typer.Option(min=1, help="Size of the dictionary. (Default: 16384.)")] = (
        None
    )
    corpus: Annotated[
        list[str] | None,
        typer.Option(
            help="wiki, gensim, factbook, a text file or a folder; give it several times to mix. "
            "(Default: the recipe's.)"
        ),
    ] = None
    tokens: Annotated[
        int | None, typer.Option(min=1, help="Training tokens at most. (Default: 5 million.)")
    ] = None
    passes: Annotated[float | None, typer.Option(help="How often each token is seen. (Default: 10.)")] = None
    seed: inputs.Seed = 0
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to. (Default: in the home, under saes.)")
    ] = None
    json: speak.Json = False

    def recipe_of(self, k: int | None = None, l1: float | None = None) -> "Recipe":
        """The recipe with what was asked for in the place of its own. Raises InputError for what cannot be."""
        from dataclasses import replace

        from assay.sae.recipe import ARCHITECTURES, recipe

        if self.passes is not None and not self.passes > 0:
            raise InputError(f"{self.passes:g} passes", "more than 0", "for example --passes 2.5")
        found = recipe(self.recipe, self.model, self.layer)
        sae = {
            "architecture": None if l1 is None else ARCHITECTURES["l1"],
            "features": self.features,
            "k": k,
            "l1": l1,
            "passes": self.passes,
            "seed": self.seed,
        }
        return replace(
            found,
            corpora=tuple(self.corpus) if self.corpus else found.corpora,
            sae=replace(found.sae, **_given(sae)),
            activations=replace(found.activations, **_given({"tokens": self.tokens})),
        )

    def folder(self, root: Path, chosen: "Recipe", ending: str) -> Path:
        """Where to write: as asked, else in the home under a name that says what it is."""
        name = f"{Path(chosen.model).name}-layer{chosen.layer}-{chosen.sae.features}-{ending}"
        return self.out or root / "saes" / name


@spread(Asked)
def train(
    ctx: typer.Context,
    asked: Asked,
    k: Annotated[
        int | None, typer.Option(min=1, help="Active features per token, on average. (Default: 48.)")
    ] = None,
    l1: Annotated[
        float | None,
        typer.Option(help="Or the weight of the L1 penalty of a ReLU baseline, for example 4."),
    ] = None,
) -> None:
    """Train one (BatchTopK) and measure it on held-out text.

    With --l1 it is the ReLU baseline. Stop it when you like: the same command goes on where it stopped.
    """
    if k is not None and l1 is not None:
        raise InputError(
            "--k and --l1 together", "one of the two", "leave out --l1 for BatchTopK, --k for the baseline"
        )
    if l1 is not None and not 0 < l1 < float("inf"):
        raise InputError(f"--l1 {l1:g}", "a number above 0", "for example --l1 4")
    home = inputs.home_of(ctx)
    with speak.screen() as screen:
        chosen = asked.recipe_of(k, l1)
        with speak.loading(screen):
            from assay.sae.study import make
        folder = asked.folder(home.root, chosen, f"k{chosen.sae.k}" if l1 is None else f"l1-{l1:g}")
        made = make(chosen, [(folder, chosen.sae)], home.cache, screen)[0]
    if asked.json:
        speak.say_json({"recipe": chosen.to_json(), **made.to_json()})
        return
    from assay.report.sae import FIGURES, figures

    speak.table(FIGURES, figures(made.evaluation.to_json()), right=("value",))
    speak.say(f"{made.folder}")


@spread(Asked)
def sweep(
    ctx: typer.Context,
    asked: Asked,
    k: Annotated[str | None, typer.Option(help="Values of k, with commas: 16,32,48,64.")] = None,
    l1: Annotated[
        str | None,
        typer.Option(help="Or weights of the L1 penalty of a ReLU baseline, with commas: 2,4,8."),
    ] = None,
) -> None:
    """Train one for each of several sparsities.

    All learn from the same batches, each read once. Stop it when you like: the same command goes on where it
    stopped.
    """
    if (k is None) == (l1 is None):
        raise InputError(
            "neither --k nor --l1" if k is None else "--k and --l1 together",
            "one of the two, with values separated by commas",
            "for example --k 16,32,48,64",
        )
    over, values = ("l1", _numbers("--l1", l1)) if l1 is not None else ("k", _numbers("--k", k or ""))
    home = inputs.home_of(ctx)
    with speak.screen() as screen:
        chosen = asked.recipe_of()
        with speak.loading(screen):
            from assay.features.quality import qualities
            from assay.sae.sweep import sweep as run
        folder = asked.folder(home.root, chosen, f"sweep-{over}")
        judge = partial(qualities, chosen, cache=home.cache, emit=screen)
        done = run(chosen, over, values, folder, home.cache, screen, judge)
    from assay.report.sweep import sweep_picture, sweep_table

    with explained_files(folder / PICTURE):
        (folder / PICTURE).write_text(sweep_picture(over, done.rows()) + "\n", encoding="utf-8")
    if asked.json:
        speak.say_json({"recipe": chosen.to_json(), **done.to_json()})
        return
    names, cells = sweep_table(over, done.rows())
    speak.table(names, cells, right=names)
    speak.say(f"{done.folder}")


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _numbers(option: str, text: str) -> list[float]:
    """Positive numbers with commas; whole ones for --k."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    whole = option == "--k"
    try:
        values = [float(int(word) if whole else float(word)) for word in words]
    except ValueError:
        values = []
    if not values or not all(0 < value < float("inf") for value in values):
        raise InputError(
            f"{option} {text!r}",
            f"{'whole ' if whole else ''}numbers above 0, separated by commas",
            f"for example {option} {'16,32,48,64' if whole else '2,4,8'}",
        )
    return values
