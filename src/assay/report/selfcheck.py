"""A finished self-check in 80 columns: one line per benchmark, and what each cannot tell."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from assay.report.words import number
from assay.selfcheck.findings import TELLS


def render_check(check: Mapping[str, Any], console: Console) -> None:
    """Print the table, the defects that a benchmark misses, and what was left out."""
    model = check["model"]
    console.print(Text(f"assay selfcheck  {model['id']}, layer {check['layer']}, {check['generator']}"))
    console.print(
        Text(
            f"{check['facts']} facts with a sound edit and planted defects, {check['edits_again']} of the edits "
            f"measured {check['options']['seeds']} times"
        )
    )
    console.print(Text(ROW.format(*COLUMNS), style="bold"))
    for row in check["benchmarks"]:
        console.print(Text(ROW.format(*_cells(row))))
    for row in check["benchmarks"]:
        for line in remarks(row, check["conditions"]):
            console.print(Padding(Text(line), (0, 0, 0, 2)))
    if check["first_token"]:
        for line in first_token_lines(check["first_token"]):
            console.print(Text(line))
    if check["left_out"]:
        console.print(Text(f"No sound edit, left out: {len(check['left_out'])} facts"))
    console.print(Text(check["file"], style="dim"), soft_wrap=True)


ROW = "{:27} {:>5} {:9} {:6} {:>5} {:10} {:>4} {:>4}"
COLUMNS = ("benchmark", "AUROC", "95%", "n", "ICC", "95%", "±", "held")
"""AUROC: planted defects against sound edits, n of each. ICC and ±: the same edits with fresh probes; held:
the share of intervals that hold the mean of the other draws."""


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        row["title"],
        _short(row["auroc"]),
        _span(row["auroc_interval"]),
        f"{row['n_good']}:{row['n_bad']}",
        _short(row["icc"]),
        _span(row["icc_interval"]),
        _short(row["sd_within"]),
        "-" if row["coverage"] is None else f"{row['coverage']:.0%}",
    )


def remarks(row: Mapping[str, Any], conditions: Mapping[str, str]) -> list[str]:
    """What a reader must know of one benchmark: defects it misses, edits that it could not score."""
    out = []
    if row["n_edits_unscored"]:
        out.append(f"{row['title']}: ICC without {row['n_edits_unscored']} edits not scored at every seed")
    for defect in row["defects"]:
        if defect["auroc"] is None:
            out.append(
                f"{row['title']} gives no score to {defect['condition']} ({conditions[defect['condition']]}): "
                f"{defect['n_unscored']} unscored"
            )
        elif not row["tells"] and defect["auroc"] < TELLS:
            out.append(
                f"{row['title']} misses {defect['condition']} ({conditions[defect['condition']]}): "
                f"AUROC {number(defect['auroc'], 2)}, {number(defect['same_fact'], 2)} against the same fact's "
                "sound edit"
            )
    return out


def first_token_lines(found: Mapping[str, Any]) -> list[str]:
    """What became of edits whose subject is the very first token, in the original form and the corrected."""
    stopped = found["stopped"]
    told = ", ".join(
        f"{row['title']} {_short(row['auroc'])} ({_span(row['auroc_interval'])})"
        for row in found["benchmarks"]
    )
    return [
        f"Original ROME, subject at the very start, no start token ({found['n']} facts):",
        f"  update {found['norm_ratio']:.0f} times the corrected form's; stopped by validation "
        f"{stopped['original']:.0%}, corrected {stopped['corrected']:.0%}",
        f"  AUROC {told}",
    ]


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _span(interval: list[float] | None) -> str:
    return "-" if interval is None else f"{interval[0]:.2f}–{interval[1]:.2f}"
