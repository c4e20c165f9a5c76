"""Strangers' text made inert: prompts, tokens and generated paragraphs can hold anything.

Control characters, direction overrides and lone surrogates are shown as what they are instead of acting
on the terminal or the page. Markup is escaped later, by whoever writes the markup.
"""

import re
from typing import Any

from rich.cells import cell_len, set_cell_size

LIMIT = 4000
"""Most characters of one string that a page shows: a paragraph fits, a megabyte does not."""

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls, tab and newline excepted
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # direction marks and overrides
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"  # what neither UTF-8 nor XML can carry
)


def _shown(match: re.Match[str]) -> str:
    code = ord(match.group())
    if code < 0x20:
        return chr(0x2400 + code)  # the control pictures: NUL becomes ␀
    if code < 0xD800 or 0xFDD0 > code > 0xDFFF:
        return f"[U+{code:04X}]"
    return "\ufffd"


def clean(value: Any, limit: int = LIMIT) -> str:
    """``value`` as text that cannot act: at most ``limit`` characters, and says so when it cut."""
    text = str(value)
    cut = len(text) > limit
    shown = _HIDDEN.sub(_shown, text[:limit])
    return f"{shown}… [{limit:,} of {len(text):,} characters]" if cut else shown


def one_line(value: Any, limit: int = 200) -> str:
    """``value`` on one line of at most ``limit`` characters, an ellipsis for the rest."""
    text = str(value)
    # Cleaning can lengthen, so the text is cut twice: before (cost) and after (promise).
    shown = re.sub(r"\s*\n\s*", " ⏎ ", _HIDDEN.sub(_shown, text[: limit + 1])).replace("\t", " ")
    return shown if len(shown) <= limit else shown[: max(limit - 1, 0)] + "…"


def token(value: Any, limit: int = 18) -> str:
    """A token with its leading space made visible, so that ``" Paris"`` and ``"Paris"`` differ."""
    text = str(value)
    shown = "␣" + text[1:] if text.startswith(" ") else text
    return one_line(shown.replace("\n", "⏎"), limit)


def cells(value: Any, width: int) -> str:
    """``value`` cut or padded to exactly ``width`` terminal columns (wide characters count two)."""
    text = one_line(value, width + 1)
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(text, max(width - 1, 0)) + "…"[:width]
