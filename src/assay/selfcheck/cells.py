"""One measured cell, a benchmark's score of one edit at one seed; and all cells of one fact."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from assay.benchmarks.result import BenchResult
from assay.score import Interval


@dataclass(frozen=True)
class Cell:
    """One score, with what is needed to judge it."""

    case: int
    """Number of the fact."""
    condition: str
    """``sound`` or a planted defect."""
    seed: int
    """Seed of the probes."""
    benchmark: str
    score: float | None
    interval: Interval | None
    reason: str | None
    """Why there is no score."""
    ceiling: float | None
    figures: Mapping[str, float | None] = field(default_factory=dict)

    @classmethod
    def of(cls, case: int, condition: str, seed: int, result: BenchResult) -> "Cell":
        """The cell of a finished benchmark."""
        score = result.score
        return cls(
            case,
            condition,
            seed,
            score.id,
            score.value,
            score.interval,
            score.reason,
            result.ceiling,
            dict(score.figures),
        )

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Cell":
        """The cell that ``asdict`` and a JSON file hold."""
        interval = data["interval"]
        return cls(**{**data, "interval": (interval[0], interval[1]) if interval else None})


@dataclass(frozen=True)
class Unit:
    """All that was measured of one fact."""

    case: int
    subject: str
    relation: str | None
    target: str
    cells: tuple[Cell, ...]
    overlap: Mapping[str, float] = field(default_factory=dict)
    """Benchmark to the mean share of probes that two seeds have in common."""
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dict."""
        return asdict(self)


def unit_from_json(data: Mapping[str, Any]) -> Unit:
    """The unit that ``to_json`` wrote."""
    return Unit(**{**data, "cells": tuple(Cell.from_json(c) for c in data["cells"])})
