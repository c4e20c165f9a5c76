"""Where what is known of an SAE's features lies: in the user's home, and in the folder of an SAE that brought it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assay.errors import StoreError
from assay.features.labels.book import FILE, LabelBook

if TYPE_CHECKING:
    import pandas as pd

TABLE = "features.parquet"


@dataclass(frozen=True)
class Place:
    """The folders of one SAE's features."""

    own: Path
    """What this user's commands write; by the hash of the SAE, so that a copy of it finds the same."""
    shipped: Path | None
    """The SAE's folder, where it may have brought labels and a table; only read."""

    @property
    def table_path(self) -> Path:
        """The table that scoring all features writes."""
        return self.own / TABLE

    def sample_path(self, n: int) -> Path:
        """The table that scoring ``n`` features drawn at random writes."""
        return self.own / f"features-{n}.parquet"

    def labels(self) -> LabelBook:
        """All labels, the SAE's own ones and the user's after them."""
        return LabelBook(self.own / FILE, self.shipped / FILE if self.shipped else None)

    def table(self) -> "pd.DataFrame | None":
        """The scores of all features, the user's table before the SAE's own; None where there is neither.

        Raises StoreError for a file that is no such table.
        """
        found = self.table_file()
        return None if found is None else read_table(found)

    def table_file(self) -> Path | None:
        """Where the table is that ``table`` reads."""
        files = (folder / TABLE for folder in (self.own, self.shipped) if folder is not None)
        return next((file for file in files if file.is_file()), None)


def read_table(path: Path) -> "pd.DataFrame":
    """A table of scores. Raises StoreError for a file that is none."""
    import pandas as pd

    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError) as error:  # pyarrow's own errors are of these kinds
        raise _unreadable(path, str(error).splitlines()[0]) from error
    if "feature" not in table:
        raise _unreadable(path, "it has no column feature")
    return table


def _unreadable(path: Path, why: str) -> StoreError:
    return StoreError(
        f"{path}, which cannot be read: {why}",
        "the table that assay features score --all wrote",
        "move the file away and make it again",
    )


def place_of(home: Path, sae_hash: str, folder: Path | None) -> Place:
    """The place of an SAE under the home."""
    return Place(home / "features" / sae_hash[:16], folder)
