"""All features of an SAE between three scores: InterpScore across, MUI up, purity as shape and colour.

Both axes show the scores before they are clipped, since most good features would else lie on one point.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from markupsafe import Markup

from assay.report.axes import Axis, Floats, interp_axis, mui_axis
from assay.report.feature_counts import column
from assay.report.svg import label, tag
from assay.report.words import number
from assay.settings import FeatureSettings

if TYPE_CHECKING:
    import pandas as pd

TOP, DOWN = 78, 300
"""The field's upper end and height."""
_LEFT, _ACROSS = 515, 375
BEFORE = 450
"""Pixels to the left of it and of what is written at its axis."""
_COLUMNS, _ROWS = 25, 20
"""Bins of d and of the ratio: marks stay as many however many features there are."""
_LEGEND = 915
STYLE = """
.threshold { stroke: #1b1f24; stroke-dasharray: 4 3; } .frame { fill: none; stroke: #c6ccd4; }
.p0 { fill: #a63a0a; } .p1 { fill: #e08a3c; } .p2 { fill: #8b929b; } .p3 { fill: #4aa38c; } .p4 { fill: #0f5f4c; }
.pn { fill: none; stroke: #57606a; }
"""


def field(table: "pd.DataFrame", settings: FeatureSettings) -> tuple[list[Markup], int]:
    """The field of InterpScore against MUI, and how many features are in it."""
    across, up = interp_axis(), mui_axis(settings)
    d, ratio, purity = (column(table, name) for name in ("d", "ratio", "purity"))
    both = np.isfinite(d) & np.isfinite(ratio)
    d, ratio, purity = d[both], ratio[both], purity[both]
    lines = settings.interp_threshold, settings.mui_threshold / settings.gain
    x, y = _LEFT + _ACROSS * across.at(lines[0]), TOP + DOWN * (1 - up.at(lines[1]))
    shapes = [
        label(_LEFT, 24, "InterpScore against MUI, and purity", "strong"),
        tag("rect", x=_LEFT, y=TOP, width=_ACROSS, height=DOWN, class_="frame"),
        *_marks(d, ratio, purity, across, up, settings),
        tag("line", x1=x, x2=x, y1=TOP, y2=TOP + DOWN, class_="threshold"),
        tag("line", x1=_LEFT, x2=_LEFT + _ACROSS, y1=y, y2=y, class_="threshold"),
        *_scales(across, up),
        *_corners(d >= lines[0], ratio >= lines[1], purity, settings),
        *_legend(settings),
    ]
    told = (
        f"{len(d):,} features; {len(table) - len(d):,} others lack one of the two scores.",
        f"Dashed: the lines, InterpScore {lines[0]:g} and MUI {settings.mui_threshold:g}.",
        "Corners go by the values alone, readings by their intervals too.",
    )
    foot = TOP + DOWN + 86
    shapes += [label(_LEFT, foot + 15 * i, words, "small", limit=80) for i, words in enumerate(told)]
    return shapes, len(d)


def _marks(
    d: Floats, ratio: Floats, purity: Floats, across: Axis, up: Axis, settings: FeatureSettings
) -> Iterator[Markup]:
    """One mark for each bin that holds features: its size says how many, its shape and colour how pure they are."""
    cell = across.bins(d, _COLUMNS) * _ROWS + up.bins(ratio, _ROWS)
    order = np.argsort(cell, kind="stable")
    starts = np.flatnonzero(np.diff(cell[order], prepend=-1))
    groups = np.split(order, starts[1:]) if len(order) else []
    most = max((len(group) for group in groups), default=1)
    side = DOWN / _ROWS
    for group in groups:
        column_, row = divmod(int(cell[group[0]]), _ROWS)
        known = purity[group][np.isfinite(purity[group])]
        pure = float(np.median(known)) if len(known) else None
        told = (
            f"d {across.edge(column_, _COLUMNS):.1f} to {across.edge(column_ + 1, _COLUMNS):.1f}, "
            f"ratio {up.edge(row, _ROWS):.2g} to {up.edge(row + 1, _ROWS):.2g}: {len(group)}, "
            f"purity {number(pure)}"
        )
        x = _LEFT + _ACROSS * (column_ + 0.5) / _COLUMNS
        y = TOP + DOWN * (1 - (row + 0.5) / _ROWS)
        yield _mark(x, y, max(side * (len(group) / most) ** (1 / 3), 3.0), pure, settings, told)


