"""Lines of a terminal of 80 columns: a heading, a named line, a bar, a sentence with its strongest token marked."""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

from rich.cells import cell_len
from rich.padding import Padding
from rich.text import Text

from assay.report.text import cells, one_line, token
from assay.report.words import number

NAME = 11
"""Columns of a line's name."""
BESIDE = 65
"""Columns beside a name."""
_SENTENCE = 67
"""Columns of a sentence."""
_PEAK = 24
"""Most characters of the marked token."""
_LEFT = 0.6
"""Share of a line that the words before the peak get, where there are enough on both sides."""
_EIGHTHS = " ▏▎▍▌▋▊▉"


def heading(words: str, aside: str = "") -> Text:
    """The first line of a part, an empty line before it."""
    line = Text(f"\n{words}", style="bold")
    if aside:
        line.append(f"  {aside}", style="not bold dim")
    return line


def named(name: str, words: str) -> Text:
    """One line with a name before it."""
    line = Text(f"  {name:<{NAME}} ", style="dim")
    line.append(words, style="not dim")
    return line


def paragraph(words: Any, indent: int = 2, style: str = "") -> Padding:
    """Words that are wrapped and stay indented."""
    return Padding(Text(one_line(words, 900), style=style), (0, 2, 0, indent))


def fitting(words: Sequence[str], width: int = BESIDE) -> str:
    """As many as fit on one line."""
    line = ""
    for word in words:
        longer = f"{line} · {word}" if line else word
        if cell_len(longer) > width:
            break
        line = longer
    return line


def joined(words: Sequence[str], width: int) -> list[str]:
    """All of them on as many lines as they need, none of them broken unless it alone is too long."""
    lines: list[str] = []
    for word in words:
        fits = lines and cell_len(f"{lines[-1]} · {word}") <= width
        if fits:
            lines[-1] += f" · {word}"
        else:
            lines.append(word)
    return lines


def small_share(density: float) -> str:
    """A share, as a percentage where that has digits to show."""
    return f"{density:.1%}" if density >= 0.001 else f"{density:.1g}"


def bar(share: float, width: int) -> str:
    """A bar of ``width`` columns, filled from the left to an eighth of a column; what is not 0 shows."""
    eighths = min(max(round(8 * width * share), int(share > 0)), 8 * width)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(width)


def sentence_line(sentence: Mapping[str, Any]) -> Text:
    """The ``value``, and the ``tokens`` around the one at ``peak``, which is marked; one line, however long.

    Nothing is marked where the feature is silent, or where no peak is known.
    """
    value, tokens, peak = sentence["value"], sentence.get("tokens") or (), sentence.get("peak")
    fires = value is not None and isfinite(value) and value > 0
    line = Text(f"  {number(value, 0 if fires and value >= 1000 else 2):>8}  ", style="dim")
    if not fires or peak is None or not 0 <= peak < len(tokens):
        words = "".join(tokens) or sentence.get("text") or ""
        line.append(cells(one_line(words.strip(), 4000), _SENTENCE), style="not dim")
        line.rstrip()
        return line
    before, mark, after = _around(tokens, peak)
    room = _SENTENCE - cell_len(mark)
    right = min(cell_len(after), max(room - cell_len(before), int(room * (1 - _LEFT))))
    line.append(_tail(before, room - right), style="not dim")
    line.append(mark, style="bold not dim")
    line.append(cells(after, right), style="not dim")
    line.rstrip()
    return line


def context(before: str, text: str, width: int) -> Text:
    """A marked token and as much of what stands before it as fits."""
    start, mark, _ = _around([before, text], 1)
    line = Text(_tail(start, max(width - cell_len(mark), 0)))
    line.append(mark, style="bold")
    return line


def _around(tokens: Sequence[str], peak: int) -> tuple[str, str, str]:
    """What stands before the peak, the marked peak, and what stands after it."""
    before, after = ("".join(some) for some in (tokens[:peak], tokens[peak + 1 :]))
    text = tokens[peak]
    inside = text.strip()
    gap = text[: len(text) - len(text.lstrip())] if inside else ""
    shown = one_line(inside, _PEAK) if inside else token(text, _PEAK)
    return one_line((before + gap).lstrip(), 4000), f"⟦{shown}⟧", one_line(after.rstrip(), 4000)


def _tail(text: str, width: int) -> str:
    """The end of a text in at most so many columns."""
    if cell_len(text) <= width:
        return text
    at = max(0, len(text) - width)
    while cell_len(text[at:]) >= width:
        at += 1
    return "…" + text[at:]
