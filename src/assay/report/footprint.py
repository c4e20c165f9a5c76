"""The feature footprint in words and pictures: what carries the subject, and which features the edit moved."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup
from rich.padding import Padding
from rich.text import Text

from assay.report.cards import Run
from assay.report.lines import fitting, heading, paragraph
from assay.report.svg import label, picture, tag
from assay.report.text import cells, one_line
from assay.report.words import NONE, Word, number

PURITY: Mapping[str, Word] = {
    "high": Word("high", "H", "good", "bold green"),
    "low": Word("low", "L", "bad", "bold red"),
    "uncertain": Word("uncertain", "U", "unsure", "bold yellow"),
    "unscored": Word("unknown", "?", "none", "dim"),
}
"""The verdict on a feature's purity; the symbol is always shown."""

_ROWS = 6
"""Features that a terminal lists."""
_WIDTHS = (8, 17, 7, 9, 8)
"""Columns of its table: feature, subject's last token, on subject, elsewhere, purity; the label has the rest."""
_LABEL = 19


def exists(run: Run) -> bool:
    """Whether an autoencoder was read in this run."""
    return bool(run.get("carried") or run.get("footprint"))


def warning(run: Run) -> str | None:
    """The warning before the edit, or why there could be none; None when all is well or nothing was asked."""
    found = run.get("carried") or {}
    if found.get("warning"):
        return f"Warning: {found['warning']}"
    return f"No warning possible before the edit: {found['reason']}." if found.get("reason") else None


def sentences(run: Run) -> list[str]:
    """The footprint in sentences; the reason where there is none."""
    found = run.get("footprint") or {}
    totals = found.get("totals") or {}
    if not totals:
        why = found.get("reason") or "there is no committed edit"
        return [f"No footprint: {why}."]
    return [
        f"After block {found.get('layer')} the edit (block {found.get('edit_layer')}) moved the residual stream by "
        f"{share(totals.get('relative_on_subject'))} of its length from the subject's last token on "
        f"({_prompts(found.get('n_subject'))}), by {share(totals.get('relative_elsewhere'))} elsewhere "
        f"({_prompts(found.get('n_elsewhere'))}). {_explained(totals)}",
        f"Features that moved on the subject: {number(totals.get('born'))} born, "
        f"{number(totals.get('silenced'))} silenced, {number(totals.get('moved'))} active before and after. "
        + _purity(found, totals),
    ]


def _prompts(n: Any) -> str:
    return "1 prompt" if n == 1 else f"{number(n)} prompts"


def _explained(totals: Mapping[str, Any]) -> str:
    value, cosine = totals.get("explained"), f"cosine {number(totals.get('cosine'))}"
    if not isinstance(value, int | float):
        return "It changed nothing that the SAE reads."
    if value < 0:
        return f"Features do not add up to that change ({cosine}): the SAE's error changed by more than the stream."
    return f"Features explain {share(value)} of that change ({cosine}); the rest is in the SAE's error."


def _purity(found: Mapping[str, Any], totals: Mapping[str, Any]) -> str:
    low, parts = found.get("low_purity"), totals.get("purity") or {}
    if low is not None:
        return f"Of what features changed there, {share(low)} is in features of low purity."
    if not parts:
        return "No feature changed."
    known = sum(float(parts.get(key) or 0) for key in ("high", "low", "uncertain"))
    return (
        f"Purity is known for {share(known)} of what they changed only."
        if known
        else "Their purity is not known."
    )


def share(value: Any) -> str:
    """A share as a percentage; one digit below a tenth, so that little is not nothing."""
    if not isinstance(value, int | float):
        return NONE
    return f"{value:.0%}" if abs(value) >= 0.095 or value == 0 else f"{100 * value:.1g}%"


def move(before: Any, after: Any) -> str:
    """``0.31 → 4.2``: an activation before and after."""
    return f"{_brief(before)} → {_brief(after)}"


def _brief(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, int | float) else NONE


def purity(row: Mapping[str, Any]) -> Word:
    """The verdict on a feature's purity, in words and a letter."""
    return PURITY.get(str(row.get("verdict")), PURITY["unscored"])


def lines(run: Run) -> Iterator[Text | Padding]:
    """What a terminal of 80 columns shows; nothing when no autoencoder was read."""
    if not exists(run):
        return
    found = run.get("footprint") or {}
    sae = (found or run.get("carried") or {}).get("sae")
    yield heading("Feature footprint", f"which features of the SAE {one_line(sae, 30)} the edit moved")
    told = warning(run)
    if told:
        yield paragraph(told, style="bold yellow" if told.startswith("Warning") else "dim")
    for words in sentences(run):
        yield paragraph(words)
    rows = list(found.get("on_subject") or ())[:_ROWS]
    if rows:
        names = ("feature", "at the subject", "on it", "elsewhere", "purity")
        yield _line([*names, "label"], dim=True)
        for row in rows:
            yield _line(_cells(row))
    away = [f"{row.get('feature')} ({_brief(row.get('elsewhere'))})" for row in found.get("elsewhere") or ()]
    if away:
        yield Text(f"  most elsewhere: {fitting(away, 60)}", style="dim")


def _cells(row: Mapping[str, Any]) -> list[str]:
    return [
        number(row.get("feature")).replace(",", ""),
        move(row.get("subject_before"), row.get("subject_after")),
        _brief(row.get("on_subject")),
        _brief(row.get("elsewhere")),
        f"{purity(row).symbol} {number(row.get('purity'))}",
        str(row.get("label") or "no label"),
    ]


def _line(words: Sequence[str], dim: bool = False) -> Text:
    parts = [cells(word, wide) for word, wide in zip(words, (*_WIDTHS, _LABEL), strict=True)]
    return Text("  " + "  ".join(parts).rstrip(), style="dim" if dim else "")


def longest(found: Mapping[str, Any]) -> float:
    """The longest bar that the tracks of a footprint need."""
    rows = [*(found.get("on_subject") or ()), *(found.get("elsewhere") or ())]
    return max((float(row.get(key) or 0) for row in rows for key in ("on_subject", "elsewhere")), default=0.0)


def track(row: Mapping[str, Any], most: float) -> Markup:
    """One feature's change as two bars: on the subject above, elsewhere below.

    The upper bar's shade is the purity, and its letter stands at the bar's end.
    """
    word = purity(row)
    here, there = (
        float(row.get(key) or 0) / most if most > 0 else 0.0 for key in ("on_subject", "elsewhere")
    )
    shapes = [
        tag("rect", x="0%", y=2, width=_wide(here), height=10, class_=f"moved-on pure-{word.tone}"),
        tag("rect", x="0%", y=15, width=_wide(there), height=5, class_="moved-off"),
        label(f"{92 * min(here, 1.0) + 1:.2f}%", 12, word.symbol, "strong"),
    ]
    told = (
        f"on the subject {_brief(row.get('on_subject'))}, elsewhere {_brief(row.get('elsewhere'))}, "
        f"purity {word.word}"
    )
    return picture(f"Feature {row.get('feature')}", told, shapes, 22)


def _wide(value: float) -> str:
    return f"{92 * min(max(value, 0.0), 1.0):.2f}%"