def _mark(
    x: float, y: float, side: float, pure: float | None, settings: FeatureSettings, told: str = ""
) -> Markup:
    """A square reaches the line of purity, a disc does not, a ring has none."""
    title = tag("title", told) if told else ""
    css = f"p{_level(pure, settings)}"
    if pure is not None and pure >= settings.purity_threshold:
        return tag("rect", title, x=x - side / 2, y=y - side / 2, width=side, height=side, class_=css)
    return tag("circle", title, cx=x, cy=y, r=side / 2, class_=css)


def _edges(settings: FeatureSettings) -> tuple[float, ...]:
    line, near = settings.purity_threshold, settings.near
    return line - 2 * near, line - near, line + near, line + 3 * near


def _level(pure: float | None, settings: FeatureSettings) -> int | str:
    return "n" if pure is None else sum(pure >= edge for edge in _edges(settings))


def _scales(across: Axis, up: Axis) -> Iterator[Markup]:
    foot = TOP + DOWN
    for place, words in across.names():
        x = _LEFT + _ACROSS * place
        yield tag("line", x1=x, x2=x, y1=foot, y2=foot + 4, class_="rail")
        yield label(x, foot + 17, words, "small", "middle")
    for place, words in up.names():
        y = foot - DOWN * place
        yield tag("line", x1=_LEFT - 4, x2=_LEFT, y1=y, y2=y, class_="rail")
        yield label(_LEFT - 8, y + 4, words, "small", "end")
    yield label(_LEFT + _ACROSS / 2, foot + 34, across.title, "small", "middle")
    turned = label(0, 0, up.title, "small", "middle")
    yield tag("g", turned, transform=f"translate({_LEFT - 44} {TOP + DOWN // 2}) rotate(-90)")


def _corners(
    predicted: np.ndarray, used: np.ndarray, purity: Floats, settings: FeatureSettings
) -> Iterator[Markup]:
    """How many features lie in each corner, and what share of those with a purity reach its line."""
    for high, y in ((True, TOP - 20), (False, TOP + DOWN + 52)):
        for right, x, anchor in ((False, _LEFT, "start"), (True, _LEFT + _ACROSS, "end")):
            inside = (used == high) & (predicted == right)
            known = purity[inside][np.isfinite(purity[inside])]
            pure = f"{(known >= settings.purity_threshold).mean():.0%}" if len(known) else "–"
            name = f"InterpScore {'high' if right else 'low'}, MUI {'high' if high else 'low'}"
            yield label(x, y, name, "small", anchor)
            yield label(x, y + 14, f"{int(inside.sum()):,}, purity high in {pure}", "small strong", anchor)


def _legend(settings: FeatureSettings) -> Iterator[Markup]:
    line, (first, second, third, last) = settings.purity_threshold, _edges(settings)
    yield label(_LEGEND, TOP + 10, "median purity", "small strong")
    rows = (
        (last, f"{last:.2f} and more"),
        (third, f"{third:.2f}–{last:.2f}"),
        (line, f"{line:.2f}–{third:.2f}"),
        (second, f"{second:.2f}–{line:.2f}"),
        (first, f"{first:.2f}–{second:.2f}"),
        (0.0, f"under {first:.2f}"),
        (None, "none"),
    )
    for place, (pure, words) in enumerate(rows):
        y = TOP + 30 + 20 * place
        yield _mark(_LEGEND + 7, y - 4, 11.0, pure, settings)
        yield label(_LEGEND + 20, y, words, "small")
    for place, words in enumerate(
        ("square: at or above", f"the line, {line:g}; disc: below", "size: how many")
    ):
        yield label(_LEGEND, TOP + 182 + 15 * place, words, "small")
