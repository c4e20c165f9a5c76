"""Runs about one feature: how they are asked for, and found again."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from assay.errors import InputError
from assay.features.labels.book import Labelled
from assay.features.labels.concepts import read_label
from assay.runs.about_feature import BETTER, KIND, SCORED, TRIED, about
from assay.runs.queue import Queue
from assay.runs.store import Store
from assay.runs.wanted import Wanted
from assay.sae.host import on_hub
from assay.web.feature_asked import Asking, Relabel, Score, Text
from assay.web.live import GOING
from assay.web.maker import base_url, writer_checks
from assay.web.saes import Named
from assay.web.wrong import Checks, blank, raise_first, wrong


def score_checks(asked: Score, roots: Sequence[Path]) -> Checks:
    """What may be wrong with the fields of who writes sentences."""
    return writer_checks("sentences", asked.maker(asked.sentences), "sentences", roots)


def ask_score(queue: Queue, sae: Named, feature: int, asked: Score, roots: Sequence[Path]) -> str:
    """Ask for the three scores of a feature; the run's id. Raises InputError for an empty label, or where nobody says
    which model the SAE reads, FieldError for a language model that cannot be asked."""
    raise_first(wrong(score_checks(asked, roots)))
    label = None if asked.label is None else read_label(asked.label).label
    options = {"label": label, **_by(asked, "sentences", asked.sentences), "seed": asked.seed}
    return _ask(queue, sae, feature, SCORED, "feature", options)


def ask_text(queue: Queue, sae: Named, feature: int, asked: Text) -> str:
    """Ask where a feature fires in a text; the run's id. Raises InputError for an empty text."""
    if not asked.text.strip():
        raise InputError("an empty text", "some words", "type a sentence")
    return _ask(queue, sae, feature, TRIED, "text", {"text": asked.text})


def better_checks(asked: Relabel, roots: Sequence[Path]) -> Checks:
    """What may be wrong with the fields of who proposes labels."""
    return writer_checks("generator", asked.maker(asked.generator), "labels", roots)


def ask_better(
    queue: Queue, sae: Named, feature: int, own: Labelled | None, asked: Relabel, roots: Sequence[Path]
) -> str:
    """Ask for a better label than ``own``; the run's id. Raises InputError for one that was given by hand, FieldError
    for a language model that cannot be asked."""
    raise_first(wrong(better_checks(asked, roots)))
    if own is not None and own.source == "user":
        raise InputError(
            f"feature {feature}, which was labelled by hand: {own.label!r}",
            "a feature with an automatic label, or none",
            "a label given by hand stays; give it another one by hand",
        )
    return _ask(queue, sae, feature, BETTER, "relabel", _by(asked, "generator", asked.generator))


def _by(asked: Asking, field: str, name: str | None) -> dict[str, Any]:
    """The language model that was named, as it is stored and carried to the worker; nothing where none was."""
    known = blank(name)
    if known is None:
        return {}
    server = {"base_url": base_url(asked.maker(known)), "timeout": asked.timeout}
    return {field: known, **server, "seed": asked.seed}


def _ask(queue: Queue, sae: Named, feature: int, subject: str, work: str, options: Mapping[str, Any]) -> str:
    if sae.model_id is None:
        raise InputError(
            f"the SAE {sae.name}, which does not say which model it reads",
            "an SAE whose configuration names its model",
            "write model_name into its cfg.json, or use assay features with --model",
        )
    asked = {"model": on_hub(sae.model_id), **options}
    request, told, args = about(subject, work, feature, sae.name, sae.source, asked)
    return queue.put(KIND, request, told, work, args)


def newest(store: Store, sae: Named, feature: int) -> str | None:
    """The run that scored a feature last, or does so now; None where none did."""
    subject = SCORED.format(feature, sae.name)
    wanted = (*GOING, "done")
    return next(
        (
            run.id
            for run in store.runs(Wanted(subject, KIND))
            if run.subject == subject and run.status in wanted
        ),
        None,
    )


def run_of(store: Store, asked: str, sae: Named, feature: int) -> dict[str, Any]:
    """The document of a run. Raises InputError for one that is not about this feature, MissingRun for none."""
    run = store.document(asked)
    options = run["options"] or {}
    if run["kind"] != KIND or (options.get("feature"), options.get("sae")) != (feature, sae.name):
        raise InputError(
            f"the run {run['run_id']}",
            f"a run about feature {feature} of {sae.name}",
            "look at it among the runs",
        )
    return run
