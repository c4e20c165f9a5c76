"""All features of an SAE at once: how many have each reading, and where they lie between the scores."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup
from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.text import Text

from assay.features.reading import DEAD, UNDECIDED
from assay.report.alone import alone
from assay.report.feature_counts import (
    TITLES,
    Kind,
    column,
    flags,
    kinds,
    line_of,
    reasons,
    spread,
)
from assay.report.feature_field import BEFORE, STYLE, TOP, field
from assay.report.feature_sets import comparison_picture
from assay.report.lines import bar, heading, paragraph
from assay.report.svg import label, tag
from assay.report.text import cells, one_line
from assay.report.words import NONE, number
from assay.settings import FeatureSettings

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["comparison_picture", "field_picture", "render_summary", "summary_picture"]
WIDTH, HEIGHT = 1075, 504
_ROW = 27
_NAMES, _BARS, _LONGEST = 172, 222, 75
"""Right end of the readings' names, left end of the bars, and the longest bar."""
_STYLE = """
.firm { fill: #1a7f64; } .leaning { fill: #ffffff; stroke: #1a7f64; }
.open { fill: #b9c0c9; } .gone { fill: #6b7480; }
"""
_REASONS = 3
"""Most reasons shown of those why a score is missing."""


def summary_picture(
    table: "pd.DataFrame",
    title: str = "Features of an autoencoder",
    settings: FeatureSettings | None = None,
) -> str:
    """An SVG: readings as bars with counts and shares, and InterpScore against MUI with purity.

    ``table`` has one row per feature, NaN where unscored; the marks are bins, so that the file stays small. Both
    axes show the scores before they are clipped, since most good features would else lie on one point.
    """
    chosen = settings or FeatureSettings()
    found = kinds(table)
    places, n = field(table, chosen)
    shapes = [
        label(12, 24, title, "strong", limit=56),
        *_readings(found, len(table)),
        *_lacking(table, len(found)),
        *places,
    ]
    told = ", ".join(f"{kind.n:,} {kind.name}" for kind in found if kind.n)
    words = f"{len(table):,} features: {told}. InterpScore against MUI of the {n:,} features that have both."
    return str(alone(title, words, STYLE + _STYLE, shapes, HEIGHT, WIDTH))


def field_picture(
    table: "pd.DataFrame",
    title: str = "Features of an autoencoder",
    settings: FeatureSettings | None = None,
) -> str:
    """The right part of that picture by itself, for a page that says the counts in its own words."""
    places, n = field(table, settings or FeatureSettings())
    words = f"InterpScore against MUI of the {n:,} features that have both, of {len(table):,}."
    moved = tag("g", *places, transform=f"translate({-BEFORE} 0)")
    return str(alone(title, words, STYLE + _STYLE, [moved], HEIGHT, WIDTH - BEFORE))


def _readings(found: list[Kind], total: int) -> Iterator[Markup]:
    yield label(12, 50, "What the three scores say together", "strong")
    yield label(
        12, 66, f"{total:,} features; H or L: InterpScore, purity, MUI high or low", "small", limit=70
    )
    most = max(kind.n + (kind.leaning or 0) for kind in found) or 1
    for place, kind in enumerate(found):
        y = TOP + _ROW * place + 18
        css = {UNDECIDED: "open", DEAD: "gone"}.get(kind.name, "firm" if kind.pattern else "open")
        wide = max(_LONGEST * kind.n / most, 1.0 if kind.n else 0.0)
        yield label(_NAMES, y, kind.name, anchor="end", limit=24)
        yield label(_NAMES + 10, y, kind.pattern, "small")
        yield tag("rect", x=_BARS, y=y - 12, width=wide, height=15, class_=css)
        words = f"{kind.n:,}, {kind.share:.1%}"
        if kind.leaning:
            more = max(_LONGEST * kind.leaning / most, 1.0)
            yield tag("rect", x=_BARS + wide, y=y - 12, width=more, height=15, class_="leaning")
            wide, words = wide + more, f"{words} + {kind.leaning:,}"
        yield label(_BARS + wide + 6, y, words)


