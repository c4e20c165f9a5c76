"""Several scorings of the same features beside each other: each score's distribution, set by set.

What a trained SAE's scores are worth shows against the same scores where they should be bad: labels given to
the wrong features, an SAE on a model of random weights.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from assay.report.alone import alone
from assay.report.axes import Axis, Floats, interp_axis, mui_axis, purity_axis, times_axis
from assay.report.feature_counts import Spread, column, flags, line_of, spread
from assay.report.svg import label, tag
from assay.report.words import NONE, number
from assay.settings import FeatureSettings

if TYPE_CHECKING:
    import pandas as pd

TWICE = 2.0
"""Times the KL of a random direction that are drawn as a line; no verdict hangs on it."""
_LEFT, _PANEL, _GAP, _TALL, _ROW, _TOP, _FOOT = 150, 270, 40, 64, 116, 70, 62
_BINS = 40
_STYLE = """
.bars { fill: #1a7f64; fill-opacity: 0.75; } .median { stroke: #1b1f24; stroke-width: 2; }
.threshold { stroke: #1b1f24; stroke-dasharray: 4 3; }
"""


@dataclass(frozen=True)
class Panel:
    """One score, one column of the picture."""

    title: str
    drawn: str
    """Column that is drawn, before it is clipped."""
    unit: str
    """Name of what is drawn."""
    axis: Axis
    line: float
    """The threshold, on the axis."""
    reach: str
    """The threshold in words, on the scale of the score."""


def panels(settings: FeatureSettings) -> tuple[Panel, ...]:
    """The three scores, in the order of a pattern's letters, and the third one against its control."""
    interp, purity, mui = (line_of(score, settings) for score in ("interp", "corpus_purity", "mui"))
    ratio = mui / settings.gain
    about = purity_axis("corpus sentences")
    return (
        Panel("InterpScore", "d", "d", interp_axis(), interp, f"{interp:g}"),
        Panel("FeaturePurityScore", "corpus_purity", "", about, purity, f"{purity:g}"),
        Panel("MUI", "ratio", "ratio", mui_axis(settings), ratio, f"MUI {mui:g}"),
        Panel("MUI against chance", "over_random", "×", times_axis(), TWICE, f"{TWICE:g}"),
    )


def comparison_picture(
    tables: Mapping[str, "pd.DataFrame"],
    title: str = "What the scores are worth",
    settings: FeatureSettings | None = None,
) -> str:
    """An SVG of small multiples: a row for each named table, a column for each score.

    Each has its histogram, the line, the median, the share at or above the line, and how many features have no
    score. Each histogram is as high as its own highest bin; what lies beyond an axis is in its last bin.
    """
    chosen = panels(settings or FeatureSettings())
    shapes = [label(12, 24, title, "strong", limit=120), *_heads(chosen)]
    told: list[str] = []
    for row, (name, table) in enumerate(tables.items()):
        top = _TOP + _ROW * row
        shapes += [
            label(12, top + 34, name, "strong", limit=18),
            label(12, top + 50, f"{len(table):,} features", "small"),
        ]
        dead = flags(table, "dead")
        if dead:
            shapes.append(label(12, top + 65, f"{dead:,} of them dead", "small"))
        for place, panel in enumerate(chosen):
            values = column(table, panel.drawn)
            found = spread(values, panel.line)
            shapes += _panel(values, found, panel, _LEFT + (_PANEL + _GAP) * place, top)
            told.append(f"{name}, {panel.title}: {_median(found, panel)}, {_reach(found, panel)}")
    height, width = _TOP + _ROW * len(tables) + _FOOT, _LEFT + (_PANEL + _GAP) * len(chosen)
    shapes += _feet(chosen, _TOP + _ROW * len(tables))
    return str(alone(title, "; ".join(told), _STYLE, shapes, height, width))


def _heads(chosen: tuple[Panel, ...]) -> Iterator[Markup]:
    for place, panel in enumerate(chosen):
        yield label(_LEFT + (_PANEL + _GAP) * place, 54, panel.title, "strong")


def _panel(values: Floats, found: Spread, panel: Panel, left: int, top: int) -> Iterator[Markup]:
    foot = top + _TALL
    counts = np.bincount(panel.axis.bins(values[np.isfinite(values)], _BINS), minlength=_BINS)
    yield tag("line", x1=left, x2=left + _PANEL, y1=foot, y2=foot, class_="rail")
    if found.n:
        yield tag("path", d=_steps(counts, left, foot), class_="bars")
    x = left + _PANEL * float(panel.axis.at(panel.line))
    yield tag("line", x1=x, x2=x, y1=top, y2=foot + 4, class_="threshold")
    if found.median is not None:
        x = left + _PANEL * float(panel.axis.at(found.median))
        yield tag("line", x1=x, x2=x, y1=foot - 7, y2=foot + 7, class_="median")
    yield label(left, foot + 19, f"{_median(found, panel)}; {_reach(found, panel)}", "small strong")
    yield label(left, foot + 33, f"{found.n:,} scored, {found.missing:,} not scored", "small")


def _steps(counts: np.ndarray, left: int, foot: int) -> str:
    """The outline of a histogram."""
    wide, most = _PANEL / _BINS, counts.max()
    path = [f"M{left} {foot}"]
    for i, count in enumerate(counts.tolist()):
        path.append(f"V{foot - _TALL * count / most:.1f}H{left + wide * (i + 1):.1f}")
    return "".join(path) + f"V{foot}Z"


def _median(found: Spread, panel: Panel) -> str:
    if found.median is None:
        return f"median {NONE}"
    digits = 4 if panel.axis.log and found.median < 0.01 else 3 if panel.axis.log else 2
    words = number(found.median, digits).replace("-", "−")
    return f"median {panel.unit} {words}" if panel.unit else f"median {words}"


def _reach(found: Spread, panel: Panel) -> str:
    share = NONE if found.reach is None else f"{found.reach:.0%}"
    return f"{share} reach {panel.reach}"


def _feet(chosen: tuple[Panel, ...], top: int) -> Iterator[Markup]:
    for place, panel in enumerate(chosen):
        left = _LEFT + (_PANEL + _GAP) * place
        for at, words in panel.axis.names():
            x = left + _PANEL * at
            yield tag("line", x1=x, x2=x, y1=top + 4, y2=top + 8, class_="rail")
            yield label(x, top + 21, words, "small", "middle")
        yield label(left + _PANEL / 2, top + 37, panel.axis.title, "small", "middle")
    words = (
        "dashed: the line that a score must reach; short mark: the median; each histogram is as high as its fullest "
        "bin; what lies beyond an axis is in its last bin"
    )
    yield label(_LEFT, top + 56, words, "small", limit=200)
