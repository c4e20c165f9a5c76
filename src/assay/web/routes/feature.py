"""One feature: its page, the panels that fill up while it is scored, its labels, and a text to try it on."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi import Path as InPath
from fastapi.responses import HTMLResponse

from assay.errors import InputError, Mismatch, MissingPackage
from assay.features.labels.book import Labelled
from assay.features.labels.concepts import read_label
from assay.runs.store import Store
from assay.sae.index.document import feature_document
from assay.web.doing import listen_after
from assay.web.feature_asked import Label, Relabel, Score, Text
from assay.web.feature_runs import (
    ask_better,
    ask_score,
    ask_text,
    better_checks,
    newest,
    run_of,
    score_checks,
)
from assay.web.live import GOING
from assay.web.page import page
from assay.web.saes import DEFAULT, Named
from assay.web.state import Server
from assay.web.tables import Shelf, Shelved
from assay.web.text import Short
from assay.web.wrong import told, wrong

router = APIRouter()

PANELS = ("status", "reading", "interp", "purity", "mui", "text", "better")
"""Parts of a feature's page that are drawn anew when something of theirs has come."""
TOP, OF_TENTH = 12, 2
"""Strongest sentences, and sentences of each tenth, that a page shows."""
Number = Annotated[int, InPath(ge=0, description="The feature's number, from 0.")]


@router.get("/features/{feature}", include_in_schema=False)
def feature_page(
    request: Request,
    server: Server,
    shelf: Shelved,
    feature: Number,
    sae: Short = DEFAULT,
    run: Short = "",
    text: Short = "",
    better: Short = "",
) -> HTMLResponse:
    """All that is known of one feature."""
    named = shelf.saes.named(sae)
    named.check_feature(feature)
    scoring = _run(server.store, run or newest(server.store, named, feature), named, feature)
    trying = _run(server.store, text or None, named, feature)
    return page(
        request,
        "feature.html.j2",
        sae=named,
        scoring=scoring,
        trying=trying,
        naming=_run(server.store, better or None, named, feature),
        going=GOING,
        panels_=PANELS,
        **_known(shelf, named, feature),
    )


def _known(shelf: Shelf, sae: Named, feature: int) -> dict[str, Any]:
    index, table, book = shelf.index(sae), shelf.table(sae), shelf.book(sae)
    document, no_text = None, None
    if index is not None:
        try:
            document = feature_document(index, feature, TOP, per_decile=OF_TENTH)
        except (MissingPackage, Mismatch) as error:  # a digest, whose text is not installed here
            no_text = error
    nearest = (document or {}).get("nearest") or ()
    return {
        "feature": feature,
        "document": document,
        "no_text": no_text,
        "row": table.of(feature) if table is not None else None,
        "labels": book.history(feature)[::-1],
        "nearest": [{**near, "own": book.get(near["feature"])} for near in nearest],
    }


def _run(store: Store, asked: str | None, sae: Named, feature: int) -> dict[str, Any] | None:
    """The run with the number of the event after which a page listens."""
    if asked is None:
        return None
    found = run_of(store, asked, sae, feature)
    return {**found, "after": listen_after(store.events(found["run_id"]))}


@router.get("/features/{feature}/labels", include_in_schema=False)
def labels_part(request: Request, shelf: Shelved, feature: Number, sae: Short = DEFAULT) -> HTMLResponse:
    """Its labels as they are now."""
    labels = shelf.book(shelf.saes.named(sae)).history(feature)[::-1]
    return page(request, "parts/feature_labels.html.j2", labels=labels)


@router.get("/features/runs/{run_id}/panel/{panel}", include_in_schema=False)
def panel_part(request: Request, server: Server, shelf: Shelved, run_id: Short, panel: Short) -> HTMLResponse:
    """One panel of a run about a feature, as it is now."""
    if panel not in PANELS:
        raise InputError(f"panel {panel[:80]!r}", f"one of {', '.join(PANELS)}", "choose one")
    run = server.store.document(run_id)
    return page(
        request, "parts/feature_panel.html.j2", panel=panel, run=run, going=GOING, most=_most(shelf, run)
    )


def _most(shelf: Shelf, run: dict[str, Any]) -> float | None:
    """The feature's largest activation in its index; None where that is not at hand."""
    options = run["options"] or {}
    try:
        sae = shelf.saes.named(str(options.get("sae")))
        index = shelf.index(sae)
        return None if index is None else index.statistics(int(options["feature"])).max
    except (InputError, KeyError):  # a run of an SAE that is gone is shown by what it kept
        return None


@router.get("/api/features/{feature}")
def one_feature(shelf: Shelved, feature: Number, sae: Short = DEFAULT) -> dict[str, Any]:
    """All that is known of one feature: its row of the table, its labels, and what its index says."""
    named = shelf.saes.named(sae)
    known = _known(shelf, named, named.check_feature(feature))
    labels = [asdict(label) for label in known["labels"]]
    return {
        "feature": feature,
        "sae": sae,
        "scores": known["row"],
        "labels": labels,
        "index": known["document"],
    }


@router.post("/api/features/{feature}/score", status_code=201)
def score(server: Server, shelf: Shelved, feature: Number, asked: Score) -> dict[str, str]:
    """Ask for its three scores; the run tells them one after another."""
    sae = shelf.saes.named(asked.sae)
    return {"run_id": ask_score(server.queue, sae, sae.check_feature(feature), asked, server.roots)}


@router.post("/api/features/{feature}/score/check")
def check_score(server: Server, feature: Number, asked: Score) -> dict[str, Any]:
    """What is wrong with who is to write the sentences, as far as can be told without asking; nothing is run."""
    return told(wrong(score_checks(asked, server.roots)))


@router.post("/api/features/{feature}/text", status_code=201)
def text(server: Server, shelf: Shelved, feature: Number, asked: Text) -> dict[str, str]:
    """Ask where it fires in a text; the run tells it."""
    sae = shelf.saes.named(asked.sae)
    return {"run_id": ask_text(server.queue, sae, sae.check_feature(feature), asked)}


@router.post("/api/features/{feature}/relabel", status_code=201)
def relabel(server: Server, shelf: Shelved, feature: Number, asked: Relabel) -> dict[str, str]:
    """Look for a better label in the sentences it fires on; kept only if it is better on held-out ones. One without a
    label is looked at as for the first time."""
    sae = shelf.saes.named(asked.sae)
    own = shelf.book(sae).get(sae.check_feature(feature))
    return {"run_id": ask_better(server.queue, sae, feature, own, asked, server.roots)}


@router.post("/api/features/{feature}/relabel/check")
def check_relabel(server: Server, feature: Number, asked: Relabel) -> dict[str, Any]:
    """What is wrong with who is to propose labels, as far as can be told without asking; nothing is run."""
    return told(wrong(better_checks(asked, server.roots)))


@router.post("/api/features/{feature}/label", status_code=201)
def label(shelf: Shelved, feature: Number, asked: Label) -> dict[str, Any]:
    """Call it something else, by hand: such a label stays on top of automatic ones."""
    sae = shelf.saes.named(asked.sae)
    new = Labelled(sae.check_feature(feature), read_label(asked.label).label, "user")
    shelf.label(sae, new)
    return asdict(new)
