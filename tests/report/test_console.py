import io
from typing import Any

import example_run
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from assay.report.console import bench_row, render_compare, render_run
from assay.report.glossary import BENCHMARKS
from assay.report.text import clean


def shown(run: dict[str, Any], width: int = 80, **options: Any) -> str:
    out = io.StringIO()
    render_run(run, Console(file=out, width=width, **options))
    return out.getvalue()


@pytest.mark.parametrize("kind", example_run.ALL)
def test_eighty_columns_are_enough(kind: str) -> None:
    assert all(cell_len(line) <= 80 for line in shown(example_run.ALL[kind]()).splitlines())


def test_a_row_of_the_table_stays_on_one_line() -> None:
    lines = shown(example_run.committed()).splitlines()
    for entry in BENCHMARKS.values():
        row = next(line for line in lines if line.startswith(f"  {entry.title} "))
        assert "≥" in row  # the last column


def test_without_colour_every_verdict_is_a_word() -> None:
    plain = shown(example_run.committed(), force_terminal=False)
    assert "\x1b" not in plain
    for words in ("✓ pass", "✗ fail", "≈ uncertain", "∅ not scored", "✓ holds", "✓ committed"):
        assert words in plain


def test_colour_adds_nothing_but_colour() -> None:
    coloured = io.StringIO()
    console = Console(
        file=coloured, width=80, force_terminal=True, color_system="truecolor", legacy_windows=False
    )
    render_run(example_run.committed(), console)
    assert "\x1b" in coloured.getvalue()


def test_the_end_of_an_edit_tells_what_a_user_asks() -> None:
    text = " ".join(shown(example_run.committed()).split())
    for words in (
        "The Eiffel Tower is located in the city of Paris → Berlin",
        "rome (r-rome) at layer 5",
        "this model's own default layer",
        "P(Paris) 0.41 clean, 0.02 with the subject noised",
        "0.41 of a possible 0.44",
        "answers none of the bridging facts, so no probe could be used",
        "Next: Try a later layer",
        "assay report 20250304-101500-eiffel-7f3a",
    ):
        assert words in text


def test_the_chosen_layer_is_marked_under_its_column() -> None:
    lines = shown(example_run.committed()).splitlines()
    mark = next(line for line in lines if "▲" in line)
    tower = next(line for line in lines if "␣Tower *" in line)
    start = tower.index("*") + 2
    assert mark.index("▲") == start + 5
    assert tower[start + 6] == "█"


def test_a_rolled_back_run_names_every_layer_tried_and_why() -> None:
    text = shown(example_run.rolled_back())
    for layer in (5, 6, 7):
        assert f"layer {layer}, rolled back: paraphrases: 0.12 is below 0.30" in text
    assert "layer 7, tried" in text and "edited" not in text
    assert "nothing to" in text


def test_an_interrupted_run_says_what_is_missing() -> None:
    text = shown(example_run.interrupted())
    assert text.count("○ not run") == 9
    assert "9 not run" in text
    assert "No causal trace" in text
    assert "No reading: the run ended before it." in text


def test_a_failed_run_shows_its_error() -> None:
    assert "The run failed: the model file is damaged." in shown(example_run.bare())


def test_a_row_for_streaming() -> None:
    by_id = {result["id"]: result for result in example_run.benchmarks()}
    assert bench_row(by_id["edit_bench"]) == [
        "EditBench",
        "✓ pass",
        "0.82",
        "0.74–0.89",
        "8",
        "≥ 0.50",
        "0.82 of a possible 0.91",
    ]
    unscored = bench_row(by_id["indirect_fact_recovery"])
    assert unscored[1:5] == ["∅ not scored", "–", "–", "0 of 8"]
    assert "bridging facts" in unscored[6]


def test_a_trace_of_eighty_layers_and_sixty_tokens_fits() -> None:
    run = example_run.committed()
    run["trace"] |= {
        "tokens": [f" token{j}" for j in range(60)],
        "layers": list(range(80)),
        "effect": [[0.01 * (i == 70 and j == 33) for j in range(60)] for i in range(80)],
        "subject_span": [0, 4],
    }
    text = shown(run)
    assert all(cell_len(line) <= 80 for line in text.splitlines())
    assert "0.01 at 70" in text and "46 weaker tokens not shown" in text


@settings(max_examples=25, deadline=None)
@given(st.text(st.characters(codec=None), max_size=200))
def test_strange_text_neither_acts_nor_breaks_the_page(text: str) -> None:
    run = example_run.committed()
    run["request"]["prompt"] = run["reading"]["sentences"][0] = run["benchmarks"][9]["reason"] = (
        text + "[red]x[/]"
    )
    run["trace"]["tokens"][2] = run["benchmarks"][0]["title"] = text
    lines = shown(run).encode().decode().splitlines()
    assert not any("\x1b" in line for line in lines)
    assert max(cell_len(line) for line in lines) <= 80
    assert "[red]x[/]" in "\n".join(lines).replace("\n", "") or len(clean(text)) > 40


def test_two_runs_side_by_side() -> None:
    out = io.StringIO()
    render_compare(example_run.committed(), example_run.second(), Console(file=out, width=80))
    lines = out.getvalue().splitlines()
    assert all(cell_len(line) <= 80 for line in lines)
    ripple = next(line for line in lines if "RippleBench" in line)
    assert ripple.split()[1:] == ["0.66", "≈", "0.75", "✓", "+0.09", "better,", "may", "be", "chance"]
    assert next(line for line in lines if "IndirectFactRecovery" in line).split()[1:] == [
        "–",
        "∅",
        "–",
        "∅",
        "–",
        "unscored",
    ]


def test_comparing_with_a_run_that_never_got_there() -> None:
    out = io.StringIO()
    render_compare(example_run.committed(), example_run.bare(), Console(file=out, width=80))
    assert out.getvalue().count("not run in B") == 13


def test_a_suite_that_was_limited_lists_what_was_asked_for() -> None:
    run = example_run.committed()
    some = [result for result in run["benchmarks"] if result["id"] == "zsre"]
    text = shown(run | {"options": {"only": ["zsre", "leme"]}, "benchmarks": some})
    rows = [entry.title for entry in BENCHMARKS.values() if f"\n  {entry.title} " in text]
    assert rows == ["LEME", "zsRE"] and "Thirteen benchmarks" not in text and "○ not run" in text
    assert "Thirteen benchmarks" in shown(run)
