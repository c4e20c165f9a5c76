from io import StringIO

import pytest
from rich.cells import cell_len
from rich.console import Console

from assay.progress import HEADING, Screen
from assay.report.cards import bench as card
from assay.report.console import row_lines
from run_events import SUITE, WHOLE, Pair


def drawn(terminal: bool, *pairs: Pair) -> str:
    console = Console(
        file=StringIO(), force_terminal=terminal, width=80, color_system=None, legacy_windows=False
    )
    with Screen(console) as screen:
        for kind, data in pairs:
            screen(kind, data)
    return console.file.getvalue()


def test_elsewhere_each_finished_thing_is_one_plain_line() -> None:
    lines = drawn(False, *WHOLE).splitlines()
    assert lines[0] == "Causal trace: 1.5 s"
    assert "Trying layer 5 (1 of 2, default)" in lines
    assert "Rolled back at layer 5: behaviour: 0.4 above 0.1" in lines
    assert "Committed at layer 9" in lines
    assert sum("pass" in line and "Edit_Bench" in line for line in lines) == 1
    assert any("not scored" in line for line in lines)
    assert lines.count(HEADING) == 1
    assert all(cell_len(line) <= 80 for line in lines)
    assert "\x1b" not in drawn(False, *WHOLE)


def test_the_heading_stands_over_the_columns_of_the_rows() -> None:
    row = next(row_lines(card(SUITE[1][1])))
    text = str(row)
    for heading, cell in (("verdict", "✓"), ("score", "0.9"), ("95%", "0.85"), ("n ", "2"), ("needs", "≥")):
        assert text[HEADING.index(heading) :].startswith(cell), heading


@pytest.mark.parametrize("total", [None, 4])
def test_on_a_terminal_a_bar_says_what_is_running(total: int | None) -> None:
    text = drawn(
        True,
        ("stage_started", {"stage": "moments", "title": "Second moments of keys over text", "total": total}),
        ("stage_progress", {"stage": "moments", "done": 2, "total": total, "title": "Second moments"}),
        ("bench_started", {"id": "zsre", "title": "zsRE", "index": 12, "of": 13}),
    )
    assert "Second moments" in text
    assert "13 of 13: zsRE" in text


def test_finished_benchmarks_stay_above_the_bar() -> None:
    text = drawn(True, *WHOLE)
    assert "Edit_Bench" in text
    assert "pass" in text


def test_events_that_nobody_announced_draw_nothing_and_break_nothing() -> None:
    assert drawn(False, ("stage_progress", {"stage": "x", "done": 1, "total": 2, "title": "x"})) == ""
    assert drawn(False, ("run_failed", {"error": "x", "resumable": False})) == ""
