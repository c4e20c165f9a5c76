"""A picture that stands alone as a file: no page gives it a style, so its few colours are in it."""

from collections.abc import Iterable

from markupsafe import Markup

from assay.report.svg import picture, tag

STYLE = """
svg { background: #ffffff; font: 13px system-ui, sans-serif; fill: #1b1f24; }
.rail { stroke: #c6ccd4; } .small { font-size: 11px; fill: #57606a; } .strong { font-weight: 600; }
"""


def alone(
    title: str, description: str, style: str, shapes: Iterable[Markup], height: int, width: int
) -> Markup:
    """The whole picture on white, with ``style`` after the common one."""
    return picture(title, description, [tag("style", Markup(STYLE + style)), *shapes], height, width)
