"""Which defects each benchmark has to name, and on which edits it is measured again."""

from collections.abc import Mapping

from assay.selfcheck.planted import SOUND

CONTRASTS: Mapping[str, tuple[str, ...]] = {
    "edit_bench": ("none", "prompt-only", "x20"),
    "edit_generalization": ("none", "prompt-only", "x20"),
    "ripple_bench": ("every-relation", "x20", "random-key"),
    "fine_tune_diff": ("none", "x20", "noise-2"),
    "sequential_collapse_threshold": ("x20", "random-key", "noise-2"),
    "batch_edit_consistency": ("x20", "conflict"),
    "sequential_edit_retention": ("conflict",),
    "locality_sensitivity_score": ("random-key", "x20", "noise-2", "repeats"),
    "leme": ("none", "repeats", "x20"),
    "indirect_fact_recovery": ("none", "prompt-only", "x20"),
    "portability_sub_metrics": ("none", "prompt-only", "x20"),
    "preservation_vs_memorization": ("prompt-only",),
    "zsre": ("none", "prompt-only", "x20"),
}
"""Benchmark id to the planted defects that it must score below sound edits."""

DOSES: Mapping[str, tuple[str, ...]] = {
    "locality_sensitivity_score": ("noise-0.5", "noise-1", "noise-2"),
}
"""Benchmark id to defects of growing size: its mean score must not rise along them."""

AGAIN: tuple[str, ...] = (SOUND, "x5", SOUND, "prompt-only", "random-key", SOUND, "conflict", SOUND)
"""Conditions of the edits that are measured again with fresh probes, in turn: half of them sound, half not, since
agreement can only be judged over edits that differ. Sound ones lie opposite to others, so that the second edit of
a fact is of another kind than its first (of twenty facts, say, ten have two)."""


def again_of(fact: int, facts: int, edits: int) -> tuple[str, ...]:
    """What is measured again on a fact, when so many edits are shared out among so many facts in turn."""
    return tuple(dict.fromkeys(AGAIN[n % len(AGAIN)] for n in range(fact, edits, facts)))


def benchmarks_of(condition: str) -> tuple[str, ...]:
    """What is measured on edits of a planted condition, in the benchmarks' order."""
    return tuple(id for id, defects in CONTRASTS.items() if condition in (*defects, *DOSES.get(id, ())))
