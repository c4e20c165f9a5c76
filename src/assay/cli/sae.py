"""``assay sae``: sparse autoencoders, trained, compared and looked into."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli import inputs, speak
from assay.errors import InputError
from assay.runs.trouble import explained_files

if TYPE_CHECKING:
    from assay.sae.recipe import Recipe

PICTURE = "sweep.svg"
"""The picture of a sweep, beside its table."""

app = typer.Typer(help="Train sparse autoencoders, compare them, look at their features.")

RecipeName = Annotated[
    str | None, typer.Option(help="smollm2 or llama-3.2-1b. (Default: the model's own, else smollm2.)")
]
Model = Annotated[
    str | None,
    typer.Option(help="A hub id, a local folder, a .gguf file, or smollm2. (Default: the recipe's.)"),
]
Layer = Annotated[int | None, typer.Option(help="The block whose output is read. (Default: the recipe's.)")]
Features = Annotated[int | None, typer.Option(min=1, help="Size of the dictionary. (Default: 16384.)")]
Corpus = Annotated[
    list[str] | None,
    typer.Option(help="wiki, gensim, factbook, a text file or a folder; give it several times to mix."),
]
Tokens = Annotated[int | None, typer.Option(min=1, help="Training tokens at most. (Default: 5 million.)")]
Passes = Annotated[float | None, typer.Option(help="How often each token is seen. (Default: 2.5.)")]
Out = Annotated[Path | None, typer.Option(help="Folder to write to. (Default: in the home, under saes.)")]
Folder = Annotated[Path, typer.Argument(metavar="SAE_FOLDER", help="A folder that holds an SAE.")]


@app.command("train")
def train(
    ctx: typer.Context,
    recipe: RecipeName = None,
    model: Model = None,
    layer: Layer = None,
    features: Features = None,
    k: Annotated[
        int | None, typer.Option(min=1, help="Active features per token, on average. (Default: 48.)")
    ] = None,
    corpus: Corpus = None,
    tokens: Tokens = None,
    passes: Passes = None,
    seed: inputs.Seed = 0,
    out: Out = None,
    json: speak.Json = False,
) -> None:
    """Train one (BatchTopK) and measure it on held-out text.

    Stop it when you like: the same command goes on where it stopped.
    """
    home = inputs.home_of(ctx)
    with speak.screen() as screen:
        chosen = _recipe(recipe, model, layer, features, k, corpus, tokens, passes, seed)
        with speak.loading(screen):
            from assay.sae.study import make
        folder = out or home.root / "saes" / f"{_name(chosen)}-k{chosen.sae.k}"
        made = make(chosen, [(folder, chosen.sae)], home.cache, screen)[0]
    if json:
        speak.say_json({"recipe": chosen.to_json(), **made.to_json()})
        return
    document = made.evaluation.to_json()
    speak.table(("figure", "value", "what it is"), _figures(document), right=("value",))
    speak.say(f"{made.folder}")


@app.command("sweep")
def sweep(
    ctx: typer.Context,
    k: Annotated[str | None, typer.Option(help="Values of k, with commas: 16,32,48,64.")] = None,
    l1: Annotated[
        str | None,
        typer.Option(help="Or weights of the L1 penalty of a ReLU baseline, with commas: 2,4,8."),
    ] = None,
    recipe: RecipeName = None,
    model: Model = None,
    layer: Layer = None,
    features: Features = None,
    corpus: Corpus = None,
    tokens: Tokens = None,
    passes: Passes = None,
    seed: inputs.Seed = 0,
    out: Out = None,
    json: speak.Json = False,
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
        chosen = _recipe(recipe, model, layer, features, None, corpus, tokens, passes, seed)
        with speak.loading(screen):
            from assay.sae.sweep import sweep as run
        folder = out or home.root / "saes" / f"{_name(chosen)}-sweep-{over}"
        done = run(chosen, over, values, folder, home.cache, screen)
    from assay.report.sweep import sweep_picture

    with explained_files(folder / PICTURE):
        (folder / PICTURE).write_text(sweep_picture(over, done.rows()) + "\n", encoding="utf-8")
    if json:
        speak.say_json({"recipe": chosen.to_json(), **done.to_json()})
        return
    columns = (over, "L0", "EV", "recovered", "dead", "dense")
    speak.table(columns, [_row(over, row) for row in done.rows()], right=columns)
    speak.say(f"{done.folder}")


@app.command("index")
def index(
    ctx: typer.Context,
    folder: Folder,
    model: Annotated[
        str | None,
        typer.Option(help="A hub id, a local folder, a .gguf file, or smollm2. (Default: the SAE's.)"),
    ] = None,
    layer: Annotated[
        int | None, typer.Option(help="The block whose output is read. (Default: the SAE's.)")
    ] = None,
    corpus: Annotated[
        list[str] | None,
        typer.Option(help="As for assay sae train; give it several times to mix. (Default: wiki.)"),
    ] = None,
    tokens: Annotated[
        int | None, typer.Option(min=1, help="Tokens of text at most. (Default: 1 million.)")
    ] = None,
    json: speak.Json = False,
) -> None:
    """Find where each feature fires in a corpus.

    It is kept for assay sae show and for the scores. Stop it when you like: the same command goes on where it
    stopped.
    """
    home = inputs.home_of(ctx)
    with speak.screen() as screen:
        with speak.loading(screen):
            from assay.sae.index.make import CORPORA, TOKENS, make_index
        made = make_index(
            folder,
            home.cache,
            texts=corpus or CORPORA,
            tokens=tokens or TOKENS,
            model=model,
            layer=layer,
            emit=screen,
        )
    found = made.summary()
    if json:
        speak.say_json({"folder": str(made.folder), **made.about.to_json(), "summary": found})
        return
    speak.table(("figure", "value", "what it is"), _indexed(made.about.to_json(), found), right=("value",))
    speak.say(f"{made.folder}")


@app.command("show")
def show(
    ctx: typer.Context,
    folder: Folder,
    feature: Annotated[int, typer.Argument(metavar="FEATURE", help="Its number, from 0.")],
    top: Annotated[int, typer.Option(min=1, max=20, help="Sentences, and tokens, at most.")] = 10,
    json: speak.Json = False,
) -> None:
    """Show one feature: where it fires, what it writes.

    Reads the index that assay sae index made last for this SAE.
    """
    from assay.sae.formats.table import load_sae
    from assay.sae.index.build import find_index
    from assay.sae.index.document import feature_document

    found = find_index(inputs.home_of(ctx).cache, load_sae(folder))
    document = feature_document(found, feature, top)
    if json:
        speak.say_json(document)
        return
    from assay.report.feature import render_feature

    render_feature(document, speak.out())


def _recipe(
    name: str | None,
    model: str | None,
    layer: int | None,
    features: int | None,
    k: int | None,
    corpus: list[str] | None,
    tokens: int | None,
    passes: float | None,
    seed: int,
) -> "Recipe":
    """The recipe with what the command line says in the place of its own."""
    from dataclasses import replace

    from assay.sae.recipe import recipe

    if passes is not None and not passes > 0:
        raise InputError(f"{passes:g} passes", "more than 0", "for example --passes 2.5")
    found = recipe(name, model, layer)
    sae: dict[str, Any] = {"features": features, "k": k, "passes": passes, "seed": seed}
    return replace(
        found,
        corpora=tuple(corpus) if corpus else found.corpora,
        sae=replace(found.sae, **_given(sae)),
        activations=replace(found.activations, **_given({"tokens": tokens})),
    )


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}


def _name(chosen: "Recipe") -> str:
    return f"{Path(chosen.model).name}-layer{chosen.layer}-{chosen.sae.features}"


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


def _figures(found: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """One line per figure of an evaluation."""
    of = f"of {found['tokens']:,} held-out tokens"
    return [
        ("L0", f"{found['l0']:.1f}", f"active features, mean {of}"),
        ("", f"{found['l0_p5']:.0f} to {found['l0_p95']:.0f}", "5th to 95th percentile"),
        ("EV", f"{found['ev']:.3f}", "variance explained, outlying tokens left out"),
        ("", f"{found['ev_all']:.3f}", f"the same with the {found['outliers']} outlying tokens"),
        (
            "recovered",
            _share(found["recovered_zero"]),
            f"of the loss, over zeros; {found['ce_tokens']:,} tokens",
        ),
        ("", _share(found["recovered_mean"]), "the same over the mean"),
        ("dead", _share(found["dead"]), f"features that fired on none {of}"),
        ("dense", _share(found["dense"]), "features that fired on more than a tenth"),
    ]


def _indexed(about: Mapping[str, Any], found: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """One line per figure of an index."""
    of = f"of {about['d_sae']:,} features"
    return [
        ("tokens", f"{about['n_tokens']:,}", f"in {about['n_sentences']:,} sentences"),
        ("L0", f"{found['l0']:.1f}", "active features per token, mean"),
        ("dead", f"{found['dead']:,}", f"{of}: fired on no token"),
        ("dense", f"{found['dense']:,}", f"{of}: fired on more than a tenth of the tokens"),
    ]


def _row(over: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        f"{row[over]:g}",
        f"{row['l0']:.1f}",
        f"{row['ev']:.3f}",
        _share(row["recovered_zero"]),
        _share(row["dead"]),
        _share(row["dense"]),
    )


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
