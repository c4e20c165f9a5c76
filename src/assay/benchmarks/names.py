"""The thirteen by name: what people read and what passes. Light, so that help and reports can use it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from assay.errors import RequestError


@dataclass(frozen=True)
class Name:
    """One benchmark as people know it."""

    title: str
    question: str
    group: str
    """retention | generalisation | locality | stability | generation"""
    threshold: float


NAMES: Mapping[str, Name] = {
    "edit_bench": Name("EditBench", "Does the edit hold beyond the training prompt?", "retention", 0.5),
    "edit_generalization": Name(
        "EditGeneralization", "Is the fact implied by other wording, too?", "generalisation", 0.4
    ),
    "ripple_bench": Name("RippleBench", "Are other facts of the same subject unchanged?", "locality", 0.7),
    "fine_tune_diff": Name(
        "FineTuneDiff", "Does the fact move while unrelated knowledge stays?", "locality", 0.6
    ),
    "sequential_collapse_threshold": Name(
        "SequentialCollapseThreshold", "How many further edits before the model degrades?", "stability", 1.0
    ),
    "batch_edit_consistency": Name(
        "BatchEditConsistency", "Do several edits made at once all hold?", "stability", 0.6
    ),
    "sequential_edit_retention": Name(
        "SequentialEditRetention", "Does the edit survive later edits?", "stability", 0.7
    ),
    "locality_sensitivity_score": Name(
        "LocalitySensitivityScore", "Are facts of other domains unchanged?", "locality", 0.6
    ),
    "leme": Name("LEME", "Does free text about the subject reflect the edit?", "generation", 0.5),
    "indirect_fact_recovery": Name(
        "IndirectFactRecovery", "Can the fact be used as a premise?", "generalisation", 0.35
    ),
    "portability_sub_metrics": Name(
        "PortabilitySubMetrics",
        "Does it carry over to other forms, names and sentences?",
        "generalisation",
        0.4,
    ),
    "preservation_vs_memorization": Name(
        "PreservationVsMemorization", "Generalised, or memorised on the surface?", "generalisation", 0.5
    ),
    "zsre": Name("zsRE", "Is the new object the answer to a question?", "retention", 0.4),
}
"""Benchmark id to its name, in the order in which they run."""


def chosen(only: Sequence[str] | None) -> tuple[str, ...]:
    """The wanted benchmark ids in the table's order, or an error naming what exists."""
    if only is None:
        return tuple(NAMES)
    for id in only:
        if id not in NAMES:
            near = get_close_matches(id, NAMES, 1)
            raise RequestError(
                f"unknown benchmark {id!r}",
                f"one or more of: {', '.join(NAMES)}",
                f"use {near[0]}" if near else "leave it out to run all thirteen",
            )
    return tuple(id for id in NAMES if id in only)
