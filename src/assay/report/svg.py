"""SVG as escaped text: the four lines of XML that every picture needs, and nothing more.

Colours are classes (``tone-good``, ``heat-3``), never values, so that one style sheet serves light, dark
and print, and a page can forbid inline styles.
"""

from collections.abc import Iterable

from markupsafe import Markup, escape

from assay.report.text import clean, one_line


def _attribute(value: object) -> str:
    # Three digits are finer than a pixel and keep the file the same on every machine.
    return f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else clean(value)


def tag(name: str, *inside: Markup | str, **attributes: object) -> Markup:
    """One element. ``class_`` is class, ``text_anchor`` is text-anchor; strings are cleaned and escaped."""
    words = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_attribute(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    body = "".join(part if isinstance(part, Markup) else escape(clean(part)) for part in inside)
    return Markup(f"<{name}{words}>{body}</{name}>")  # every part is escaped above


def label(
    x: object, y: object, words: object, css: str = "", anchor: str = "start", limit: int = 60
) -> Markup:
    """A text label; what does not fit in ``limit`` characters is in its tooltip."""
    full, short = one_line(words, 400), one_line(words, limit)
    title = tag("title", full) if full != short else ""
    return tag("text", title, short, x=x, y=y, text_anchor=anchor, class_=css or None)


def picture(
    title: str,
    description: str,
    shapes: Iterable[Markup],
    height: int,
    width: int | None = None,
    css: str = "chart",
) -> Markup:
    """A whole picture with its title and description.

    With ``width`` it has that size in pixels. Without, it is as wide as its place and its shapes use
    percentages along x, so that text and marks keep their size on a phone.
    """
    return tag(
        "svg",
        tag("title", one_line(title)),
        tag("desc", one_line(description, 600)),
        *shapes,
        xmlns="http://www.w3.org/2000/svg",
        role="img",
        aria_label=one_line(f"{title}. {description}", 600),
        class_=css,
        width=width if width is not None else "100%",
        height=height,
        viewBox=f"0 0 {width} {height}" if width is not None else None,
    )
