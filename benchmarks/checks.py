"""``assay selfcheck`` and ``assay eval``: a piece of either as their workers do it, or all of it.

Both share their work out among processes of one thread each. The part runs a piece of each in two such processes side
by side. A self-check is counted in cells, one benchmark on one edit at one seed; an evaluation in groups of cases.
"""

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import edits
from assay.benchmarks.names import NAMES
from assay.datasets.table import load
from assay.evals import measure
from assay.evals.editing import Means
from assay.evals.run import TOGETHER
from assay.evals.table import EVALUATIONS
from assay.runs.folder import RunFolder
from assay.scale.executor import Workforce, default_workers
from assay.selfcheck.contrasts import again_of, benchmarks_of
from assay.selfcheck.facts import Fact
from assay.selfcheck.planted import PLANTED, SOUND
from assay.selfcheck.run import QUICK, CheckOptions
from assay.selfcheck.tools import Tools, ToolsOf
from assay.selfcheck.work import Piece, measure_unit
from assay.settings import VARIANTS, Settings
from cases import data_set
from commands import run
from figure import Found
from ground import MODEL, Ground

FORMAT, CASES = "counterfact", 100
UNIT, GROUP = "unit", "group"


@dataclass(frozen=True)
class Pieces:
    """What one piece of each took."""

    cells: int
    seconds_of_unit: float
    """Of one fact of a self-check, nothing of it measured again."""
    cases: int
    seconds_of_group: float
    """Of cases that are optimised together."""


def pieces(ground: Ground) -> Pieces:
    """The two, side by side."""
    done = ground.once(edits.first)
    edit = RunFolder(done.home.run(done.run["run_id"])).edit
    tools = ToolsOf(MODEL, done.home.cache, Settings(), 0)
    file = data_set(ground, TOGETHER)
    with Workforce(tools, 2) as force:
        took = dict(force.each(partial(_timed, edit, file), [UNIT, GROUP]))
    return Pieces(*took[UNIT], *took[GROUP])


def _timed(edit: Path, file: Path, tools: Tools, which: str) -> tuple[int, float]:
    """How much was done, and the seconds of it; in a worker."""
    began = time.perf_counter()
    if which == UNIT:
        done = len(measure_unit(tools, Piece(Fact(0, edits.REQUEST, edit), (), (0,))).cells)
    else:
        cases = load(file, FORMAT).cases
        means = Means(tools.moments, tools.contexts, tools.settings, tools.seed)
        cell = (tools.layer, VARIANTS[0])
        group = measure.Group(cases, {case.id: (cell,) for case in cases}, tools.layer)
        done = len(measure.measure_group(measure.Tools(tools.model, EVALUATIONS[FORMAT], means), group))
    return done, time.perf_counter() - began


def cells(options: CheckOptions) -> int:
    """How many a self-check has: thirteen of a sound edit and of what is measured again, else what names the defect."""
    total = 0
    for fact in range(options.facts):
        again = again_of(fact, options.facts, options.again)
        for condition in (SOUND, *PLANTED):
            every = condition == SOUND or condition in again
            seeds = options.seeds if condition in again else 1
            total += seeds * len(NAMES if every else benchmarks_of(condition))
    return total


def _reckoned(seconds: float, done: int, wanted: int, what: str, left_out: str) -> Found:
    workers = default_workers("cpu")
    raw = {"done": done, "seconds": seconds, "wanted": wanted, "workers": workers}
    said = f"{done} of {wanted:,} {what}; told for {workers} processes of one thread; without {left_out}"
    return Found(seconds * wanted / done / workers, raw, share=done / wanted, part=said)


def _selfcheck_part(ground: Ground, options: CheckOptions) -> Found:
    one = ground.once(pieces)
    return _reckoned(
        one.seconds_of_unit, one.cells, cells(options), "cells", "choosing facts and making their edits"
    )


def selfcheck_part(ground: Ground) -> Found:
    """All of it, by one fact."""
    return _selfcheck_part(ground, CheckOptions())


def quick_part(ground: Ground) -> Found:
    """The quick one, by one fact."""
    return _selfcheck_part(ground, QUICK)


def counterfact_part(ground: Ground) -> Found:
    """All cases, by a group of them."""
    one = ground.once(pieces)
    return _reckoned(one.seconds_of_group, one.cases, CASES, "cases of the catalogue's facts", "loading")


def _command(ground: Ground, *words: str) -> tuple[float, Any]:
    """In the home of the edit, where model and moments are cached."""
    done = run(ground.once(edits.first).home.root, *words, "--fresh")
    return done.seconds, done.document


def selfcheck(ground: Ground) -> Found:
    """The command."""
    seconds, document = _command(ground, "selfcheck")
    return Found(seconds, {"seconds": document["seconds"]})


def quick(ground: Ground) -> Found:
    """The command."""
    seconds, document = _command(ground, "selfcheck", "--quick")
    return Found(seconds, {"seconds": document["seconds"]})


def counterfact(ground: Ground) -> Found:
    """The command, on the catalogue's facts."""
    file = data_set(ground, CASES)
    seconds, document = _command(ground, "eval", FORMAT, str(file))
    ran = document["counts"]["run"]
    if ran != CASES:
        raise RuntimeError(f"{ran} of {CASES} cases were run")
    return Found(seconds, {"timings": document["timings"], "cases": ran})
