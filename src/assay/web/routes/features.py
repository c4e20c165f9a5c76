"""All features of an SAE: the table, its picture, and the same as JSON."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from assay.features.table import NAMES
from assay.web.feature_asked import PageOf, PartOf
from assay.web.page import page
from assay.web.saes import DEFAULT, Named
from assay.web.tables import Scored, Shelf, Shelved
from assay.web.text import Short

router = APIRouter()

ROWS = 50
"""Rows of a page."""
COLUMNS = (
    ("feature", "feature", "Its number"),
    ("interp", "InterpScore", "Does the label predict where it fires?"),
    ("purity", "purity", "FeaturePurityScore of sentences made for the label: is it about one thing?"),
    ("corpus_purity", "of corpus", "FeaturePurityScore of corpus sentences, which no label has chosen"),
    ("mui", "MUI", "Does the model use it?"),
    ("mui_percentile", "MUI rank", "Percent of the live features with a smaller ratio of KL to entropy"),
    ("density", "density", "Share of the tokens it fires on"),
)
"""Columns that a page can be sorted by: name, heading, meaning."""


@router.get("/features", include_in_schema=False)
def features_page(request: Request, shelf: Shelved, asked: Annotated[PageOf, Query()]) -> HTMLResponse:
    """The table of all features."""
    names = shelf.saes.names()
    if not names:
        return page(request, "features.html.j2", names=names, sae=None, table=None, choice=asked)
    sae = shelf.saes.named(asked.sae)
    table = shelf.table(sae)
    shown = _page(shelf, sae, table, asked) if table is not None else {}
    return page(request, "features.html.j2", names=names, sae=sae, table=table, choice=asked, **shown)


def _page(shelf: Shelf, sae: Named, table: Scored, asked: PageOf) -> dict[str, Any]:
    places = asked.places(table)
    pages = max(1, -(-len(places) // ROWS))
    number = min(asked.page, pages)
    book = shelf.book(sae)
    rows = table.rows(places[(number - 1) * ROWS : number * ROWS])
    return {
        "rows": [{**row, "own": book.get(row["feature"])} for row in rows],
        "found": len(places),
        "number_": number,
        "pages": pages,
        "columns": COLUMNS,
        "readings": NAMES,
    }


@router.get("/features/picture.svg", include_in_schema=False)
def picture(shelf: Shelved, sae: Short = DEFAULT) -> Response:
    """Where all features lie between the three scores."""
    return Response(shelf.scored(shelf.saes.named(sae)).picture, media_type="image/svg+xml")


@router.get("/features/go", include_in_schema=False)
def go(feature: Annotated[int, Query(ge=0, le=10**12)], shelf: Shelved, sae: Short = DEFAULT) -> Response:
    """From a number that was typed to the page of that feature."""
    named = shelf.saes.named(sae)
    return RedirectResponse(named.link(named.check_feature(feature)), 303)


@router.get("/api/features")
def list_features(shelf: Shelved, asked: Annotated[PartOf, Query()]) -> dict[str, Any]:
    """Features with their scores, as ``assay features list --json`` gives them; null where there is none."""
    table = shelf.scored(shelf.saes.named(asked.sae))
    places = asked.places(table)
    rows = table.rows(places[asked.offset : asked.offset + asked.limit])
    return {"sae": asked.sae, "of": len(table.table), "found": len(places), "features": rows}
