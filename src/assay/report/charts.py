"""Pictures that are as wide as their place: a score, a probe, a check, each on its own short track.

All positions along x are percentages; one unit interval runs from 3% to 97% so that marks at 0 and 1
are not cut in half.
"""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from markupsafe import Markup

from assay.report.cards import Bench
from assay.report.svg import label, picture, tag
from assay.report.view import check_title, sentence
from assay.report.words import AT_MOST, Word, interval, number, probability

_LEFT, _SPAN = 3.0, 94.0


def _x(value: float) -> str:
    return f"{_LEFT + _SPAN * min(max(value, 0.0), 1.0):.2f}%"


def _wide(value: float) -> str:
    return f"{_SPAN * min(max(value, 0.0), 1.0):.2f}%"


def _track(middle: int) -> list[Markup]:
    lines = [tag("line", x1=_x(0), x2=_x(1), y1=middle, y2=middle, class_="rail")]
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        lines.append(tag("line", x1=_x(tick), x2=_x(tick), y1=middle - 3, y2=middle + 3, class_="rail"))
    return lines


def axis() -> Markup:
    """The scale over a column of tracks."""
    ticks = [label(_x(tick), 13, f"{tick:g}", "small", "middle") for tick in (0.0, 0.25, 0.5, 0.75, 1.0)]
    return picture("Scale", "Scores from 0 to 1, higher is better.", ticks, 18)


def score_track(card: Bench) -> Markup:
    """One benchmark's score with its 95% interval, threshold and ceiling; unscored shows no mark at all."""
    return track_of(card.title, card.word, card.data, card.note)


def track_of(title: str, word: Word, data: Mapping[str, Any], note: str | None = None) -> Markup:
    """The same for any score's dict."""
    middle = 12
    score, threshold, ceiling = data.get("score"), data.get("threshold"), data.get("ceiling")
    shapes = _track(middle)
    words = [word.word]
    if threshold is not None:
        shapes.append(tag("line", x1=_x(threshold), x2=_x(threshold), y1=2, y2=22, class_="threshold"))
        words.append(f"threshold {number(float(threshold))}")
    if score is None or not isfinite(score):
        far = ("97%", "end") if (threshold or 0) < 0.5 else ("3%", "start")
        shapes.append(label(far[0], middle + 4, word.word, "small boxed", far[1]))
        return picture(title, ", ".join([*words, note or ""]), shapes, 24)
    tone = f"tone-{word.tone}"
    span: Sequence[float] | None = data.get("interval")
    if span:
        width = _wide(float(span[1]) - float(span[0]))
        shapes.append(
            tag("rect", x=_x(span[0]), y=middle - 4, width=width, height=8, rx=4, class_=f"band {tone}")
        )
        words.append(f"95% interval {interval(span)}")
    if ceiling is not None and ceiling < 1:
        shapes.append(
            tag("line", x1=_x(ceiling), x2=_x(ceiling), y1=middle - 7, y2=middle + 7, class_="ceiling")
        )
        words.append(f"ceiling {number(float(ceiling))}")
    shapes.append(_mark(word.tone, _x(score), middle))
    return picture(f"{title} {number(float(score))}", ", ".join(words), shapes, 24)


def _mark(tone: str, x: str, middle: int) -> Markup:
    # The shape says what the colour says: disc passes, square fails, ring is uncertain.
    if tone == "bad":
        corner = tag("rect", x=-5.5, y=-5.5, width=11, height=11, class_="mark tone-bad")
        return tag("svg", corner, x=x, y=middle, overflow="visible")
    return tag("circle", cx=x, cy=middle, r=6 if tone == "good" else 5, class_=f"mark tone-{tone}")


