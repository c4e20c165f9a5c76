"""Curves of fixed size: collapse, retention and the optimisation of the edit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor, isclose, isfinite, log10
from sys import float_info
from typing import Any

from markupsafe import Markup

from assay.report.svg import label, picture, tag
from assay.report.words import number

_WIDTH, _HEIGHT = 320, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 90, 26, 36
_LINE = 13
"""Least distance in pixels between two labels in the right margin."""


@dataclass(frozen=True)
class Curve:
    """What a curve needs besides its points."""

    title: str
    x: str
    y: str
    line: float | None = None
    """A threshold, drawn across."""
    line_name: str = ""
    top: float = 0.0
    """Least upper end of the y axis."""
    names: Sequence[str] = ()
    """One tooltip per point."""


def curve(points: Sequence[tuple[float, float]], how: Curve) -> Markup | None:
    """A line with marks through ``points`` (x ascending); None when there are no finite points."""
    points = [(x, y) for x, y in points if isfinite(x) and isfinite(y)]
    if not points:
        return None
    high = _round_up(max(how.top, how.line or 0.0, *(y for _, y in points)))
    first, last = points[0][0], points[-1][0]
    wide, tall = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

    def at(x: float, y: float) -> tuple[float, float]:
        along = (x - first) / (last - first) if last > first else 0.5
        return _LEFT + wide * along, _TOP + tall * (1 - max(y, 0.0) / high)

    digits = _digits(high)
    shapes = [label(_LEFT - 38, 14, how.y, "small", limit=44)]
    for share in (0.0, 0.5, 1.0):
        y = at(first, high * share)[1]
        shapes.append(tag("line", x1=_LEFT, x2=_LEFT + wide, y1=y, y2=y, class_="rail"))
        shapes.append(label(_LEFT - 6, y + 4, _tick(high * share, high, digits), "small", "end"))
    for x in _ticks([x for x, _ in points]):
        shapes.append(label(at(x, 0)[0], _TOP + tall + 16, f"{x:g}", "small", "middle"))
    shapes.append(label(_LEFT + wide / 2, _HEIGHT - 4, how.x, "small", "middle", limit=44))
    end = at(*points[-1])[1]
    if how.line is not None:
        y = at(first, how.line)[1]
        shapes.append(tag("line", x1=_LEFT, x2=_LEFT + wide, y1=y, y2=y, class_="threshold"))
        words = f"{how.line_name} {number(how.line)}".strip()
        below = y + 4 if abs(y - end) >= _LINE else (end + 4 + _LINE if y >= end else end + 4 - _LINE)
        shapes.append(label(_LEFT + wide + 8, below, words, "small", limit=16))
    shapes.append(label(_LEFT + wide + 8, end + 4, number(points[-1][1], max(2, digits)), "small strong"))
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*point) for point in points))
    shapes.append(tag("polyline", points=path, class_="curve"))
    if len(points) <= 30:
        for i, point in enumerate(points):
            name = how.names[i] if i < len(how.names) else f"{point[0]:g}"
            x, y = at(*point)
            shapes.append(
                tag("circle", tag("title", f"{name}: {number(point[1], 3)}"), cx=x, cy=y, r=4, class_="after")
            )
    told = f"{how.y} from {number(points[0][1], 3)} to {number(points[-1][1], 3)} over {how.x}"
    if how.line is not None:
        told += f"; {how.line_name} line at {number(how.line)}"
    return picture(how.title, told, shapes, _HEIGHT, _WIDTH, "chart curve-chart")


def _round_up(value: float) -> float:
    """The end of an axis: the next of 1, 1.5, 2, 3, 4, 5, 8 times a power of ten."""
    if value < float_info.min:  # also for a subnormal number, whose power of ten would be 0
        return 1.0
    power = 10.0 ** floor(log10(value))
    return next(step * power for step in (1, 1.5, 2, 3, 4, 5, 8, 10) if step * power >= value * (1 - 1e-9))


def _tick(value: float, high: float, digits: int) -> str:
    """A number beside the axis; what decimals would be too wide for is written with a power of ten."""
    return f"{value:.2g}" if high < 0.001 and value else number(value, digits)


def _digits(high: float) -> int:
    """Decimals with which half of an axis is written as it is."""
    if high >= 10:
        return 1
    return next((n for n in range(2, 6) if isclose(round(high / 2, n), high / 2)), 6)


def _ticks(xs: Sequence[float]) -> list[float]:
    step = max(1, -(-(len(xs) - 1) // 5))
    return [x for i, x in enumerate(xs) if i % step == 0]


def _steps(bench: Mapping[str, Any]) -> tuple[list[tuple[float, float]], list[str]]:
    steps = [step for step in bench.get("steps") or () if step.get("value") is not None]
    points = [(float(step.get("index", i)), float(step["value"])) for i, step in enumerate(steps)]
    names = [f"after {step.get('index')}: {step.get('subject')} → {step.get('target')}" for step in steps]
    return points, names


def collapse_curve(bench: Mapping[str, Any], line: float) -> Markup | None:
    """Mean KL on neutral prompts against the number of further edits, collapsing at ``line`` nats."""
    points, names = _steps(bench)
    how = Curve("Collapse curve", "further edits", "mean KL, nats", line, "collapse", 0.0, names)
    return curve(points, how)


def retention_curve(bench: Mapping[str, Any]) -> Markup | None:
    """What is left of the first edit's probability against the number of further edits."""
    points, names = _steps(bench)
    line = bench.get("threshold")
    return curve(
        points, Curve("Retention curve", "further edits", "share of P kept", line, "pass", 1.0, names)
    )


def loss_curve(edit: Mapping[str, Any]) -> Markup | None:
    """The loss of the edit's optimisation, nats, step by step."""
    return curve(_series(edit.get("loss")), Curve("Optimisation loss", "step", "loss, nats"))


def target_curve(edit: Mapping[str, Any]) -> Markup | None:
    """The probability of the target during the edit's optimisation."""
    how = Curve("Target during optimisation", "step", "P(target)", top=1.0)
    return curve(_series(edit.get("p_target")), how)


def _series(values: Any) -> list[tuple[float, float]]:
    series = values if isinstance(values, Sequence) and not isinstance(values, str) else ()
    return [(float(i), float(value)) for i, value in enumerate(series) if value is not None]
