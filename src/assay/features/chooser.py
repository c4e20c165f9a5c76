"""Rows of one table chosen again and again: what ``choice.chosen_features`` gives, without sorting each time.

An order is made once for each column; filters only leave rows out of it, so that a million features are filtered,
searched and sorted within a page's time.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assay.errors import InputError
from assay.features.choice import NOISE, known, small
from assay.features.labelling import review_queue
from assay.features.table import NAMES

if TYPE_CHECKING:
    import pandas as pd

ORDERS = 16
"""Orders that are kept at once; of a million features each takes four megabytes."""
NEEDED = ("feature", "label", "name", "leaning", "ratio", "mui")
"""Columns without which nothing can be chosen."""

_BETWEEN = "\0"
"""Stands between two labels of a feature that are searched as one: no search can span it."""

Places = NDArray[np.int32]
Mask = NDArray[np.bool_]


class Chooser:
    """``Chooser(table).places(sort="mui")``: raises InputError for a table that lacks a column it needs."""

    def __init__(self, table: "pd.DataFrame") -> None:
        lacking = [column for column in NEEDED if column not in table]
        if lacking:
            raise InputError(
                f"a table of features without the column {lacking[0]}",
                "the columns " + ", ".join(NEEDED),
                "make it again: assay features score --all",
            )
        self.table = table.reset_index(drop=True)
        self._orders: dict[tuple[str, bool], Places] = {}

    def places(
        self,
        *,
        sort: str = "mui",
        rising: bool = False,
        reading: str | None = None,
        leaning: str | None = None,
        search: str | None = None,
        review: bool = False,
        noise: bool = False,
    ) -> Places:
        """Numbers of rows of the table in the order of ``chosen_features``, whose words these are.

        ``rising`` puts the smallest value first, missing ones still last; ``leaning`` keeps those that lean to one
        reading by their values alone. Raises InputError for a column or a reading that does not exist.
        """
        known("column", sort, list(self.table.columns))
        order = self._review if review else self._order(sort, rising)
        kept = self._kept(reading, leaning, noise)
        if search:
            kept = kept & self._saying(search)
        return order[kept[order]]

    def also_called(self, labels: Mapping[int, str]) -> None:
        """From now on a search finds features by these labels, too: the table's are those that they were scored under,
        and others may have been given since."""
        import pandas as pd

        features = np.fromiter(labels, np.int64, len(labels))
        rows = self._rows.get_indexer(pd.Index(features))
        given = np.array(list(labels.values()), object)[rows >= 0]
        rows = rows[rows >= 0]
        other = given != self.table["label"].to_numpy(object, na_value="")[rows]
        told = small(self.table["label"])
        if other.any():
            both = told.to_numpy(object)
            both[rows[other]] += _BETWEEN + small(self._series(given[other])).to_numpy(object)
            told = self._series(both)
        self._small = told

    @property
    def columns(self) -> list[str]:
        """Names that rows can be sorted by."""
        return list(self.table.columns)

    def _order(self, sort: str, rising: bool) -> Places:
        key = sort, rising
        if key not in self._orders:
            column = self.table[sort].sort_values(ascending=rising, na_position="last", kind="stable")
            while len(self._orders) >= ORDERS:
                self._orders.pop(next(iter(self._orders)), None)
            self._orders[key] = column.index.to_numpy(np.int32)
        return self._orders[key]

    def _kept(self, reading: str | None, leaning: str | None, noise: bool) -> Mask:
        kept = np.ones(len(self.table), np.bool_)
        if reading is not None:
            kept &= self._names == NAMES.index(known("reading", reading, NAMES))
        elif not noise:
            kept &= ~np.isin(self._names, [NAMES.index(name) for name in NOISE])
        if leaning is not None:
            kept &= self._leanings == NAMES.index(known("reading", leaning, NAMES))
        return kept

    def _saying(self, search: str) -> Mask:
        found = self._small.str.contains(search.lower(), regex=False)
        return np.asarray(found.to_numpy(np.bool_))

    @cached_property
    def _review(self) -> Places:
        queue = review_queue(self.table[["leaning", "ratio"]])
        return np.asarray(queue.index.to_numpy(np.int32))

    @cached_property
    def _small(self) -> "pd.Series":
        return small(self.table["label"])

    @cached_property
    def _rows(self) -> "pd.Index":
        import pandas as pd

        rows: pd.Index = pd.Index(self.table["feature"].to_numpy(np.int64))
        return rows

    @staticmethod
    def _series(labels: NDArray[np.object_]) -> "pd.Series":
        import pandas as pd

        return pd.Series(labels, dtype="string")

    @cached_property
    def _names(self) -> NDArray[np.int8]:
        return _numbered(self.table["name"])

    @cached_property
    def _leanings(self) -> NDArray[np.int8]:
        return _numbered(self.table["leaning"])


def _numbered(names: "pd.Series") -> NDArray[np.int8]:
    """Each name as its place in NAMES; -1 for one that is none of them."""
    import pandas as pd

    return np.asarray(pd.Categorical(names, categories=list(NAMES)).codes, np.int8)
