"""``assay sae``: sparse autoencoders, trained, measured, read from other libraries, looked into."""

from pathlib import Path
from typing import Annotated

import typer

from assay.cli import inputs, sae_train, speak

app = typer.Typer(help="Sparse autoencoders: train, compare, import, index.")

SAEName = Annotated[
    str, typer.Argument(metavar="SAE", help="smollm2, a folder, or owner/name[/folder] on the hub.")
]
Model = Annotated[
    str | None,
    typer.Option(help="A hub id, a local folder, a .gguf file, or smollm2. (Default: the SAE's.)"),
]
Layer = Annotated[int | None, typer.Option(help="The block whose output is read. (Default: the SAE's.)")]

app.command("train")(sae_train.train)
app.command("sweep")(sae_train.sweep)


@app.command("eval")
def evaluate(
    ctx: typer.Context,
    sae: SAEName,
    model: Model = None,
    layer: Layer = None,
    corpus: Annotated[
        list[str] | None,
        typer.Option(
            help="As for assay sae train; its held-out part is read. (Default: the SAE's own, else wiki.)"
        ),
    ] = None,
    json: speak.Json = False,
) -> None:
    """Measure one on held-out text, whichever library made it.

    The text is the part of a corpus that assay sae train never learns from.
    """
    home = inputs.home_of(ctx)
    with speak.screen() as screen:
        with speak.loading(screen):
            from assay.sae.exam import examine
        made = examine(sae, home.cache, texts=corpus or (), model=model, layer=layer, emit=screen)
    document = made.to_json()
    if json:
        speak.say_json(document)
        return
    from assay.report.sae import FIGURES, figures

    speak.table(FIGURES, figures(document["evaluation"]), right=("value",))
    if made.same_weights is False:
        speak.say("Note: it was trained on other weights than those of this model.")
    speak.say(f"{made.sae.id} at layer {made.layer} of {made.model.id}")


@app.command("import")
def import_(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE", help="A folder of any library, owner/name[/folder] on the hub, or smollm2."
        ),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write; made if it is not there.")],
    dtype: Annotated[
        str, typer.Option(help="float32, or float16: half the size, the matrices rounded.")
    ] = "float32",
    json: speak.Json = False,
) -> None:
    """Rewrite one of another library in SAELens' format.

    It stays the same function of its input. A folder that holds an SAE is never written over.
    """
    with speak.screen() as screen:
        with speak.loading(screen):
            from assay.sae.formats.convert import import_sae
            from assay.sae.shipped import sae_folder
        made = import_sae(sae_folder(source), out, dtype, screen).to_json()
    if json:
        speak.say_json(made)
        return
    from assay.report.sae import imported, kept

    speak.table(("", "was", "became"), imported(made["was"], made["became"]))
    speak.say(kept(made["dtype"], made["rounding"], made["bytes"]))
    speak.say(made["folder"])


@app.command("control")
def control(
    ctx: typer.Context,
    sae: SAEName,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder to write; made if it is not there.")],
    corpus: Annotated[
        list[str] | None,
        typer.Option(help="As for assay sae train; its held-out part is read. (Default: wiki.)"),
    ] = None,
    whitened: Annotated[
        bool,
        typer.Option(
            help="Draw directions where none has more variance than another, or in the stream as it is."
        ),
    ] = True,
    seed: inputs.Seed = 0,
    json: speak.Json = False,
) -> None:
    """Write one of random directions that fires as often.

    Its features also write as much as yours. Index and score it like the real one: scores are worth their distance
    from this. A folder that holds an SAE is never written over.
    """
    home = inputs.home_of(ctx)
    with speak.screen() as screen:
        with speak.loading(screen):
            from assay.sae.control import make_control
        made = make_control(
            sae, out, home.cache, texts=corpus or (), seed=seed, whitened=whitened, emit=screen
        )
    if json:
        speak.say_json({"folder": str(out), "hash": made.hash, "features": made.d_sae, "seed": seed})
        return
    speak.say(f"{made.d_sae:,} random features, each firing as often and writing as much as in {sae}")
    speak.say(str(out))


@app.command("index")
def index(
    ctx: typer.Context,
    sae: SAEName,
    model: Model = None,
    layer: Layer = None,
    corpus: Annotated[
        list[str] | None,
        typer.Option(help="As for assay sae train; give it several times to mix. (Default: wiki.)"),
    ] = None,
    tokens: Annotated[
        int | None, typer.Option(min=1, help="Tokens of text at most. (Default: 1 million.)")
    ] = None,
    sentences: Annotated[
        int | None,
        typer.Option(min=10, help="Held-out sentences that labels are tried on, at most. (Default: 8000.)"),
    ] = None,
    json: speak.Json = False,
) -> None:
    """Find where each feature fires in a corpus.

    It is kept for assay features show and for the scores. Stop it when you like: the same command goes on where it
    stopped.
    """
    home = inputs.home_of(ctx)
    with speak.screen() as screen:
        with speak.loading(screen):
            from assay.sae.index.bank import SENTENCES
            from assay.sae.index.make import TOKENS, make_index
        made = make_index(
            sae,
            home.cache,
            texts=corpus or (),
            tokens=tokens or TOKENS,
            sentences=sentences or SENTENCES,
            model=model,
            layer=layer,
            emit=screen,
        )
    found = made.summary()
    if json:
        speak.say_json({"folder": str(made.folder), **made.about.to_json(), "summary": found})
        return
    from assay.report.sae import FIGURES, indexed

    speak.table(FIGURES, indexed(made.about.to_json(), found), right=("value",))
    speak.say(f"{made.folder}")
