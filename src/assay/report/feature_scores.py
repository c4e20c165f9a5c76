"""The card of one feature in a terminal of 80 columns: three scores, what made them, and what they say."""

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.text import Text

from assay.features.reading import TITLES, name_of
from assay.report.feature_naming import written_lines
from assay.report.lines import bar, context, heading, joined, paragraph, sentence_line
from assay.report.text import cells, one_line
from assay.report.words import NONE, interval, level_word, number
from assay.score import LETTERS

Json = Mapping[str, Any]
Line = Rule | Text | Padding
_BAR = 10
"""Columns of a bar: a line of 0.6 lies between two of them."""
_SHOWN = 2
"""Sentences of each set."""
_POSITIONS = 5
VERDICTS = {letter: verdict for verdict, letter in LETTERS.items()}
"""What a letter of a reading's pattern says."""


def render_scores(document: Json, console: Console) -> None:
    """Print what ``assay features score --json`` gives of one feature; any part may be missing or unscored."""
    parts = (
        _header(document),
        _scores(document),
        _sentences(document),
        _positions(document),
        _reading(document),
    )
    for part in parts:
        for line in part:
            console.print(line)


def _header(document: Json) -> Iterator[Line]:
    title = Text(f"feature {document.get('feature')}")
    if document.get("label_source"):
        by = f", {one_line(document['label_author'], 60)}" if document.get("label_author") else ""
        title.append(f"  label: {one_line(document['label_source'], 40)}{by}", style="dim")
    yield Rule(title, align="left", style="dim")
    if document.get("label"):
        yield Padding(Text(one_line(document["label"], 300), style="bold"), (0, 2, 0, 2))
    else:
        yield paragraph("It has no label.", style="dim")


def _scores(document: Json) -> Iterator[Line]:
    interp, purity, mui = (document.get(part) or {} for part in ("interp", "purity", "mui"))
    # The score of the matching sentences stands beside the other source, or under a name of its own.
    matching, corpus = purity.get("matching") or purity, purity.get("corpus")
    letters = (document.get("reading") or {}).get("pattern") or ""
    yield heading("Three scores", "┊ the line; 95% interval; raw value; n scored")
    rows = (
        (TITLES[0], interp, "d", interp_figures(interp)),
        (TITLES[1], matching, "cos", purity_figures(matching)),
        (TITLES[2], mui, "ratio", mui_figures(mui)),
    )
    for place, (title, score, unit, figures) in enumerate(rows):
        letter = letters[place] if place < len(letters) else ""
        yield _row(title, score, unit, VERDICTS.get(letter))
        yield from _below(score, figures)
        if place == 1 and corpus:
            yield _row("  corpus sentences", corpus, "cos", None)
            yield from _below(corpus, purity_figures(corpus))


def _row(title: str, score: Json, unit: str, decided: str | None) -> Text:
    """One score: bar, percentage, interval, verdict, raw value, n; 78 columns.

    ``decided`` is the reading's verdict, which near the line of purity goes by the calibrated one.
    """
    word = level_word(decided or score.get("verdict") or "missing")
    value, span = score.get("score"), score.get("interval")
    known = value is not None and isfinite(value)
    share = float(value) if value is not None and known else 0.0
    line = Text(f"  {cells(title, 18)} ")
    line.append(_marked_bar(share, score.get("threshold")), style="" if known else "dim")
    line.append(f" {f'{value:.0%}' if known else NONE:>4} ", style="bold" if known else "dim")
    line.append(f"{f'{100 * span[0]:.0f}–{100 * span[1]:.0f}%' if span else '':<8} ", style="dim")
    line.append(f"{f'{word.symbol} {word.word}':<11}", style=word.style)
    if known:
        raw = number(score.get("raw"), 4 if unit == "ratio" else 2).replace("-", "−")
        line.append(f"  {f'{unit} {raw}':<12} n {number(score.get('n'))}")
    line.rstrip()
    return line


def _marked_bar(value: float, line: float | None) -> str:
    """A bar with the line between two of its columns."""
    drawn = bar(value, _BAR).replace(" ", "·")
    at = round(_BAR * min(max(line, 0.0), 1.0)) if line is not None else _BAR
    return f"{drawn[:at]}┊{drawn[at:]}"


def _below(score: Json, figures: list[str]) -> Iterator[Line]:
    """Why there is no score, what could not be used, and the figures that belong to it."""
    if score.get("score") is None:
        yield paragraph(f"not scored: {score.get('reason') or 'no reason recorded'}", 4)
    elif score.get("n_unscored"):
        figures = [*figures, f"{score['n_unscored']:,} could not be used"]
    for words in joined(figures, 72):
        yield Text(f"    {words}", style="dim")


