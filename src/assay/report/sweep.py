"""A sweep as one picture that stands alone: four figures against the sparsity setting."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from assay.report.curves import Curve, curve
from assay.report.svg import picture, tag

PANELS = (
    ("l0", "Active features per token", "L0", 0.0),
    ("ev", "Explained variance, held out", "1 - FVU", 1.0),
    ("recovered_zero", "Loss recovered against zeros", "share", 1.0),
    ("dead", "Features that never fired", "share", 0.0),
)
"""Figure of an Evaluation, title, axis, and least upper end of the axis."""
WIDTH, HEIGHT = 330, 200
STYLE = """
svg { background: #ffffff; font: 13px system-ui, sans-serif; fill: #1b1f24; }
.rail { stroke: #c6ccd4; } .small { font-size: 11px; fill: #57606a; } .strong { font-weight: 600; }
.curve { fill: none; stroke: #1a7f64; stroke-width: 2; } .after { fill: #1a7f64; }
"""


def sweep_picture(name: str, rows: Sequence[Mapping[str, Any]]) -> Markup:
    """The SVG of a sweep over ``name`` (k or l1); ``rows`` have the value and the evaluation's figures."""
    shapes = [tag("style", Markup(STYLE))]
    for number, (key, title, axis, top) in enumerate(PANELS):
        points = sorted((float(row[name]), float(row[key])) for row in rows if row[key] is not None)
        drawn = curve(points, Curve(title, name, f"{title} ({axis})", top=top))
        if drawn is not None:
            x, y = WIDTH * (number % 2), HEIGHT * (number // 2)
            shapes.append(tag("g", drawn, transform=f"translate({x} {y})"))
    words = (
        f"L0, explained variance, loss recovered and dead share of {len(rows)} autoencoders against {name}."
    )
    return picture("Sparsity sweep", words, shapes, 2 * HEIGHT, 2 * WIDTH)
