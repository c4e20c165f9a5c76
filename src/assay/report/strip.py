"""The causal trace as rows of characters: a heat strip for a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.text import Text

from assay.report.heatmap import peak_of, usable
from assay.report.text import cells, token
from assay.report.words import number

_BLOCKS = " ▁▂▃▄▅▆▇█"
_NAME = 16
_WIDEST = 40
"""Most columns of the strip itself; more layers than that share a column, the strongest showing."""
_ROWS = 14
"""Most tokens shown one by one; the strongest, the subject and the last are always among them."""


def block(value: float, peak: float) -> str:
    """One of nine heights; what is under a sixteenth of the peak, or negative, shows as nothing."""
    return _BLOCKS[min(8, max(0, round(8 * value / peak)))] if peak > 0 else _BLOCKS[0]


def strip(trace: Mapping[str, Any] | None, chosen: int | None, mark: str) -> Iterator[Text]:
    """The lines to print, 78 columns at most, with ``mark`` under the chosen layer.

    None come when there is no usable trace.
    """
    if trace is None or not usable(trace):
        return
    tokens, layers, effect = trace["tokens"], list(trace["layers"]), trace["effect"]
    start, last = trace.get("subject_span") or (0, -1)
    peak = peak_of(effect)
    share = -(-len(layers) // _WIDEST)
    repeat = max(1, _WIDEST // len(layers))
    bins = [range(first, min(first + share, len(layers))) for first in range(0, len(layers), share)]
    columns = {j: [effect[i][j] or 0.0 for i in range(len(layers))] for j in range(len(tokens))}
    rows = _rows(columns, set(range(start, last + 1)))
    yield Text(f"  {'token':>{_NAME}}   {_scale(layers, bins, repeat)}   largest effect", style="dim")
    for j in rows:
        bars = "".join(block(max(columns[j][i] for i in group), peak) * repeat for group in bins)
        best = max(range(len(layers)), key=lambda i: columns[j][i])
        star = "*" if start <= j <= last else " "
        line = Text(f"  {cells(token(tokens[j], _NAME).rjust(_NAME), _NAME)} {star} ")
        line.append(bars, style="cyan")
        line.append(f"   {number(float(columns[j][best]))} at {layers[best]}")
        yield line
    if chosen in layers:
        place = next(k for k, group in enumerate(bins) if layers.index(chosen) in group)
        yield Text(f"{' ' * (_NAME + 5 + place * repeat)}▲ {mark}", style="bold")
    left_out = len(tokens) - len(rows)
    yield Text(
        f"  * subject; height = effect of restoring that layer on P, full = {number(peak)}", style="dim"
    )
    if left_out:
        yield Text(f"  {left_out} weaker tokens not shown", style="dim")


def _rows(columns: Mapping[int, Sequence[float]], subject: set[int]) -> list[int]:
    strongest = sorted(columns, key=lambda j: -max(columns[j]))
    wanted = [*sorted(subject, reverse=True), max(columns), *strongest]
    return sorted(list(dict.fromkeys(wanted))[:_ROWS])


def _scale(layers: Sequence[int], bins: Sequence[range], repeat: int) -> str:
    first, last, width = f"layer {layers[0]}", str(layers[-1]), len(bins) * repeat
    return f"{first}{last:>{width - len(first)}}" if width >= len(first) + len(last) + 1 else " " * width
