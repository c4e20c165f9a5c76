"""Slow, obvious versions of everything assay computes fast, a file per subject. Nothing here is clever."""

from oracles.edits import (
    _down_in,
    in_float64,
    moments_slowly,
    optimise_slowly,
    original_rome_slowly,
    trace_slowly,
)
from oracles.features import ablate_slowly, cohens_d_slowly, correlation_slowly, mean_cosine_slowly
from oracles.probes import measure_slowly, next_logp_slowly
from oracles.sae import (
    Sentences,
    codes_slowly,
    cosines_slowly,
    distinct_slowly,
    logit_weights_slowly,
    postings_slowly,
    ranked_slowly,
)

__all__ = [
    "Sentences",
    "_down_in",
    "ablate_slowly",
    "codes_slowly",
    "cohens_d_slowly",
    "correlation_slowly",
    "cosines_slowly",
    "distinct_slowly",
    "in_float64",
    "logit_weights_slowly",
    "mean_cosine_slowly",
    "measure_slowly",
    "moments_slowly",
    "next_logp_slowly",
    "optimise_slowly",
    "original_rome_slowly",
    "postings_slowly",
    "ranked_slowly",
    "trace_slowly",
]
