"""A self-check as one picture: every score of every sound and of every planted edit, benchmark by benchmark.

It stands alone as a file, so its few colours are in it; sound edits lie above the line and are filled,
planted ones lie below it and are hollow, so that colour is never the only sign.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from markupsafe import Markup

from assay.report.svg import label, picture, tag
from assay.selfcheck.planted import SOUND

WIDTH, LEFT, RIGHT = 920, 230, 700
ROW, HEAD = 46, 44
STYLE = """
svg { background: #ffffff; font: 13px system-ui, sans-serif; fill: #1b1f24; }
.rail { stroke: #c6ccd4; } .small { font-size: 11px; fill: #57606a; }
.sound { fill: #1a7f64; fill-opacity: 0.55; } .planted { fill: none; stroke: #b3261e; stroke-opacity: 0.6; }
"""


def defects_picture(check: Mapping[str, Any]) -> Markup:
    """The SVG of a self-check's document."""
    rows = check["benchmarks"]
    shapes = [tag("style", Markup(STYLE)), *_heading()]
    for number, row in enumerate(rows):
        shapes += _row(row, HEAD + ROW * number + ROW // 2)
    facts = check["facts"]
    words = (
        f"Scores of sound edits and of edits with planted defects on {facts} facts, with the AUROC of each."
    )
    return picture(
        "Do the benchmarks tell bad edits from good ones?", words, shapes, HEAD + ROW * len(rows), WIDTH
    )


def _heading() -> Iterator[Markup]:
    for x, css, words in ((LEFT, "sound", "sound"), (LEFT + 90, "planted", "planted defect")):
        yield tag("circle", cx=x, cy=14, r=4, class_=css)
        yield label(x + 10, 18, words, "small")
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        yield label(_x(tick), HEAD - 8, f"{tick:g}", "small", "middle")
    yield label(RIGHT + 24, HEAD - 8, "AUROC (95%)", "small")


def _row(row: Mapping[str, Any], middle: int) -> Iterator[Markup]:
    yield label(LEFT - 16, middle + 4, row["title"], anchor="end")
    yield tag("line", x1=LEFT, x2=RIGHT, y1=middle, y2=middle, class_="rail")
    named = {defect["condition"] for defect in row["defects"]}
    for score in row["scores"].get(SOUND, ()):
        yield tag("circle", cx=_x(score), cy=middle - 8, r=4, class_="sound")
    for condition in sorted(named):
        for score in row["scores"].get(condition, ()):
            dot = tag("title", f"{condition}: {score:.2f}")
            yield tag("circle", dot, cx=_x(score), cy=middle + 8, r=4, class_="planted")
    if row["auroc"] is None:
        yield label(RIGHT + 24, middle + 4, "no score to compare")
        return
    low, high = row["auroc_interval"]
    yield label(RIGHT + 24, middle + 4, f"{row['auroc']:.2f}  ({low:.2f}–{high:.2f})")


def _x(value: float) -> float:
    return LEFT + (RIGHT - LEFT) * min(max(value, 0.0), 1.0)
