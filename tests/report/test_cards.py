"""Benchmarks that are not there: to come, or not run; and differences that are none."""

import io
from typing import Any

import example_run
import pytest
from rich.console import Console

from assay.report.cards import benches, tally
from assay.report.console import render_compare
from assay.report.glossary import BENCHMARKS
from assay.report.view import figures
from assay.report.words import difference, signed


def some(**changes: Any) -> dict[str, Any]:
    """A run with four of its benchmarks."""
    return (
        example_run.committed() | {"benchmarks": example_run.benchmarks()[:4], "status": "running"} | changes
    )


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, "to come"),
        ({"status": "queued"}, "to come"),
        ({"status": "interrupted"}, "not run"),
        ({"status": "failed"}, "not run"),
        ({"status": "committed"}, "not run"),
        ({"options": {"bench": False}}, "not run"),
    ],
)
def test_what_is_not_there_is_to_come_for_as_long_as_the_run_goes_on(
    changes: dict[str, Any], word: str
) -> None:
    cards = benches(some(**changes))
    assert [card.word.word for card in cards if not card.data] == [word] * 9
    assert (word, 9) in [(shown.word, n) for shown, n in tally(cards)]
    assert sum(n for _, n in tally(cards)) == len(cards) == len(BENCHMARKS)


def test_what_nobody_asked_for_is_not_to_come() -> None:
    run = some(benchmarks=[], options={"only": ["zsre", "leme"]})
    assert [card.id for card in benches(run)] == ["leme", "zsre"]
    words = {card.id: (card.word.word, card.note) for card in benches(run, every=True)}
    assert len(words) == len(BENCHMARKS) and words["zsre"][0] == words["leme"][0] == "to come"
    assert words["edit_bench"] == ("not run", "not among the benchmarks of this run")


@pytest.mark.parametrize(
    ("delta", "change", "shown"),
    [
        (-0.0049, "worse, may be chance", ("0.00", "same")),
        (0.0049, "better", ("0.00", "same")),
        (-1e-12, "no interval", ("0.00", "same")),
        (0.0, "same", ("0.00", "same")),
        (-0.0051, "worse", ("−0.01", "worse")),
        (0.3, "better", ("+0.30", "better")),
        (None, "not run in A", ("–", "not run in A")),
    ],
)
def test_a_difference_that_is_shown_as_none_is_called_none(
    delta: float | None, change: str, shown: tuple[str, str]
) -> None:
    assert difference({"delta": delta, "change": change}) == shown


def test_a_zero_has_no_sign() -> None:
    assert [signed(value) for value in (0.0, -0.0, -0.004, 0.004, -0.4)] == [*["0.00"] * 4, "−0.40"]
    assert signed(-0.004, 3) == "−0.004"


def test_a_comparison_in_the_terminal_says_the_same() -> None:
    first, second = example_run.committed(), example_run.committed()
    second["benchmarks"][0]["score"] -= 1e-4
    out = io.StringIO()
    render_compare(first, second, Console(file=out, width=80))
    row = next(line for line in out.getvalue().splitlines() if "EditBench" in line)
    assert row.split()[-2:] == ["0.00", "same"] and "to come" not in out.getvalue()
    out = io.StringIO()
    render_compare(first, some(), Console(file=out, width=80))
    assert "… to come" in out.getvalue()


def test_a_unit_is_said_as_people_say_it() -> None:
    check = {"figures": {"n": 24, "largest": 0.09, "unit": "nats, KL(before || after)"}}
    assert figures(check) == ["n 24", "largest 0.090", "in nats, KL(before || after)"]
