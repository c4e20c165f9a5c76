"""A finished run in a terminal of 80 columns: everything as words, colour as an extra."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.text import Text

from assay.report import cards as thirteen
from assay.report import view
from assay.report.cards import Bench, Run
from assay.report.footprint import lines as footprint
from assay.report.judged import judged_lines
from assay.report.strip import strip
from assay.report.text import cells, one_line
from assay.report.words import TO_COME, VERDICTS, difference, interval, number, probability, seconds
from assay.runs.compare import compare

_WIDTHS = (27, 12, 5, 11, 7, 6)
"""Columns of the table of thirteen: title, verdict, score, interval, n, threshold."""


def render_run(run: Run, console: Console) -> None:
    """Print what a user sees at the end of ``assay edit``."""
    checks = (*_header(run), *_where(run), *_checks(run))
    for line in (*checks, *_thirteen(run), *judged_lines(run), *footprint(run), *_reading(run), *_foot(run)):
        console.print(line)


def bench_row(bench: Mapping[str, Any]) -> list[str]:
    """One benchmark as cells: title, verdict, score, interval, n, threshold, note.

    The note is empty, or the ceiling, or why there is no score, or what makes it uncertain.
    """
    card = thirteen.bench(bench)
    n, left = bench.get("n"), bench.get("n_unscored")
    threshold = bench.get("threshold")
    return [
        card.title,
        f"{card.word.symbol} {card.word.word}",
        number(bench.get("score")),
        interval(bench.get("interval")),
        _of(n, n + left) if n is not None and left else number(n),
        f"≥ {number(float(threshold))}"[:6] if threshold is not None else "",
        "; ".join(part for part in (card.ceiling, card.note) if part),
    ]


def _of(n: int, total: int) -> str:
    """ "5 of 8"; "12/16" where the words would not fit."""
    words = f"{n} of {total}"
    return words if len(words) <= _WIDTHS[4] else f"{n}/{total}"


def row_lines(card: Bench) -> Iterator[Text | Padding]:
    """One row of the table, 78 columns, and its note on lines of its own below."""
    row = bench_row(card.data) if card.data else [card.title, f"{card.word.symbol} {card.word.word}"]
    line = Text("  ")
    for i, cell in enumerate(row[: len(_WIDTHS)]):
        line.append(cells(cell, _WIDTHS[i]), style=card.word.style if i == 1 else "")
        line.append("  " if i < len(_WIDTHS) - 1 else "")
    line.rstrip()
    yield line
    if len(row) > len(_WIDTHS) and row[-1]:
        yield _para(row[-1], 6, "dim")


def _para(words: Any, indent: int = 2, style: str = "") -> Padding:
    return Padding(Text(one_line(words, 900), style=style), (0, 2, 0, indent))


def _heading(words: str, aside: str = "") -> Text:
    line = Text(f"\n{words}", style="bold")
    line.append(f"  {aside}" if aside else "", style="not bold dim")
    return line


def _field(name: str, words: str) -> Padding:
    line = Text(f"{name:<7} ", style="dim")
    line.append(one_line(words, 400), style="not dim")
    return Padding(line, (0, 2, 0, 2))


def _header(run: Run) -> Iterator[Any]:
    word = view.status(run)
    title = Text("assay edit  ")
    title.append(f"{word.symbol} {word.word}", style=word.style)
    title.append(f"  {one_line(run.get('run_id') or 'no run id', 36)}", style="dim")
    yield Rule(title, align="left", style="dim")
    request, model, edit = (run.get(part) or {} for part in ("request", "model", "edit"))
    fact = Text(one_line(request.get("prompt") or "prompt not recorded", 300))
    old = f"{one_line(request['old'], 80)} → " if request.get("old") else "→ "
    fact.append(f"  {old}", style="dim")
    fact.append(one_line(request.get("target") or "?", 80), style="bold")
    yield Padding(fact, (0, 2, 0, 2))
    yield _para(view.headline(run))
    if model:
        shape = [
            f"{model[key]} {name}"
            for key, name in (("n_layers", "layers"), ("d_model", "wide"))
            if model.get(key)
        ]
        yield _field("model", ", ".join([str(model.get("id")), *shape]))
    if edit:
        size = ""
        if edit.get("delta_norm") is not None and edit.get("weight_norm"):
            size = f", changes the weight's norm by {100 * edit['delta_norm'] / edit['weight_norm']:.2g}%"
        variant = f" ({edit['variant']})" if edit.get("variant") else ""
        yield _field("edit", f"{edit.get('method')}{variant} at layer {edit.get('layer')}{size}")
    yield _field("layer", view.why_layer(run))
    for candidate in run.get("candidates") or ():
        if candidate.get("rolled_back"):
            yield _field("tried", f"layer {candidate.get('layer')}, rolled back: {candidate['rolled_back']}")


def _where(run: Run) -> Iterator[Any]:
    trace = run.get("trace") or {}
    aside = ""
    if trace.get("clean_p") is not None:
        noised = probability(trace.get("corrupted_p"))
        answer = one_line(trace.get("answer") or "the answer", 16)
        aside = f"P({answer}) {probability(trace['clean_p'])} clean, {noised} with the subject noised"
    yield _heading("Where the fact sits", aside)
    lines: tuple[Text | Padding, ...] = tuple(strip(trace or None, view.layer(run), view.layer_mark(run)))
    yield from lines or (
        _para(view.gaps(run).get("trace", "The causal trace is not complete."), style="dim"),
    )


def _checks(run: Run) -> Iterator[Any]:
    yield _heading("Three checks", "all must hold, or the edit is rolled back")
    found = view.checks(run)
    if not found:
        yield _para(view.gaps(run).get("validation", "No check was recorded."), style="dim")
    for check in found:
        passed = check.get("passed")
        line = Text("  ")
        line.append("✓ holds  " if passed else "✗ fails  ", style="bold green" if passed else "bold red")
        line.append(f"{cells(view.check_title(check), 15)} {view.sentence(check)}")
        yield line
        if view.figures(check):
            yield _para(", ".join(view.figures(check)), 11, "dim")


def _thirteen(run: Run) -> Iterator[Any]:
    cards = thirteen.benches(run)
    counts = " · ".join(f"{n} {word.word}" for word, n in thirteen.tally(cards))
    title = "Thirteen benchmarks" if thirteen.all_of_them(cards) else "Benchmarks"
    yield _heading(title, counts if thirteen.any_scored(run) else "")
    if not thirteen.any_scored(run):
        yield _para(view.gaps(run)["benchmarks"], style="dim")
        return
    names = ("", "verdict", "score", "95%", "n", "needs")
    yield Text(
        "  " + "  ".join(cells(name, _WIDTHS[i]) for i, name in enumerate(names)).rstrip(), style="dim"
    )
    for question, members in thirteen.by_group(cards):
        yield Text(f"  {one_line(question, 74)}", style="italic")
        for card in members:
            yield from row_lines(card)


def _reading(run: Run) -> Iterator[Any]:
    reading = run.get("reading") or {}
    yield _heading("Reading", one_line(view.pattern(run), 64))
    sentences = reading.get("sentences") or ()
    if not sentences:
        yield _para(view.gaps(run).get("reading", "The reading is empty."), style="dim")
    for words in sentences:
        yield _para(words)
    for words in reading.get("next_steps") or ():
        yield _para(f"Next: {words}")


def _foot(run: Run) -> Iterator[Any]:
    generator = run.get("generator") or {}
    total = (run.get("timings") or {}).get("total")
    yield Text("")
    if generator:
        generic = " (generic probes)" if generator.get("generic") else ""
        made = f"{generator.get('name')}{generic}, {number(generator.get('n_probes'))} probes"
        yield _field("probes", f"{made}, {number(generator.get('n_rejected'))} rejected by the audit")
        for note in generator.get("notes") or ():
            yield _field("", str(note))
    if total is not None:
        yield _field("time", seconds(total))
    asked = f"assay report {run.get('run_id') or 'RUN'}"
    yield _field("report", str(run["report"]) if run.get("report") else f"written by: {asked}")


def render_compare(a: Run, b: Run, console: Console) -> None:
    """Print two runs' scores side by side, with what changed."""
    console.print(Rule(Text("assay runs compare"), align="left", style="dim"))
    for name, run in (("A", a), ("B", b)):
        request = run.get("request") or {}
        console.print(_field(name, f"{run.get('run_id')}  {view.status(run).word}"))
        console.print(_field("", f"{request.get('prompt')} → {request.get('target')}"))
        console.print(
            _field("", f"layer {view.layer(run)}, {(run.get('edit') or {}).get('method') or 'no edit'}")
        )
    console.print()
    console.print(Text(f"  {'':27}  {'A':<6}  {'B':<6}  {'B - A':<6}  change", style="dim"))
    left, right = ({card.id: card for card in thirteen.benches(run)} for run in (a, b))
    shown = (*left.values(), *right.values())
    for row in compare(_whole(a), _whole(b))["benchmarks"]:
        line = Text(f"  {cells(row['title'], 27)}  ")
        for card in (left.get(row["id"]), right.get(row["id"])):
            word = card.word if card else VERDICTS["missing"]
            line.append(f"{number(card.data.get('score') if card else None):<4} ")
            line.append(f"{word.symbol}  ", style=word.style)
        delta, change = difference(row)
        line.append(f"{delta:<6}  {change}")
        console.print(line)
    known = (*VERDICTS.values(), *([TO_COME] if any(card.to_come for card in shown) else ()))
    legend = "  ".join(f"{word.symbol} {word.word}" for word in known)
    console.print(Padding(Text(legend, style="dim"), (1, 2, 0, 2)))
    note = "“may be chance”: the two 95% intervals overlap."
    console.print(Padding(Text(note, style="dim"), (0, 2, 0, 2)))


def _whole(run: Run) -> dict[str, Any]:
    parts = ("run_id", "status", "request", "model", "edit")
    return {**{part: run.get(part) for part in parts}, "benchmarks": run.get("benchmarks") or ()}
