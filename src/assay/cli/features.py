"""``assay features``: what each feature of an SAE is, how it scores, what it is called."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli import features_label, features_lent, features_llm, inputs, speak
from assay.cli.features_of import DEFAULT, SAE, Feature, Model, material_of
from assay.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from assay.features.material import Material
    from assay.generators.llm.author import Author

LABEL = 72
"""Columns of a label in the list, folded to a few lines of a terminal of 80."""

app = typer.Typer(help="The features of an SAE: look at them, score them, label them.")


@app.command("list")
def list_features(
    ctx: typer.Context,
    sae: SAE = DEFAULT,
    sort: Annotated[str, typer.Option(help="A column of the table; the largest value comes first.")] = "mui",
    reading: Annotated[
        str | None, typer.Option(help="Only those of one reading: ideal, decorative, mislabelled, ...")
    ] = None,
    search: Annotated[str | None, typer.Option(help="Only those whose label has this text.")] = None,
    review: Annotated[
        bool, typer.Option("--review", help="In the order in which labels deserve a look.")
    ] = False,
    noise: Annotated[
        bool, typer.Option("--noise", help="Also dead features and those that read as noise.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="Rows at most.")] = 20,
    json: speak.Json = False,
) -> None:
    """List features with their scores.

    Reads the table of assay features score --all, or the one that came with the SAE.
    """
    from assay.features.choice import chosen_features

    table = _table(inputs.home_of(ctx).root, sae)
    found = chosen_features(table, sort=sort, reading=reading, search=search, review=review, noise=noise)
    if json:
        rows = found.head(limit).to_dict(orient="records")
        speak.say_json({"of": len(table), "found": len(found), "features": rows})
        return
    columns = ("feature", "label", "interp", "purity", "MUI", "reading")
    speak.table(columns, [_line(row) for _, row in found.head(limit).iterrows()], right=columns[2:5])
    speak.say(f"{min(limit, len(found)):,} of {len(found):,} found, {len(table):,} in all")


@app.command("show")
def show(
    ctx: typer.Context,
    feature: Feature,
    sae: SAE = DEFAULT,
    top: Annotated[int, typer.Option(min=1, max=20, help="Sentences, and tokens, at most.")] = 10,
    json: speak.Json = False,
) -> None:
    """Show one feature: where it fires, what it writes, its labels.

    Reads the index that assay sae index made last for this SAE, else the digest of one that came with it.
    """
    from dataclasses import asdict

    from assay.features.place import place_of
    from assay.sae.index.document import feature_document
    from assay.sae.index.find import find_reader
    from assay.sae.shipped import open_sae, sae_folder

    home, opened, folder = inputs.home_of(ctx), open_sae(sae), sae_folder(sae)
    document = feature_document(find_reader(home.cache, opened, folder), feature, top)
    labels = place_of(home.root, opened.hash, folder).labels().history(feature)
    document["labels"] = [asdict(label) for label in labels]
    if json:
        speak.say_json(document)
        return
    from assay.report.feature import render_feature

    render_feature(document, speak.out())


@app.command("score")
def score(
    ctx: typer.Context,
    feature: Annotated[
        list[int] | None, typer.Argument(metavar="[FEATURE]...", help="Numbers, from 0.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All features, into a table and a picture.")] = False,
    sample: Annotated[
        int | None, typer.Option(min=1, help="With --all: only so many, drawn at random.")
    ] = None,
    label: Annotated[str | None, typer.Option(help="Score this label instead of the feature's own.")] = None,
    sentences: features_llm.Sentences = None,
    base_url: inputs.BaseUrl = None,
    timeout: inputs.Timeout = None,
    sae: SAE = DEFAULT,
    model: Model = None,
    seed: inputs.Seed = 0,
    json: speak.Json = False,
) -> None:
    """Score features: InterpScore, FeaturePurityScore, MUI.

    Where assay ui runs on this home and is idle, what it has open is used. With --all: stop it when you like, the
    same command goes on where it stopped.
    """
    if bool(feature) == every:
        raise InputError(
            "features and --all together" if every else "no feature",
            "the numbers of some features, or --all",
            "for example: assay features score 1234",
        )
    if sample is not None and not every:
        raise InputError("--sample without --all", "--all --sample N", "add --all, or leave --sample out")
    if every and label is not None:
        raise InputError("--label with --all", "a label for one feature", "leave one of the two out")
    if every and sentences is not None:
        raise InputError(
            "--sentences with --all",
            "some features: their sentences are written and run one label at a time",
            "for example: assay features score 1234 --sentences llm:MODEL",
        )
    if label is not None:
        from assay.features.labels.concepts import read_label

        read_label(label)  # an empty one is refused before the model is loaded
    with speak.screen() as screen:
        author = features_llm.asked_author(
            ctx, "sentences", sentences, base_url, timeout, "sentences", screen
        )
        if every:
            from assay.features.everything import score_all

            material = material_of(ctx, screen, sae, model, seed)
            table = score_all(material, sample)
        else:
            numbers, lent = feature or [], None
            if author is None and model is None:
                lent = features_lent.scored(inputs.home_of(ctx), numbers, label, sae, seed, screen)
            found = lent or _scored(material_of(ctx, screen, sae, model, seed), numbers, label, author)
    if every:
        _say_all(material, table, json)
        return
    if json:
        speak.say_json(found[0] if len(found) == 1 else found)
        return
    from assay.report.feature_scores import render_scores

    for document in found:
        render_scores(document, speak.out())


def _scored(
    material: "Material", features: list[int], label: str | None, author: "Author | None"
) -> list[dict[str, Any]]:
    """The scores of some features, made in this process."""
    from assay.features.score import score_feature

    trier = None if author is None else features_llm.trier_of(author)
    return [score_feature(material, number, label, trier).to_json() for number in features]


app.command("label")(features_label.label)
app.command("relabel")(features_label.relabel)


def _table(home: Path, sae: str) -> "pd.DataFrame":
    from assay.features.place import place_of
    from assay.sae.shipped import open_sae, sae_folder

    found = place_of(home, open_sae(sae).hash, sae_folder(sae)).table()
    if found is None:
        raise InputError(
            f"the SAE {sae}, whose features have not been scored",
            "a table of their scores",
            f"make it: assay features score --all --sae {sae}",
        )
    return found


def _line(row: Any) -> tuple[str, ...]:
    from assay.report.text import cells

    # What is missing is NaN where the column has other values, else None.
    label = cells(row["label"], LABEL).rstrip() if isinstance(row["label"], str) else "-"
    scores = (
        "-" if row[name] is None or row[name] != row[name] else f"{row[name]:.0%}"
        for name in ("interp", "purity", "mui")
    )
    return (str(row["feature"]), label, *scores, row["name"])


def _say_all(material: "Material", path: Path, json: bool) -> None:
    import pandas as pd

    from assay.report.features import render_summary, summary_picture
    from assay.runs.trouble import explained_files

    table, title = pd.read_parquet(path), f"the features of {material.sae.id}"
    picture = path.with_suffix(".svg")
    with explained_files(picture):
        picture.write_text(summary_picture(table, title) + "\n", encoding="utf-8")
    if json:
        counts = {str(name): int(n) for name, n in table["name"].value_counts().items()}
        told = {"table": str(path), "picture": str(picture), "readings": counts}
        speak.say_json({**told, "made_of": table.attrs["made_of"]})
        return
    render_summary(table, speak.out())
    speak.say(str(path))
    speak.say(str(picture))