def interp_figures(score: Json) -> list[str]:
    """The side figures of InterpScore that are there, in words."""
    f = _Figures(score)
    beside = f.some(
        ("hedges_g", "Hedges' g {}"),
        ("auroc", "AUROC {}"),
        ("hard_auroc", "against its neighbours' labels {}"),
        ("near_auroc", "against near misses {}"),
        ("token_auroc", "best single token {}"),
    )
    return [*beside, *f.share("null_share", "{} of other labels do as well"), *f.some(("null_p", "p {}", 3))]


def purity_figures(score: Json) -> list[str]:
    """Those of a purity."""
    f = _Figures(score)
    return f.some(
        ("calibrated", "calibrated {}"), ("null_cosine", "random sentences' cos {}"), ("z", "z {}")
    ) + f.share("token_purity", "same token in {} of pairs")


def mui_figures(score: Json) -> list[str]:
    """Those of MUI, its place among the SAE's live features first."""
    f = _Figures(score)
    out = f.some(
        ("over_random", "{} times a random direction"),
        ("mean_kl", "mean KL {} nats", 4),
        ("mean_entropy", "mean entropy {}"),
    )
    rank = score.get("percentile")
    if rank is not None and isfinite(rank):
        out.insert(0, f"ratio above {rank:.0f}% of the live features")
    return out


class _Figures:
    """The side figures of one score that are there, in words."""

    def __init__(self, score: Json) -> None:
        self.of: Json = score.get("figures") or {}

    def some(self, *wanted: tuple[str, str] | tuple[str, str, int]) -> list[str]:
        """Each with its interval where it has one."""
        out = []
        for name, words, *digits in wanted:
            value = self.of.get(name)
            if value is None or not isfinite(value):
                continue
            low, high = self.of.get(f"{name}_low"), self.of.get(f"{name}_high")
            span = f" ({interval((low, high))})" if low is not None and high is not None else ""
            out.append(words.format(number(value, digits[0] if digits else 2).replace("-", "−")) + span)
        return out

    def share(self, name: str, words: str) -> list[str]:
        """One as a percentage."""
        value = self.of.get(name)
        return [words.format(f"{value:.0%}")] if value is not None and isfinite(value) else []


def _sentences(document: Json) -> Iterator[Line]:
    interp = document.get("interp") or {}
    yield from written_lines(document.get("sentences"))
    for key, title in (
        ("matching", "Sentences for the label"),
        ("other", "Sentences not for it"),
        ("near", "Sentences close to it"),
    ):
        found = sorted(interp.get(key) or (), key=lambda one: -_order(one.get("value")))
        if not found:
            continue
        fired = sum(_order(one.get("value")) > 0 for one in found)
        yield heading(title, f"it fires on {fired} of {len(found)}; the strongest, ⟦its token⟧")
        for one in found[:_SHOWN]:
            yield sentence_line(one)


def _order(value: float | None) -> float:
    return value if value is not None and isfinite(value) else float("-inf")


def _positions(document: Json) -> Iterator[Line]:
    found = (document.get("mui") or {}).get("positions") or ()
    if not found:
        return
    strongest = sorted(found, key=lambda one: -_order(one.get("kl")))[:_POSITIONS]
    yield heading(
        "What taking it out does", f"the strongest of {len(found)} positions; KL and entropy in nats"
    )
    columns = ("activation", "KL", "random KL", "entropy")
    yield Text(" " * 35 + "".join(f"{name:>11}" for name in columns), style="dim")
    for one in strongest:
        figures = (
            (one.get("activation"), 2),
            (one.get("kl"), 4),
            (one.get("random_kl"), 4),
            (one.get("entropy"), 2),
        )
        line = Text("  ").append_text(context(one.get("before") or "", one.get("token") or "", 32))
        line.append(" " * (35 - line.cell_len))
        line.append("".join(f"{number(value, digits):>11}" for value, digits in figures))
        yield line


def _reading(document: Json) -> Iterator[Line]:
    reading = document.get("reading") or {}
    pattern = reading.get("pattern") or ""
    name = "no score" if pattern == "---" else name_of(pattern) if pattern else "none was made"
    yield heading("Reading", f"{pattern}  {name}".strip())
    for words in reading.get("sentences") or ():
        yield paragraph(words)
    for words in reading.get("next_steps") or ():
        yield paragraph(f"Next: {words}")
