"""The three scores of one feature as a page shows them: each a card with its evidence, complete or not.

All is read from a run's ``feature``, which fills up while the run runs: interp, then purity, then mui, then reading.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, log1p
from typing import Any

from markupsafe import Markup

from assay.features.reading import name_of
from assay.report.alike import square, usable
from assay.report.charts import track_of
from assay.report.feature_naming import cost_words, model_name, written_words
from assay.report.feature_scores import VERDICTS, interp_figures, mui_figures, purity_figures
from assay.report.glossary import FEATURES, Entry
from assay.report.lines import small_share
from assay.report.svg import label, picture, tag
from assay.report.token_heat import activations, heat, strongest
from assay.report.words import NONE, Word, level_word, number

__all__ = ["activations", "heat", "number", "small_share", "square", "strongest", "usable"]
__all__ += ["cost_words", "model_name", "written_words"]

Json = Mapping[str, Any]
SCORES = ("interp", "purity", "mui")
"""In the order of a reading's letters."""
UNITS: Mapping[str, str] = {"interp": "d", "purity": "cosine", "mui": "ratio"}
FIGURES: Mapping[str, Callable[[Json], list[str]]] = {
    "interp": interp_figures,
    "purity": purity_figures,
    "mui": mui_figures,
}
_HIGH = 60
"""Pixels of a histogram's bars."""


@dataclass(frozen=True)
class Card:
    """One score as it is shown."""

    title: str
    entry: Entry
    word: Word
    data: Json
    """The score's dict."""
    raw: str
    """The quantity before clipping, with its name."""
    figures: Sequence[str]

    @property
    def value(self) -> str:
        """As a percentage, or a dash."""
        return percent(self.data.get("score"))

    @property
    def span(self) -> str:
        """The interval as percentages, or nothing."""
        return span(*(self.data.get("interval") or (None, None)))

    @property
    def track(self) -> Markup:
        """The score on a line with its interval and its threshold."""
        return track_of(self.title, self.word, self.data, self.data.get("reason"))


def card(feature: Json | None, id: str) -> Card | None:
    """One of the three scores; None where it is not there yet. Its verdict is the reading's, once there is one: near
    the line of purity that goes by the calibrated one."""
    found = feature or {}
    data = found.get(id)
    if not data:
        return None
    letters = (found.get("reading") or {}).get("pattern") or ""
    place = SCORES.index(id)
    decided = VERDICTS.get(letters[place]) if place < len(letters) else None
    return _card(id, data, decided)


def corpus_card(feature: Json | None) -> Card | None:
    """The purity of corpus sentences that no label has chosen."""
    data = ((feature or {}).get("purity") or {}).get("corpus")
    return _card("purity", data, None) if data else None


def _card(id: str, data: Json, decided: str | None) -> Card:
    value = data.get("raw")
    raw = f"{UNITS[id]} {number(value, 4 if id == 'mui' else 2)}".replace("-", "−") if _known(value) else NONE
    word = level_word(decided or data.get("verdict") or "missing")
    return Card(FEATURES[id].title, FEATURES[id], word, data, raw, FIGURES[id](data))


def percent(value: float | None) -> str:
    """A share of 1 as a percentage; a dash where there is none."""
    return f"{value:.0%}" if _known(value) and value is not None else NONE


def span(low: float | None, high: float | None) -> str:
    """An interval in percent; nothing where there is none."""
    if low is None or high is None or not (_known(low) and _known(high)):
        return ""
    return f"{100 * low:.0f}–{100 * high:.0f}%"


def largest(feature: Json | None, most: float | None) -> float:
    """What the shades of all its sentences are a share of: the largest activation in its index, or in what is there."""
    if most:
        return most
    found = feature or {}
    interp, purity, text = (found.get(name) or {} for name in ("interp", "purity", "text"))
    some = [
        interp.get("matching"),
        interp.get("other"),
        (purity.get("corpus") or {}).get("sentences"),
        [text],
    ]
    return max(strongest(sentences or ()) for sentences in some)


def fired(sentences: Sequence[Json] | None) -> tuple[list[Json], list[Json]]:
    """The sentences that the feature fires on, and those on which it is silent."""
    loud: list[Json] = []
    silent: list[Json] = []
    for one in sentences or ():
        (loud if _known(one.get("value")) and one["value"] > 0 else silent).append(one)
    return loud, silent


def reading_name(reading: Json | None) -> str:
    """The pattern's name in few words."""
    pattern = (reading or {}).get("pattern") or ""
    return "no score" if pattern == "---" else name_of(pattern) if pattern else "none was made"


def bar(value: float | None, most: float, css: str = "own") -> Markup:
    """A share of ``most`` as a bar as wide as its place. The number stands beside it."""
    share = min(max(value / most, 0.0), 1.0) if _known(value) and value is not None and most > 0 else 0.0
    drawn = tag("rect", width=f"{100 * share:.1f}%", height=8, class_=f"gauge-{css}")
    return tag("svg", drawn, class_="gauge", width="100%", height=8, aria_hidden="true")


def top_of(rows: Sequence[Json] | None, *names: str) -> float:
    """The largest finite number under these names."""
    return max((row[name] for row in rows or () for name in names if _known(row.get(name))), default=0.0)


def histogram(found: Json, most: float | None) -> Markup | None:
    """How many tokens a feature fires on at each strength; heights are logarithms. None where it never fires."""
    counts = list(found.get("counts") or ())
    full = max(counts, default=0)
    if not full:
        return None
    wide = 94 / len(counts)
    edges = found["edges"]
    shapes = [tag("line", x1="3%", x2="97%", y1=_HIGH + 4, y2=_HIGH + 4, class_="rail")]
    for place, count in enumerate(counts):
        tall = _HIGH * log1p(count) / log1p(full)
        told = tag("title", f"{number(edges[place])} to {number(edges[place + 1])}: {count:,} tokens")
        x, width = f"{3 + wide * place:.2f}%", f"{wide * 0.86:.2f}%"
        shapes.append(tag("rect", told, x=x, y=_HIGH + 4 - tall, width=width, height=tall, class_="heat-5"))
    shapes += [
        label("3%", _HIGH + 20, "0", "small"),
        label("97%", _HIGH + 20, number(most), "small", "end"),
        label("50%", _HIGH + 20, "activation", "small", "middle"),
    ]
    words = f"{sum(counts):,} tokens in {len(counts)} equal bins from 0 to {number(most)}, at most {full:,} in one"
    return picture("Activations where it fires", f"{words}; heights are logarithms.", shapes, _HIGH + 26)


def _known(value: Any) -> bool:
    return isinstance(value, int | float) and isfinite(value)
