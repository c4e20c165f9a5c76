"""A sentence whose tokens are shaded by how strongly a feature fires on them.

Tokens that it fires on are buttons, of which only the strongest takes part in the tab order: the page's script goes on
to the others with the arrow keys. Each says its value, so that no colour is needed to read it; the rest is plain text.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any

from markupsafe import Markup, escape

from assay.report.heatmap import level
from assay.report.svg import tag
from assay.report.text import one_line, token
from assay.report.words import number

LONGEST = 600
"""Most tokens that are shown of one sentence."""
_SPACE = " \t\n\r"


def heat(sentence: Mapping[str, Any], most: float | None = None) -> Markup:
    """The sentence as one paragraph; shades are shares of ``most``, by default of its own largest activation."""
    values = activations(sentence)
    tokens = [str(piece) for piece in sentence.get("tokens") or ()][:LONGEST]
    own = max(values, default=0.0)
    # A maximum that the sentence is far above is none of this feature's.
    full = most if most is not None and isfinite(most) and most > own / 100 else own
    if not tokens:
        return tag("p", one_line(sentence.get("text") or "", 4000), class_="heat", dir="auto")
    told = f"{number(own)} at most; the arrow keys go through the tokens it fires on" if own > 0 else None
    return tag(
        "p",
        *_parts(tokens, values, full, values.index(own) if own > 0 else -1),
        class_="heat",
        dir="auto",
        role="group" if told else None,
        aria_label=told and f"Sentence, {told}",
    )


def activations(sentence: Mapping[str, Any]) -> list[float]:
    """One for each token; what is no number, or below 0, is 0."""
    tokens, given = sentence.get("tokens") or (), sentence.get("activations") or ()
    known = [float(value) if value is not None and isfinite(value) else 0.0 for value in given]
    return [max(value, 0.0) for value in (known + [0.0] * len(tokens))[: len(tokens)]]


def strongest(sentences: Sequence[Mapping[str, Any]]) -> float:
    """The largest activation in some sentences; 0 where there is none."""
    return max((value for sentence in sentences for value in activations(sentence)), default=0.0)


def _parts(tokens: Sequence[str], values: Sequence[float], full: float, peak: int) -> Iterator[Markup]:
    quiet = ""
    # A sentence's first token may begin with the space before it.
    first = tokens[0].lstrip(_SPACE) or tokens[0]
    for place, piece in enumerate([first, *tokens[1:]]):
        value = values[place]
        if value <= 0:
            quiet += piece
            continue
        lead, ink, trail = _cut(piece)
        if quiet + lead:
            yield escape(one_line(quiet + lead, 8000))
        yield _button(ink or token(piece), value, full, place == peak)
        quiet = trail
    if quiet:
        yield escape(one_line(quiet, 8000))


def _cut(piece: str) -> tuple[str, str, str]:
    """White space before a token's text, the text, and what follows it; a token of nothing else stays whole."""
    ink = piece.strip(_SPACE)
    if not ink:
        return "", "", ""
    at = piece.index(ink)
    return piece[:at], ink, piece[at + len(ink) :]


def _button(ink: str, value: float, full: float, peak: bool) -> Markup:
    told = f"{number(value)}, {value / full:.0%} of {number(full)}"
    return tag(
        "button",
        one_line(ink, 80),
        type="button",
        class_=f"tok heat-{level(value, full)}{' peak' if peak else ''}",
        title=told,
        tabindex="0" if peak else "-1",
    )
