"""What pages of features read: tables, indexes and labels, each kept open for as long as its files stay as they are."""

from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, cast

import numpy as np
from fastapi import Depends, Request

from assay.errors import InputError
from assay.features.chooser import Chooser
from assay.features.labels.book import FILE, LabelBook, Labelled
from assay.features.place import read_table
from assay.report.feature_counts import Kind, kinds
from assay.report.features import field_picture
from assay.runs.home import Home
from assay.runs.strict import clean
from assay.sae.index.find import open_reader, reader_files
from assay.sae.index.reader import IndexReader
from assay.sae.shipped import open_sae
from assay.web.kept import Kept, stamp_of
from assay.web.saes import Named, Saes

if TYPE_CHECKING:
    import pandas as pd

TABLES = 3
"""Tables kept at once: one of a million features takes a gigabyte."""


class Scored(Chooser):
    """A table of all features with what a page shows of all of them together, made once."""

    def __init__(self, table: "pd.DataFrame", title: str) -> None:
        super().__init__(table)
        self._title = title
        self._book: LabelBook | None = None

    def labelled_by(self, book: LabelBook) -> None:
        """Search by the labels of a book, too; done once for each."""
        if book is not self._book:
            self.also_called({feature: book[feature].label for feature in book})
            self._book = book

    @cached_property
    def kinds(self) -> list[Kind]:
        """How many features have each reading."""
        return kinds(self.table)

    @cached_property
    def picture(self) -> str:
        """Where all of them lie between the scores, as an SVG."""
        return field_picture(self.table, self._title)

    def rows(self, places: Any) -> list[dict[str, Any]]:
        """Some rows as JSON-able dicts, None where nothing is."""
        chosen = self.table.iloc[places]
        # A missing label is its own kind of nothing, which is no JSON.
        return cast(
            "list[dict[str, Any]]",
            clean(chosen.astype(object).where(chosen.notna(), None).to_dict("records")),
        )

    def of(self, feature: int) -> dict[str, Any] | None:
        """The row of one feature, or None."""
        found = np.flatnonzero(self.table["feature"].to_numpy() == feature)
        return self.rows(found[:1])[0] if len(found) else None


class Shelf:
    """``Shelf(home)``: one for as long as the server runs."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.saes = Saes(home)
        self._tables: Kept[Scored] = Kept(TABLES)
        self._indexes: Kept[IndexReader | None] = Kept(TABLES)
        self._books: Kept[LabelBook] = Kept(TABLES)

    def table(self, sae: Named) -> Scored | None:
        """The table of an SAE's features; None where they have not been scored."""
        path = sae.place(self.home).table_file()
        if path is None:
            return None
        title = f"the features of {sae.name}"
        found = self._tables.get(path, stamp_of(path), lambda: Scored(read_table(path), title))
        found.labelled_by(self.book(sae))
        return found

    def scored(self, sae: Named) -> Scored:
        """The same, where nothing can be done without it. Raises InputError where there is none."""
        found = self.table(sae)
        if found is None:
            raise InputError(
                f"the SAE {sae.name}, whose features have not been scored",
                "a table of their scores",
                f"make it: assay features score --all --sae {sae.source}",
            )
        return found

    def index(self, sae: Named) -> IndexReader | None:
        """The index of an SAE that was finished last, else the digest that came with it, if any."""
        cache = self.home.cache
        files = reader_files(cache, sae.hash, sae.folder)
        if not files:
            return None

        def opened() -> IndexReader | None:
            return open_reader(cache, sae.hash, sae.folder, lambda: open_sae(sae.source))

        return self._indexes.get(files[0].parent, stamp_of(*files), opened)

    def book(self, sae: Named) -> LabelBook:
        """All labels of an SAE's features."""
        place = sae.place(self.home)
        return self._books.get(place.own, stamp_of(place.own / FILE, sae.folder / FILE), place.labels)

    def label(self, sae: Named, label: Labelled) -> None:
        """Keep a further label; whoever asks for the book next reads it anew."""
        sae.place(self.home).labels().add([label])


def shelf_of(request: Request) -> Shelf:
    """The shelf of the server that answers, made when it is first asked for."""
    state = request.app.state
    if not hasattr(state, "shelf"):
        state.shelf = Shelf(state.assay.home)
    return cast(Shelf, state.shelf)


Shelved = Annotated[Shelf, Depends(shelf_of)]
"""The parameter of a route that needs any of it."""
