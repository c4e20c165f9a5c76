"""The causal trace as a picture: one row per token, one column per layer."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from markupsafe import Markup

from assay.report.svg import label, picture, tag
from assay.report.text import token
from assay.report.words import number

LEVELS = 9
"""Steps of the colour ramp (``heat-0`` is the background's neighbour, ``heat-8`` the strongest)."""

_NAMES, _ROW, _TOP, _BOTTOM = 150, 20, 40, 66
_SPACE = 640
"""Pixels shared by the layer columns, where each then is 9 to 22 wide."""


def level(value: float, peak: float) -> int:
    """The ramp's step for ``value`` between nothing and ``peak``; negative effects count as nothing."""
    if peak <= 0 or not isfinite(value):
        return 0
    share = min(1.0, max(0.0, value / peak))
    return min(LEVELS - 1, int(LEVELS * share))


def peak_of(effect: Sequence[Sequence[float]]) -> float:
    """The largest finite effect; 0 when there is none."""
    return max(
        (value for row in effect for value in row if value is not None and isfinite(value)), default=0.0
    )


def usable(trace: Mapping[str, Any] | None) -> bool:
    """Whether there is a rectangle of effects with a name for each of its rows and columns."""
    if not trace or not trace.get("effect"):
        return False
    effect, tokens, layers = trace["effect"], trace.get("tokens") or (), trace.get("layers") or ()
    return len(effect) == len(layers) and all(len(row) == len(tokens) for row in effect) and bool(tokens)


def heatmap(trace: Mapping[str, Any] | None, chosen: int | None, mark: str) -> Markup | None:
    """Indirect effect of restoring each layer at each token, with ``mark`` over the chosen layer.

    None when there is no usable trace.
    """
    if trace is None or not usable(trace):
        return None
    tokens, layers, effect = trace["tokens"], trace["layers"], trace["effect"]
    start, last = trace.get("subject_span") or (0, -1)
    peak = peak_of(effect)
    side = min(22, max(9, _SPACE // len(layers)))
    wide, tall = side * len(layers), _ROW * len(tokens)
    shapes: list[Markup] = []
    for j, name in enumerate(tokens):
        inside = start <= j <= last
        y = _TOP + _ROW * j
        css = "mono strong" if inside else "mono"
        shapes.append(label(_NAMES - 12, y + 14, token(name), css, "end", limit=18))
        if inside:
            shapes.append(tag("rect", x=_NAMES - 7, y=y + 1, width=3, height=_ROW - 2, class_="subject"))
        for i, at in enumerate(layers):
            value = effect[i][j]
            shown = number(value, 3)
            cell = tag("title", f"{token(name)} · layer {at} · effect {shown}")
            step = level(value if value is not None else 0.0, peak)
            x = _NAMES + side * i
            shapes.append(tag("rect", cell, x=x, y=y, width=side - 1, height=_ROW - 1, class_=f"heat-{step}"))
    shapes += _layer_marks(layers, chosen, mark, side, tall)
    shapes += _legend(peak, tall)
    width = _NAMES + max(wide, 300) + 12
    told = f"{len(tokens)} tokens by {len(layers)} layers, largest effect {number(peak, 3)}"
    return picture("Causal trace", told, shapes, _TOP + tall + _BOTTOM, width, "chart heat-chart")


def _layer_marks(layers: Sequence[int], chosen: int | None, mark: str, side: int, tall: int) -> list[Markup]:
    every = next(step for step in (1, 2, 5, 10, 20, 50, 1000) if step * side >= 24)
    shapes = []
    for i, at in enumerate(layers):
        if at % every == 0:
            shapes.append(label(_NAMES + side * i + side / 2, _TOP + tall + 15, at, "small", "middle"))
    if chosen is not None and chosen in layers:
        x = _NAMES + side * list(layers).index(chosen)
        shapes.append(tag("rect", x=x - 1, y=_TOP - 2, width=side + 1, height=tall + 3, class_="chosen"))
        # A label at the far right would leave the picture, so it leans inwards there.
        anchor = "start" if x < _NAMES + side * len(layers) / 2 else "end"
        at_x = x if anchor == "start" else x + side
        shapes.append(label(at_x, _TOP - 22, mark, "strong", anchor))
        shapes.append(tag("path", d=f"M{x + side / 2:.1f} {_TOP - 5}l-5 -8h10z", class_="chosen-tip"))
    return shapes


def _legend(peak: float, tall: int) -> list[Markup]:
    y = _TOP + tall + 36
    shapes = [label(_NAMES - 12, _TOP + tall + 15, "layer", "small", "end")]
    shapes.append(label(_NAMES - 12, y + 11, "effect on P", "small", "end"))
    for step in range(LEVELS):
        shapes.append(tag("rect", x=_NAMES + 24 * step, y=y, width=24, height=12, class_=f"heat-{step}"))
    shapes.append(label(_NAMES, y + 26, "≤ 0", "small"))
    shapes.append(label(_NAMES + 12 * LEVELS, y + 26, number(peak / 2, 3), "small", "middle"))
    shapes.append(label(_NAMES + 24 * LEVELS, y + 26, number(peak, 3), "small", "end"))
    return shapes
