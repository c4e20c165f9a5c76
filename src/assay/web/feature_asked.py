"""What pages and programs may ask of features: each value with its limits, before anything is looked up."""

from typing import Annotated, Any
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field

from assay.features.chooser import Chooser, Places
from assay.web.maker import Maker
from assay.web.saes import DEFAULT
from assay.web.text import LARGEST_SEED, LARGEST_SEQ, Long, Short


class Choice(BaseModel):
    """Some rows of the table of all features, in an order."""

    sae: Short = DEFAULT
    sort: Short = "mui"
    rising: bool = False
    reading: Short = ""
    leaning: Short = ""
    search: Short = ""
    review: bool = False
    noise: bool = False

    def places(self, table: Chooser) -> Places:
        """Of the rows of a table. Raises InputError for a column or a reading that does not exist."""
        return table.places(
            sort=self.sort,
            rising=self.rising,
            reading=self.reading or None,
            leaning=self.leaning or None,
            search=self.search or None,
            review=self.review,
            noise=self.noise,
        )


class PageOf(Choice):
    """One page of them."""

    page: int = Field(default=1, ge=1, le=LARGEST_SEQ)

    def link(self, **changes: Any) -> str:
        """The address of the same list with some of it changed; what is as usual is left out. Without a page among
        the changes it begins at the first."""
        asked = {**self.model_dump(), "page": 1, **changes}
        told = {
            name: value for name, value in asked.items() if value != type(self).model_fields[name].default
        }
        words = urlencode({name: int(value) if value is True else value for name, value in told.items()})
        return f"/features?{words}" if words else "/features"

    def sorted_by(self, column: str) -> str:
        """The address of the list sorted by a column, the other way round where it is that already."""
        same = column == self.sort and not self.review
        return self.link(sort=column, rising=not self.rising if same else column == "feature", review=False)

    @property
    def csv(self) -> str:
        """The address of all rows of the list as a CSV file."""
        return f"/api/features/table.csv{self.link().removeprefix('/features')}"

    @property
    def plain(self) -> bool:
        """Whether nothing but an SAE was asked for."""
        return self == PageOf(sae=self.sae)


class PartOf(Choice):
    """A part of them, for programs."""

    limit: int = Field(default=50, ge=1, le=1000)
    offset: int = Field(default=0, ge=0, le=LARGEST_SEQ)


class Body(BaseModel):
    """What a write may say of a feature; anything else is turned away."""

    model_config = ConfigDict(extra="forbid")

    sae: Short = DEFAULT


class Asking(Body):
    """Something that a language model may help with."""

    base_url: Short | None = None
    """Address of the server that it is asked at; null: the provider's own."""
    timeout: Annotated[float, Field(allow_inf_nan=False)] | None = None
    """Seconds to wait for one answer of it; null: as usual."""
    seed: int = Field(default=0, ge=0, le=LARGEST_SEED)
    """With another one a language model is asked anew, and other sentences are drawn."""

    def maker(self, name: str | None) -> Maker:
        """The model of this name at that server."""
        return Maker(name, self.base_url, self.timeout)


class Score(Asking):
    """Score it live: under a label given for this time, else under its own."""

    label: Short | None = None
    sentences: Short | None = None
    """Who writes the label's sentences, llm:MODEL or local:MODEL; null: held-out text is searched."""


class Relabel(Asking):
    """Look for a better label."""

    generator: Short | None = None
    """Who proposes labels, llm:MODEL or local:MODEL; null: assay itself, by rule."""


class Label(Body):
    """Call it something else."""

    label: Short


class Text(Body):
    """See where it fires in a text."""

    text: Long
