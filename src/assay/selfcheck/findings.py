"""From measured cells to what they say of each benchmark."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from assay.auroc import Estimate, auroc
from assay.benchmarks.names import NAMES
from assay.selfcheck.agreement import coverage, icc, within_sd
from assay.selfcheck.cells import Cell, Unit
from assay.selfcheck.contrasts import CONTRASTS, DOSES
from assay.selfcheck.planted import SOUND

TELLS = 0.9
"""AUROC from which on a benchmark counts as telling a defect from sound edits."""
AGREES = 0.8
"""ICC from which on two measurements of one edit count as saying the same."""


def findings(units: Sequence[Unit]) -> dict[str, Any]:
    """One entry per benchmark: does it tell the planted defects, and does it agree with itself?"""
    return {
        "benchmarks": [_benchmark(id, units) for id in NAMES],
        "facts": len(units),
        "edits_again": sum(len(_measured_again(unit)) for unit in units),
    }


def _benchmark(id: str, units: Sequence[Unit]) -> dict[str, Any]:
    by_condition = _first_seed(id, units)
    defects = [_defect(by_condition, name) for name in CONTRASTS[id]]
    bad = [c for name in CONTRASTS[id] for c in by_condition[name]]
    all_bad = auroc(_scores(by_condition[SOUND]), _scores(bad))
    told = [d for d in defects if d["auroc"] is not None]
    weakest = min(told, key=lambda d: d["auroc"])["condition"] if told else None
    table, intervals = _again(id, units)
    sound_table, _ = _again(id, units, only=SOUND)
    agreement = icc(table)
    overlaps = [u.overlap[id] for u in units if id in u.overlap]
    return {
        "id": id,
        "title": NAMES[id].title,
        **_named("auroc", all_bad),
        "n_good": all_bad.n[0],
        "n_bad": all_bad.n[1],
        "n_bad_unscored": sum(c.score is None for c in bad),
        "n_good_unscored": sum(c.score is None for c in by_condition[SOUND]),
        "weakest": weakest,
        "tells": all_bad.value is not None and all_bad.value >= TELLS,
        "defects": defects,
        "doses": [
            {"condition": name, "score": _mean(_scores(by_condition[name]))}
            for name in (SOUND, *DOSES.get(id, ()))
        ]
        if id in DOSES
        else [],
        "figures": _figures(by_condition, CONTRASTS[id]),
        **_named("icc", agreement),
        "n_edits": agreement.n[0],
        "n_edits_unscored": sum(len(_measured_again(u)) for u in units) - agreement.n[0],
        "n_seeds": agreement.n[1],
        "agrees": agreement.value is not None and agreement.value >= AGREES,
        "icc_sound": icc(sound_table).value,
        "sd_within": within_sd(table),
        "coverage": (held := coverage(table, intervals)).value,
        "n_intervals": held.n[1],
        "overlap": _mean(overlaps),
        "scores": {name: _scores(cells) for name, cells in by_condition.items()},
    }


def _named(name: str, estimate: Estimate) -> dict[str, Any]:
    return {name: estimate.value, f"{name}_interval": list(estimate.interval) if estimate.interval else None}


def _first_seed(id: str, units: Sequence[Unit]) -> Mapping[str, list[Cell]]:
    """Condition to the benchmark's cells at each unit's first seed."""
    found: dict[str, list[Cell]] = defaultdict(list)
    for unit in units:
        first = min(c.seed for c in unit.cells)
        for cell in unit.cells:
            if cell.benchmark == id and cell.seed == first:
                found[cell.condition].append(cell)
    return found


def _defect(by_condition: Mapping[str, list[Cell]], name: str) -> dict[str, Any]:
    good, bad = by_condition[SOUND], by_condition[name]
    told = auroc(_scores(good), _scores(bad))
    return {
        "condition": name,
        **_named("auroc", told),
        "same_fact": _same_fact(good, bad),
        "n": told.n[1],
        "n_unscored": sum(c.score is None for c in bad),
        "mean_good": _mean(_scores(good)),
        "mean_bad": _mean(_scores(bad)),
    }


def _same_fact(good: Sequence[Cell], bad: Sequence[Cell]) -> float | None:
    """Share of facts whose sound edit scores higher than the bad edit of the very same fact, ties counted
    half: what facts have of their own, however hard they are to edit, falls out of the comparison."""
    sound = {cell.case: cell.score for cell in good}
    pairs = [(a, c.score) for c in bad if (a := sound.get(c.case)) is not None and c.score is not None]
    return _mean([float(a > b) + float(a == b) / 2 for a, b in pairs])


def _figures(by_condition: Mapping[str, list[Cell]], defects: Sequence[str]) -> dict[str, float]:
    """Side figure to how well it tells these defects, whichever way it points: max(AUROC, 1 - AUROC)."""
    good, bad = by_condition[SOUND], [c for name in defects for c in by_condition[name]]
    names = dict.fromkeys(name for c in good for name in c.figures)
    out = {}
    for name in names:
        a, b = ([v for c in cells if (v := c.figures.get(name)) is not None] for cells in (good, bad))
        told = auroc(a, b).value
        if told is not None:
            out[name] = max(told, 1 - told)
    return out


def _again(
    id: str, units: Sequence[Unit], only: str | None = None
) -> tuple[list[list[float]], list[list[Any]]]:
    """(edits, seeds) scores and intervals of the edits that have a score at every seed."""
    table, intervals = [], []
    for unit in units:
        for condition in _measured_again(unit):
            if only is not None and condition != only:
                continue
            row = sorted(
                (c for c in unit.cells if c.benchmark == id and c.condition == condition),
                key=lambda c: c.seed,
            )
            scores = _scores(row)
            if len(row) > 1 and len(scores) == len(row):
                table.append(scores)
                intervals.append([c.interval for c in row])
    return table, intervals


def _measured_again(unit: Unit) -> list[str]:
    """The conditions of a unit that have cells at more than one seed."""
    seeds: dict[str, set[int]] = defaultdict(set)
    for cell in unit.cells:
        seeds[cell.condition].add(cell.seed)
    return [condition for condition, found in seeds.items() if len(found) > 1]


def _scores(cells: Sequence[Cell]) -> list[float]:
    return [c.score for c in cells if c.score is not None]


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
