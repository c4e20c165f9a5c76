"""From hand-made cells to what is said of a benchmark; and the record's way through a file."""

from dataclasses import replace
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console

from assay.benchmarks.names import NAMES
from assay.evals.casefile import CaseFile
from assay.report.defects import defects_picture
from assay.report.selfcheck import render_check
from assay.selfcheck.cells import Cell, Unit, unit_from_json
from assay.selfcheck.contrasts import CONTRASTS
from assay.selfcheck.findings import findings
from assay.selfcheck.planted import PLANTED, SOUND

SEEDS = (0, 1, 2)


def cell(case: int, condition: str, seed: int, id: str, score: float | None) -> Cell:
    interval = None if score is None else (score - 0.1, score + 0.1)
    figures = {"shift": None if score is None else 1 - score}
    return Cell(
        case, condition, seed, id, score, interval, None if score is not None else "why", 0.5, figures
    )


def unit(case: int, good: float, bad: float | None) -> Unit:
    """A sound edit at three seeds, and every planted defect at the first."""
    cells = [cell(case, SOUND, seed, id, good + 0.01 * seed) for id in NAMES for seed in SEEDS]
    cells += [cell(case, name, 0, id, bad) for id in NAMES for name in CONTRASTS[id]]
    return Unit(case, f"subject {case}", "relation", "target", tuple(cells), dict.fromkeys(NAMES, 0.25))


def entry(units: list[Unit], id: str = "edit_bench") -> dict[str, object]:
    rows = findings(units)["benchmarks"]
    assert [row["id"] for row in rows] == list(NAMES)
    found: dict[str, object] = next(row for row in rows if row["id"] == id)
    return found


def test_a_benchmark_that_tells_and_agrees() -> None:
    row = entry([unit(n, 0.6 + 0.05 * n, 0.1) for n in range(4)])
    assert row["auroc"] == 1.0 and row["tells"] and row["agrees"]
    assert row["icc"] == pytest.approx(0.97, abs=0.03)
    assert (row["n_good"], row["n_bad"]) == (4, 4 * len(CONTRASTS["edit_bench"]))
    assert row["sd_within"] == pytest.approx(0.01)
    assert row["coverage"] == 1.0 and row["n_intervals"] == 12
    assert row["overlap"] == 0.25
    assert row["figures"] == {"shift": 1.0}  # points the other way and tells as well
    assert [d["condition"] for d in row["defects"]] == list(CONTRASTS["edit_bench"])  # type: ignore[index,union-attr]


def test_a_benchmark_that_cannot_tell_names_its_weakest_defect() -> None:
    units = [unit(n, 0.5, 0.1) for n in range(4)]
    blind = [
        replace(u, cells=tuple(replace(c, score=0.9) if c.condition == "prompt-only" else c for c in u.cells))
        for u in units
    ]
    row = entry(blind)
    assert not row["tells"] and row["weakest"] == "prompt-only"
    assert row["auroc"] == pytest.approx(1 - 1 / len(CONTRASTS["edit_bench"]))


def test_against_the_same_fact_what_facts_have_of_their_own_falls_out() -> None:
    units = [unit(n, 0.1 + 0.2 * n, 0.05 + 0.2 * n) for n in range(4)]
    row = entry(units, "sequential_edit_retention")
    (defect,) = row["defects"]  # type: ignore[misc]
    assert defect["same_fact"] == 1.0 and defect["auroc"] == pytest.approx(10 / 16)


def test_an_unscored_edit_is_counted_and_never_a_zero() -> None:
    row = entry([unit(n, 0.5, None) for n in range(3)])
    assert row["auroc"] is None and not row["tells"]
    assert row["n_bad"] == 0 and row["n_bad_unscored"] == 3 * len(CONTRASTS["edit_bench"])
    gone = [
        replace(u, cells=tuple(replace(c, score=None) if c.seed == 2 else c for c in u.cells))
        if u.case == 0
        else u
        for u in (unit(n, 0.5 + 0.1 * n, 0.1) for n in range(3))
    ]
    again = entry(gone)
    assert again["n_edits"] == 2 and again["n_edits_unscored"] == 1


def test_two_edits_of_one_fact_are_two_rows_of_the_agreement() -> None:
    units = [unit(n, 0.4 + 0.1 * n, 0.1) for n in range(3)]
    more = [cell(1, "x5", seed, id, 0.2) for id in NAMES for seed in SEEDS]
    units[1] = replace(units[1], cells=(*units[1].cells, *more))
    found = findings(units)
    assert (found["facts"], found["edits_again"]) == (3, 4)
    row = found["benchmarks"][0]
    assert (row["n_edits"], row["n_edits_unscored"], row["n_seeds"]) == (4, 0, 3)
    assert row["n_good"] == 3


def test_a_unit_comes_back_from_its_file_and_a_cut_line_is_dropped(tmp_path: Path) -> None:
    made = [unit(0, 0.5, None), unit(1, 0.6, 0.1)]
    file = CaseFile(tmp_path)
    for one in made:
        file.append(one.to_json())
    with file.path.open("a") as text:
        text.write('{"case": 2, "subj')
    assert [unit_from_json(line) for line in file.read().values()] == made


def test_the_picture_has_a_dot_for_every_score_and_is_whole_xml() -> None:
    units = [unit(n, 0.5, 0.2) for n in range(4)]
    drawn = ElementTree.fromstring(defects_picture(findings(units)))
    dots = [e.get("class") for e in drawn.iter("{http://www.w3.org/2000/svg}circle")]
    assert dots.count("sound") == 1 + 4 * len(NAMES)  # one in the legend
    assert dots.count("planted") == 1 + 4 * sum(map(len, CONTRASTS.values()))


def test_the_table_fits_into_80_columns_and_says_what_is_missed() -> None:
    units = [unit(n, 0.5, 0.6) for n in range(4)]
    check = {
        "model": {"id": "smollm2"},
        "generator": "catalogue 2",
        "layer": 5,
        "options": {"seeds": 3},
        "conditions": {name: p.what for name, p in PLANTED.items()},
        "file": "cases.jsonl",
        "first_token": {
            "n": 20,
            "benchmarks": [
                {"title": "LocalitySensitivityScore", "auroc": 1.0, "auroc_interval": [0.91, 1.0]},
                {"title": "RippleBench", "auroc": 0.97, "auroc_interval": [0.86, 0.99]},
            ],
            "norm_ratio": 28.4,
            "stopped": {"original": 1.0, "corrected": 0.05},
        },
        "left_out": [
            {"subject": "Mali", "relation": "place_continent", "reason": "paraphrases: 0.1 below 0.3"}
        ],
        **findings(units),
    }
    console = Console(width=80, record=True, file=StringIO())
    render_check(check, console)
    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= 80
    assert any("SequentialCollapseThreshold" in line and "0.00" in line for line in lines)
    assert any(
        line.strip().startswith("EditBench misses none (no edit at all): AUROC 0.00") for line in lines
    )
    assert any("update 28 times the corrected form's" in line for line in lines)
    assert any("RippleBench 0.97 (0.86–0.99)" in line for line in lines)
