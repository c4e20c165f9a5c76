"""The table of what ``make bench`` measures: whole, and in step with the README. Nothing is measured here."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "benchmarks"


@pytest.fixture(scope="module")
def table() -> list[dict[str, str]]:
    """All figures as records; made in a process of its own, since the folder's modules have everyday names."""
    code = "import json; from figures import FIGURES; print(json.dumps([vars(one) for one in FIGURES]))"
    found: list[dict[str, str]] = json.loads(_ran("-c", code).stdout)
    return found


def _ran(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], cwd=FOLDER, capture_output=True, text=True)


def quoted() -> list[str]:
    """What each row of the first table of the README's section "Speed" is about; the second is of a GPU."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## Speed\n")[2]
    first = re.search(r"^\| --- .*\n((?:\|.*\n)+)", section, re.MULTILINE)
    assert first is not None
    return [row.split("|")[1].strip() for row in first[1].splitlines()]


def test_ids_are_unique(table: list[dict[str, str]]) -> None:
    ids = [figure["id"] for figure in table]
    assert len(set(ids)) == len(ids) > 0


def test_every_row_of_the_readme_has_its_figures_and_no_figure_is_of_a_row_that_is_not_there(
    table: list[dict[str, str]],
) -> None:
    begins = {figure["row"] for figure in table if figure["row"] is not None}
    # The longest that fits: one row begins as another does and goes on.
    of_row = {row: max(filter(row.startswith, begins), key=len, default=None) for row in quoted()}
    assert [row for row, begin in of_row.items() if begin is None] == []
    assert begins - set(of_row.values()) == set()
    assert len(set(of_row.values())) == len(of_row), "two rows of one beginning"


def test_every_function_of_the_table_is_there(table: list[dict[str, str]]) -> None:
    named = {name for figure in table for name in (figure["part"], figure["whole"]) if name}
    modules = {name.split(".")[0] for name in named}
    there = {
        f"{module}.{node.name}"
        for module in modules
        for node in ast.parse((FOLDER / f"{module}.py").read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and [arg.arg for arg in node.args.args][:1] == ["ground"]
    }
    assert named - there == set()


def test_the_list_names_every_figure_and_only_names_those_that_are_asked_for(
    table: list[dict[str, str]],
) -> None:
    listed = _ran("run.py", "--list")
    assert listed.returncode == 0 and listed.stderr == ""
    assert [line.split()[0] for line in listed.stdout.splitlines()] == [figure["id"] for figure in table]
    some = _ran("run.py", "--list", "--only", "start.help,edit.trace")
    assert [line.split()[0] for line in some.stdout.splitlines()] == ["edit.trace", "start.help"]


def test_a_figure_that_is_not_there_is_refused() -> None:
    refused = _ran("run.py", "--only", "edit.trace,edit.nonsense")
    assert refused.returncode == 2 and "edit.nonsense" in refused.stderr and refused.stdout == ""


def test_a_row_that_fails_is_told_and_the_others_go_on() -> None:
    code = """
import json, sys, types
import figures, run
from figure import Figure, Found
def broken(ground): raise LookupError("no such stage")
sys.modules["made"] = types.SimpleNamespace(broken=broken, fine=lambda ground: Found(2.0, part="a half", share=0.5))
run.machine = lambda: {"processor": "none", "cores": 2, "load": 0.0}
figures.FIGURES = (Figure("a", None, "first", "made.broken"), Figure("b", None, "second", "made.fine"))
sys.exit(run.main([]))
"""
    ended = _ran("-c", code)
    assert ended.returncode == 1
    first, second = json.loads(ended.stdout)["figures"]
    assert first["failed"] == "LookupError: no such stage" and "figure" not in first
    assert (second["figure"], second["share"], second["part"]) == (2.0, 0.5, "a half")
    assert "no such stage" in ended.stderr and "failed: a" in ended.stderr
    assert all(len(line) <= 100 for line in ended.stderr.splitlines())
