"""A sweep as one picture that stands alone, and as the cells of a table: figures against the sparsity setting."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from assay.report.alone import alone
from assay.report.curves import Curve, curve
from assay.report.svg import tag
from assay.report.words import NONE

PANELS = (
    ("l0", "Active features per token", "L0", 0.0),
    ("ev", "Explained variance, held out", "1 - FVU", 1.0),
    ("recovered_zero", "Loss recovered against zeros", "share", 1.0),
    ("dead", "Features that never fired", "share", 0.0),
    ("polysemantic", "Polysemantic features", "share of scored", 0.0),
)
"""Figure of a row, title, axis, and least upper end of the axis; a figure that no row has is left out."""
WIDTH, HEIGHT = 330, 200
STYLE = ".curve { fill: none; stroke: #1a7f64; stroke-width: 2; } .after { fill: #1a7f64; }"
COLUMNS = (("l0", "L0"), ("ev", "EV"), ("recovered_zero", "recovered"), ("dead", "dead"), ("dense", "dense"))
"""Figure of a row, and how its column is called."""
POLYSEMANTIC = ("polysemantic", "polysemantic")
"""The column that is there where features were scored."""


def sweep_picture(name: str, rows: Sequence[Mapping[str, Any]]) -> Markup:
    """The SVG of a sweep over ``name`` (k or l1); ``rows`` have the value and the evaluation's figures.

    A row may also have ``polysemantic``, the share of its scored features that are about several things.
    """
    shapes: list[Markup] = []
    for key, title, axis, top in PANELS:
        points = sorted((float(row[name]), float(row[key])) for row in rows if row.get(key) is not None)
        drawn = curve(points, Curve(title, name, f"{title} ({axis})", top=top))
        if drawn is not None:
            x, y = WIDTH * (len(shapes) % 2), HEIGHT * (len(shapes) // 2)
            shapes.append(tag("g", drawn, transform=f"translate({x} {y})"))
    scored = any(row.get("polysemantic") is not None for row in rows)
    figures = f"dead share{' and polysemantic share' if scored else ''}"
    words = f"L0, explained variance, loss recovered, {figures} of {len(rows)} autoencoders against {name}."
    return alone("Sparsity sweep", words, STYLE, shapes, HEIGHT * max(2, -(-len(shapes) // 2)), 2 * WIDTH)


def sweep_table(name: str, rows: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Headings and cells; the polysemantic share has a column where any row has one."""
    scored = any(row.get("polysemantic") is not None for row in rows)
    columns = [*COLUMNS, POLYSEMANTIC] if scored else list(COLUMNS)
    cells = [[f"{row[name]:g}", *(_cell(key, row.get(key)) for key, _ in columns)] for row in rows]
    return [name, *(heading for _, heading in columns)], cells


def _cell(key: str, value: float | None) -> str:
    if value is None:
        return NONE
    return {"l0": f"{value:.1f}", "ev": f"{value:.3f}"}.get(key, f"{value:.1%}")
