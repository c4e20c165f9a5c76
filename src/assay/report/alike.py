"""How alike sentences are, two by two: a square of cosines as a picture, and as the rows of a table."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from markupsafe import Markup

from assay.report.heatmap import LEVELS, level
from assay.report.svg import label, picture, tag
from assay.report.words import number

_SIDE, _EDGE, _FOOT = 20, 30, 44
MOST = 40
"""Sentences of one picture at most."""


def usable(alike: Mapping[str, Any] | None) -> bool:
    """Whether there is a square of cosines of at least two sentences, with a place for each."""
    if not alike:
        return False
    of, cosine = alike.get("of") or (), alike.get("cosine") or ()
    return len(of) == len(cosine) >= 2 and all(len(row) == len(of) for row in cosine)


def square(alike: Mapping[str, Any] | None, what: str) -> Markup | None:
    """Rows and columns are sentences by the number they have in their list; None where there is no square.

    Shades go from a cosine of 0, or below, to 1. What is on the diagonal is a sentence and itself, and left empty.
    """
    if alike is None or not usable(alike):
        return None
    names = [int(place) + 1 for place in alike["of"]][:MOST]
    n = len(names)
    shapes = []
    for i, row in enumerate(names):
        middle = _EDGE + _SIDE * i + _SIDE / 2
        shapes.append(label(_EDGE - 6, middle + 4, row, "small", "end"))
        shapes.append(label(middle, _EDGE - 8, row, "small", "middle"))
        for j, column in enumerate(names):
            if i != j:
                shapes.append(_cell(i, j, f"{row} and {column}", alike["cosine"][i][j]))
    shapes += _legend(_EDGE + _SIDE * n + 14)
    width = max(_EDGE + _SIDE * n, _EDGE + 18 * LEVELS) + 24
    told = f"{n} sentences, mean cosine {number(mean(alike))}; the table below has every pair"
    return picture(what, told, shapes, _EDGE + _SIDE * n + _FOOT, width, "chart square-chart")


def mean(alike: Mapping[str, Any]) -> float | None:
    """Of all pairs of two different sentences."""
    cosine: Sequence[Sequence[float | None]] = alike["cosine"]
    known = [
        value for i, row in enumerate(cosine) for value in row[:i] if value is not None and isfinite(value)
    ]
    return sum(known) / len(known) if known else None


def _cell(i: int, j: int, names: str, value: float | None) -> Markup:
    known = value is not None and isfinite(value)
    step = level(value, 1.0) if value is not None and known else 0
    told = tag("title", f"{names}: cosine {number(value)}")
    x, y = _EDGE + _SIDE * j, _EDGE + _SIDE * i
    return tag("rect", told, x=x, y=y, width=_SIDE - 1, height=_SIDE - 1, class_=f"heat-{step}")


def _legend(y: int) -> list[Markup]:
    shapes = [
        tag("rect", x=_EDGE + 18 * step, y=y, width=18, height=10, class_=f"heat-{step}")
        for step in range(LEVELS)
    ]
    ends = ((_EDGE, "≤ 0", "start"), (_EDGE + 18 * LEVELS, "cosine 1", "end"))
    return shapes + [label(x, y + 24, words, "small", anchor) for x, words, anchor in ends]
