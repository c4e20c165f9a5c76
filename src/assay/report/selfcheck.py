"""A finished self-check in 80 columns: one line per benchmark, and what each cannot tell."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from assay.report.words import number


def render_check(check: Mapping[str, Any], console: Console) -> None:
    """Print the table, the defects that a benchmark misses, and what was left out."""
    facts, model = check["facts"], check["model"]
    console.print(Text(f"assay selfcheck  {model['id']}, layer {check['layer']}, {check['generator']}"))
    console.print(
        Text(
            f"{facts['planted']} facts with planted defects, {facts['again']} edits measured "
            f"{check['options']['seeds']} times"
        )
    )
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for column, side in COLUMNS:
        grid.add_column(column, justify=side, no_wrap=True)
    for row in check["benchmarks"]:
        grid.add_row(*(Text(cell) for cell in _cells(row)))
    console.print(grid)
    for row in check["benchmarks"]:
        for line in remarks(row, check["conditions"]):
            console.print(Text("  " + line), soft_wrap=False)
    if check["left_out"]:
        console.print(Text(f"No sound edit, left out: {len(check['left_out'])} facts"))
    console.print(Text(check["file"], style="dim"), soft_wrap=True)


COLUMNS: tuple[tuple[str, Any], ...] = (
    ("benchmark", "left"),
    ("AUROC", "right"),
    ("95%", "left"),
    ("n", "left"),
    ("ICC", "right"),
    ("95%", "left"),
    ("n", "left"),
    ("±", "right"),
    ("covers", "right"),
)
"""AUROC: planted defects against sound edits. ICC and ±: the same edits with fresh probes."""


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        row["title"],
        _short(row["auroc"]),
        _span(row["auroc_interval"]),
        f"{row['n_good']}:{row['n_bad']}",
        _short(row["icc"]),
        _span(row["icc_interval"]),
        f"{row['n_edits']}x{row['n_seeds']}",
        _short(row["sd_within"]),
        "-" if row["coverage"] is None else f"{row['coverage']:.0%}",
    )


def remarks(row: Mapping[str, Any], conditions: Mapping[str, str]) -> list[str]:
    """What a reader must know of one benchmark: defects it misses, edits that it could not score."""
    out = []
    for defect in row["defects"]:
        if defect["auroc"] is None:
            out.append(
                f"{row['title']} gives no score to {defect['condition']} ({conditions[defect['condition']]}): "
                f"{defect['n_unscored']} unscored"
            )
        elif not row["tells"] and defect["auroc"] < TOLD:
            out.append(
                f"{row['title']} misses {defect['condition']} ({conditions[defect['condition']]}): "
                f"AUROC {number(defect['auroc'], 2)}"
            )
    return out


TOLD = 0.9
"""AUROC from which on a defect counts as told."""


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _span(interval: list[float] | None) -> str:
    return "-" if interval is None else f"{interval[0]:.2f}–{interval[1]:.2f}"
