"""All features of an SAE: the table, its picture, and the same as JSON."""

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response, StreamingResponse

from assay.features.table import NAMES
from assay.web.feature_asked import Choice, PageOf, PartOf
from assay.web.page import page
from assay.web.saes import DEFAULT, Named
from assay.web.tables import Scored, Shelf, Shelved
from assay.web.text import Short

router = APIRouter()

ROWS = 50
"""Rows of a page."""
AT_ONCE = 10_000
"""Rows of a CSV that are written at once."""
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


@router.get("/api/features/table.parquet", response_class=FileResponse)
def parquet(shelf: Shelved, sae: Short = DEFAULT) -> FileResponse:
    """The whole table as the file that it is."""
    named = shelf.saes.named(sae)
    shelf.scored(named)  # says what is wrong where there is none, or where it cannot be read
    path = named.place(shelf.home).table_file()
    assert path is not None
    return FileResponse(path, media_type="application/vnd.apache.parquet", filename="features.parquet")


@router.get("/api/features/table.csv", response_class=StreamingResponse)
def csv(shelf: Shelved, asked: Annotated[Choice, Query()]) -> StreamingResponse:
    """The rows that are chosen, in their order, with all columns."""
    table = shelf.scored(shelf.saes.named(asked.sae))
    places = asked.places(table)

    def parts() -> Iterator[str]:
        for at in range(0, max(1, len(places)), AT_ONCE):
            yield table.table.iloc[places[at : at + AT_ONCE]].to_csv(index=False, header=at == 0)

    named = {"content-disposition": 'attachment; filename="features.csv"'}
    return StreamingResponse(parts(), media_type="text/csv; charset=utf-8", headers=named)
