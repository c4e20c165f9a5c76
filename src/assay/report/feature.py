"""One feature in a terminal of 80 columns: how often it fires, on what, and what it writes."""

from collections.abc import Iterator, Mapping, Sequence
from math import log1p
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.rule import Rule
from rich.text import Text

from assay.report.strip import block
from assay.report.text import cells, one_line, token
from assay.report.words import number, signed

_NAME = 11
_WIDE = 65
"""Columns beside a name."""
_SENTENCE = 67
"""Columns of a sentence."""
_PEAK = 24
"""Most characters of the marked token."""
_LEFT = 0.6
"""Share of a line that the words before the peak get, where there are enough on both sides."""


def render_feature(document: Mapping[str, Any], console: Console) -> None:
    """Print what ``assay sae show`` shows of ``feature_document``'s dict."""
    for line in (*_header(document), *_writes(document), *_sentences(document)):
        console.print(line)


def _header(document: Mapping[str, Any]) -> Iterator[Rule | Text]:
    sae, n = document["sae"], document["corpus"]["tokens"]
    title = Text(f"feature {document['feature']}")
    about = f"  of {sae['features']:,} at layer {sae['layer']}, {sae['id']}"
    title.append(one_line(about, 60), style="dim")
    yield Rule(title, align="left", style="dim")
    if document["dead"]:
        yield Text(f"  It fires on none of {n:,} tokens of {one_line(document['corpus']['name'], 30)}.")
        return
    often = f"{document['n_tokens']:,} of {n:,} tokens, {_share(document['density'])}"
    yield _field("fires on", often + (": dense" if document["dense"] else ""))
    yield _field("strength", f"mean {number(document['mean'])}, largest {number(document['max'])}")
    quantiles = [f"{row['share']:.0%} {number(row['value'])}" for row in document["quantiles"]]
    yield _field("quantiles", _fitting(quantiles))
    counts = document["histogram"]["counts"]
    bars = _bars(counts)
    yield _field("histogram", f"0 {bars} {number(document['max'])}")
    told = f"tokens in {len(counts)} equal bins; heights are logarithms, full = {max(counts):,}"
    yield Text(f"  {'':{_NAME}} {told}", style="dim")


def _writes(document: Mapping[str, Any]) -> Iterator[Text]:
    for name, key in (("promotes", "promoted"), ("suppresses", "suppressed")):
        if document[key] is not None:
            words = [f"{token(row['token'])} {signed(row['logit'])}" for row in document[key]]
            yield _field(name, _fitting(words))
    if document["nearest"] is not None:
        nearest = [f"{row['feature']} ({number(row['cosine'])})" for row in document["nearest"]]
        yield _field("nearest", _fitting(nearest))


def _sentences(document: Mapping[str, Any]) -> Iterator[Text]:
    if document["dead"]:
        return
    yield _heading("Top sentences", "largest activation, ⟦its token⟧")
    for sentence in document["top"]:
        yield _line(sentence)
    yield _heading("Over its whole range", "drawn from each tenth, the weakest first")
    for tenth in document["deciles"]:
        for sentence in tenth:
            yield _line(sentence)


def _heading(words: str, aside: str) -> Text:
    line = Text(f"\n{words}", style="bold")
    line.append(f"  {aside}", style="not bold dim")
    return line


def _field(name: str, words: str) -> Text:
    line = Text(f"  {name:<{_NAME}} ", style="dim")
    line.append(words, style="not dim")
    return line


def _share(density: float) -> str:
    return f"{density:.1%}" if density >= 0.001 else f"{density:.1g}"


def _fitting(words: Sequence[str]) -> str:
    """As many as fit beside a name."""
    line = ""
    for word in words:
        longer = f"{line} · {word}" if line else word
        if cell_len(longer) > _WIDE:
            break
        line = longer
    return line


def _bars(counts: Sequence[int]) -> str:
    """A height for each bin; what is not empty shows."""
    full = log1p(max(counts))
    return "".join(block(max(log1p(count), full / 8) if count else 0.0, full) for count in counts)


def _line(sentence: Mapping[str, Any]) -> Text:
    value = sentence["value"]
    line = Text(f"  {number(value, 2 if value < 1000 else 0):>8}  ", style="dim")
    before, mark, after = _around(sentence["tokens"], sentence["peak"])
    room = _SENTENCE - cell_len(mark)
    right = min(cell_len(after), max(room - cell_len(before), int(room * (1 - _LEFT))))
    line.append(_tail(before, room - right), style="not dim")
    line.append(mark, style="bold not dim")
    line.append(cells(after, right), style="not dim")
    line.rstrip()
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