def _lacking(table: "pd.DataFrame", rows: int) -> Iterator[Markup]:
    """What the two readings that are none mean, and how many features lack each score."""
    without = [
        f"{TITLES[score] if score != 'purity' else 'purity'} {int(np.isnan(column(table, score)).sum()):,}"
        for score in ("interp", "purity", "mui")
    ]
    lines = (
        "undecided: an interval straddles its line, or a score is missing",
        *(["+, hollow: undecided, but of this reading by the values alone"] if "leaning" in table else []),
        "dead: fires on no token of the corpus",
        f"without a score: {', '.join(without)}",
    )
    for place, words in enumerate(lines):
        yield label(12, TOP + _ROW * rows + 26 + 16 * place, words, "small", limit=80)


def render_summary(
    table: "pd.DataFrame",
    console: Console,
    title: str = "features",
    settings: FeatureSettings | None = None,
) -> None:
    """Print counts per reading, each score's spread, and why features have none, in 80 columns."""
    chosen = settings or FeatureSettings()
    for line in (*_header(table, title), *_counts(kinds(table)), *_spreads(table, chosen), *_reasons(table)):
        console.print(line)


def _header(table: "pd.DataFrame", title: str) -> Iterator[Rule | Text]:
    yield Rule(Text(one_line(title, 70)), align="left", style="dim")
    dead, dense = flags(table, "dead"), flags(table, "dense")
    yield Text(f"  {len(table):,} features: {len(table) - dead:,} live, {dead:,} dead, {dense:,} dense")


def _counts(found: list[Kind]) -> Iterator[Text]:
    yield heading("Readings", "H or L: InterpScore, purity, MUI high or low")
    most = max(kind.n for kind in found) or 1
    told = any(kind.leaning is not None for kind in found)
    for kind in found:
        line = Text(f"  {cells(kind.name, 22)}  ")
        line.append(f"{kind.pattern:3}  ", style="dim")
        line.append(bar(kind.n / most, 14), style="" if kind.pattern else "dim")
        line.append(f"  {kind.n:>9,}  {kind.share:>6.1%}")
        line.append(f"  {kind.leaning:>7,}" if kind.leaning is not None else "", style="dim")
        yield line
    if told:
        yield Text("  Last column: undecided ones that lean to it, by their values alone.", style="dim")


def _spreads(table: "pd.DataFrame", settings: FeatureSettings) -> Iterator[Text]:
    yield heading("Scores", "middle half: between the quarters")
    names = ("median", "middle half", "reach", "", "scored", "not")
    yield Text(f"  {'':21}" + _SPREAD.format(*names), style="dim")
    for score, title in TITLES.items():
        line = line_of(score, settings)
        found = spread(column(table, score), line)
        yield Text(
            f"  {('  ' if score.startswith('corpus_') else '') + title:21}"
            + _SPREAD.format(
                number(found.median),
                NONE if found.low is None else f"{number(found.low)}–{number(found.high)}",
                f"≥ {line:.2g}",
                NONE if found.reach is None else f"{found.reach:.0%}",
                f"{found.n:,}",
                f"{found.missing:,}",
            )
        )
    for name, title, digits in (("d", "d, unclipped", 2), ("ratio", "plain ratio of MUI", 4)):
        found = spread(column(table, name), 0.0)
        span = NONE if found.low is None else f"{number(found.low, digits)}–{number(found.high, digits)}"
        yield Text(f"  {title:21}  {number(found.median, digits):>6}  {span:>13}", style="dim")


_SPREAD = "  {:>6}  {:>13}  {:>5} {:>4}  {:>9}  {:>9}"
"""Median, quarters, line, share that reaches it, scored and not."""


def _reasons(table: "pd.DataFrame") -> Iterator[Text | Padding]:
    given = {score: reasons(table, score) for score in TITLES}
    if any(given.values()):
        yield heading("Not scored", "the commonest reasons")
    for score, found in given.items():
        if not found:
            continue
        title = "FeaturePurityScore " if score.startswith("corpus_") else ""
        yield Text(f"  {title}{TITLES[score]}: {sum(n for _, n in found):,}")
        for words, n in found[:_REASONS]:
            yield paragraph(f"{n:>9,}  {words}", 2, "dim")
        rest = found[_REASONS:]
        if rest:
            yield paragraph(f"{sum(n for _, n in rest):>9,}  for {len(rest)} other reasons", 2, "dim")