def probe_track(probe: Mapping[str, Any]) -> Markup:
    """A dumbbell: P(target) before (ring) and after (disc), and where the known answer stood (diamond).

    On a probe of another fact the known answer is what must not move, so it has a dumbbell of its own.
    """
    before, after, middle = probe.get("p_before"), probe.get("p_after"), 12
    expected = probe.get("expected_p_before")
    shapes, words = _track(middle), []
    if before is not None and after is not None:
        shapes.append(tag("line", x1=_x(before), x2=_x(after), y1=middle, y2=middle, class_="move"))
    moved = probe.get("expected_p_after") if not probe.get("is_positive", True) else None
    if expected is not None:
        shapes.append(_diamond(expected, middle, "expected"))
        words.append(f"known answer before {probability(expected)}")
    if expected is not None and moved is not None:
        shapes.append(tag("line", x1=_x(expected), x2=_x(moved), y1=middle, y2=middle, class_="moved"))
        shapes.append(_diamond(moved, middle, "expected now"))
        words.append(f"known answer after {probability(moved)}")
    if before is not None:
        shapes.append(tag("circle", cx=_x(before), cy=middle, r=4, class_="before"))
        words.insert(0, f"before {probability(before)}")
    if after is not None:
        shapes.append(tag("circle", cx=_x(after), cy=middle, r=5, class_="after"))
        words.insert(1, f"after {probability(after)}")
    return picture(f"P({probe.get('target')})", ", ".join(words) or "not measured", shapes, 24)


def _diamond(value: float, middle: int, css: str) -> Markup:
    shape = tag("path", d="M0 -7L5 0L0 7L-5 0Z", class_=css)
    return tag("svg", shape, x=_x(value), y=middle, overflow="visible")


def value_track(value: float | None, what: str, held_at: float = 0.5) -> Markup:
    """One probability on a track, with the line above which an edit counts as held."""
    shapes = [*_track(12), tag("line", x1=_x(held_at), x2=_x(held_at), y1=2, y2=22, class_="threshold")]
    if value is not None:
        shapes.append(_mark("good" if value >= held_at else "bad", _x(value), 12))
    return picture(what, f"{number(value)}, line at {number(held_at)}", shapes, 24)


def check_bar(check: Mapping[str, Any]) -> Markup:
    """One validation check as a bullet: the shaded side passes, the mark is the figure.

    The scale is chosen so that the threshold lies well inside it, and its ends are written out: a CKA
    of 0.98 on a scale from 0 to 1 would show nothing.
    """
    value, threshold = check.get("value"), check.get("threshold")
    if threshold is None:
        return picture(
            check_title(check), "no threshold recorded", [label(0, 14, "no threshold recorded")], 20
        )
    most = check.get("direction") in AT_MOST
    low, high = _scale(float(threshold), most, value)
    line = (threshold - low) / (high - low)
    start, width = (0.0, line) if most else (line, 1 - line)
    shapes = [
        tag("rect", x=_x(0), y=4, width=_wide(1), height=14, class_="bullet"),
        tag("rect", x=_x(start), y=4, width=_wide(width), height=14, class_="bullet-pass"),
        tag("line", x1=_x(line), x2=_x(line), y1=1, y2=21, class_="threshold"),
    ]
    if value is not None and isfinite(value):
        tone = "good" if check.get("passed") else "bad"
        shapes.append(_mark(tone, _x((value - low) / (high - low)), 11))
    digits = 2 if high - low > 0.2 else 3
    shapes += [
        label(_x(0), 34, number(low, digits), "small"),
        label(_x(1), 34, number(high, digits), "small", "end"),
    ]
    if 0.12 < line < 0.88:
        shapes.append(label(_x(line), 34, f"limit {number(float(threshold), digits)}", "small", "middle"))
    return picture(check_title(check), sentence(check), shapes, 38)


def _scale(threshold: float, most: bool, value: float | None) -> tuple[float, float]:
    known = value if value is not None and isfinite(value) else threshold
    if most:
        return 0.0, max(2 * threshold, 1.05 * known) or 1.0
    low = 0.0 if threshold <= 0.9 else 1 - max(4 * (1 - threshold), 0.02)
    return min(low, known), max(1.0, known)
