"""``assay features label`` and ``relabel``: by hand, by rule, by a language model."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from assay.cli import features_llm, inputs, speak
from assay.cli.features_of import DEFAULT, SAE, Model, material_of
from assay.errors import InputError
from assay.events import ignore

if TYPE_CHECKING:
    from assay.features.llm.labelling import Pass


def label(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FEATURE LABEL | FEATURE...]",
            help="Its number, from 0, and what to call it. With --generator: numbers only.",
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Labels for all live features.")] = False,
    generator: features_llm.Generator = None,
    base_url: inputs.BaseUrl = None,
    timeout: inputs.Timeout = None,
    seed: features_llm.Seed = 0,
    sae: SAE = DEFAULT,
    model: Model = None,
    json: speak.Json = False,
) -> None:
    """Label one feature by hand, or any by rule or by a language model.

    Labels given by hand stay on top of automatic ones; earlier labels are kept. What a language model proposes is kept
    only if its InterpScore on held-out sentences is higher than that of the present label.
    """
    given = list(words or ())
    if generator is not None:
        _name(
            ctx,
            "label",
            _numbers(given, every, "label"),
            generator,
            base_url,
            timeout,
            sae,
            model,
            seed,
            json,
        )
        return
    features_llm.asked_author(ctx, "generator", None, base_url, timeout, "labels", ignore)
    if every == bool(given) or (given and len(given) != 2):
        came = "neither a feature with its label nor --all"
        if every:
            came = "a feature and --all together"
        elif len(given) > 2:
            came = "more words than a feature and its label"
        raise InputError(
            came,
            "a feature and its label, or --all",
            'for example: assay features label 1234 "capital cities"',
        )
    if every:
        with speak.screen() as screen:
            from assay.features.labelling import label_all

            new = label_all(material_of(ctx, screen, sae, model, 0))
        _say_labels(new, json)
        return
    from assay.features.labels.book import Labelled
    from assay.features.labels.concepts import read_label
    from assay.features.place import place_of
    from assay.sae.shipped import open_sae, sae_folder

    (feature,), text = _numbers(given[:1], False, "label"), given[1]
    opened = open_sae(sae)
    named = Labelled(opened.check_feature(feature), read_label(text).label, "user")
    place_of(inputs.home_of(ctx).root, opened.hash, sae_folder(sae)).labels().add([named])
    _say_labels([named], json)


def relabel(
    ctx: typer.Context,
    feature: Annotated[
        list[int] | None, typer.Argument(metavar="[FEATURE]...", help="Numbers, from 0.")
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="All live features that were not labelled by hand.")
    ] = False,
    generator: features_llm.Generator = None,
    base_url: inputs.BaseUrl = None,
    timeout: inputs.Timeout = None,
    seed: features_llm.Seed = 0,
    sae: SAE = DEFAULT,
    model: Model = None,
    json: speak.Json = False,
) -> None:
    """Look for a better label in the sentences a feature fires on.

    A new label is kept only if its InterpScore on held-out sentences is higher than that of the old one. With
    a language model it also sees where the present label is wrong.
    """
    numbers = _numbers([str(one) for one in feature or ()], every, "relabel")
    if generator is not None:
        _name(ctx, "relabel", numbers, generator, base_url, timeout, sae, model, seed, json)
        return
    features_llm.asked_author(ctx, "generator", None, base_url, timeout, "labels", ignore)
    with speak.screen() as screen:
        from assay.features.labelling import relabel_all

        new = relabel_all(material_of(ctx, screen, sae, model, 0), numbers or None)
    _say_labels(new, json)


def _numbers(words: list[str], every: bool, command: str) -> list[int]:
    """The features that are meant; none stands for all."""
    if bool(words) == every:
        raise InputError(
            "features and --all together" if every else "no feature",
            "the numbers of some features, or --all",
            f"for example: assay features {command} 1234",
        )
    for word in words:
        if not (word.isascii() and word.isdigit()):
            raise InputError(
                f"feature {word[:80]!r}", "a number from 0", f"for example: assay features {command} 1234"
            )
    return [int(word) for word in words]


def _name(
    ctx: typer.Context,
    which: "Pass",
    features: list[int],
    generator: str,
    base_url: str | None,
    timeout: float | None,
    sae: str,
    model: str | None,
    seed: int,
    json: bool,
) -> None:
    """Ask a language model for labels."""
    with speak.screen() as screen:
        author = features_llm.asked_author(ctx, "generator", generator, base_url, timeout, "labels", screen)
        assert author is not None
        material = material_of(ctx, screen, sae, model, seed)
        from assay.features.llm.labelling import name_features

        naming = name_features(material, author, which, features or None)
    features_llm.say_naming(naming, json)


def _say_labels(new: Any, json: bool) -> None:
    from dataclasses import asdict

    if json:
        speak.say_json({"labels": [asdict(one) for one in new]})
    elif len(new) <= 20:
        for one in new:
            speak.say(f"{one.feature}  {one.label}")
        if not new:
            speak.say("No better label was found. Those given by hand always stay.")
    else:
        speak.say(f"{len(new):,} labels")
