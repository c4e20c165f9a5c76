"""Benchmark id to the function that scores it; titles and thresholds stand in names.py."""

from collections.abc import Callable, Mapping

from assay.benchmarks.asking import Bench
from assay.benchmarks.generation import leme
from assay.benchmarks.locality import cross_domain, fine_tune_diff, ripple
from assay.benchmarks.retention import Outcome, mean_probability, memorisation, portability, zsre
from assay.benchmarks.stability import batch, collapse, retention

SCORERS: Mapping[str, Callable[[str, float, Bench], Outcome]] = {
    "edit_bench": mean_probability,
    "edit_generalization": mean_probability,
    "ripple_bench": ripple,
    "fine_tune_diff": fine_tune_diff,
    "sequential_collapse_threshold": collapse,
    "batch_edit_consistency": batch,
    "sequential_edit_retention": retention,
    "locality_sensitivity_score": cross_domain,
    "leme": leme,
    "indirect_fact_recovery": mean_probability,
    "portability_sub_metrics": portability,
    "preservation_vs_memorization": memorisation,
    "zsre": zsre,
}
"""Called with the benchmark's id, its threshold and the bench."""
