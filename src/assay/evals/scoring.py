"""The thirteen benchmarks on one case's edits, beside the paper's own metrics.

Their probes come from the catalogue, not from the data set. All cells of a case share the probes, what was
read of the unedited model and the values of the further edits. Nothing is shared between cases: two in a
hundred further edits recur there, and values that were optimised in other company differ in their last
digits, so that a run that was killed would not end with the same numbers.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from types import MappingProxyType
from typing import Any

from assay.benchmarks.asking import Bench
from assay.benchmarks.names import NAMES
from assay.benchmarks.seen import Seen
from assay.benchmarks.suite import run_suite
from assay.datasets.case import Case
from assay.edits.delta import Edit
from assay.evals.editing import Means, requests_of
from assay.generators.plan import Generator, Plan
from assay.generators.table import generator
from assay.models.model import Model

GENERATOR = "catalogue"
"""Who makes the probes."""

SEVERAL = "the case writes several facts: the benchmarks ask about one"


@cache
def maker_of(benchmarks: bool) -> Generator | None:
    """Who makes the probes, one for the whole process, since it reads its facts and sentences once; None when
    the benchmarks are not run."""
    return generator(GENERATOR) if benchmarks else None


@dataclass(frozen=True)
class Probed:
    """What the benchmarks ask of one case's edits, and what was read so far."""

    plan: Plan
    seconds: float
    """Making the plan."""
    seen: Seen = field(default_factory=Seen)


def probed(case: Case, maker: Generator, means: Means) -> Probed | None:
    """The probes of a case; None when it writes several facts.

    Data sets have names of their own for relations, so the generator recognises the relation by the prompt.
    """
    if len(case.rewrites) > 1:
        return None
    began = time.perf_counter()
    (request,) = requests_of(case)
    settings = means.settings.bench
    plan = maker.plan(replace(request, relation=None), means.seed, settings.n_probes, settings.n_synthetic)
    return Probed(plan, time.perf_counter() - began)


def scores_of(model: Model, edit: Edit, case: Probed | None, means: Means) -> Mapping[str, Any]:
    """What a line holds of the benchmarks; the weights are the unedited ones afterwards.

    ``scores``: benchmark id to its score in [0, 1], null where there is none; ``unscored``: why, for those.
    ``generic``: whether the catalogue did not recognise the relation, null for a case with several facts.
    """
    if case is None:
        return UNASKED
    began = time.perf_counter()
    seen = case.seen.of_another_edit()
    bench = Bench(model, edit, case.plan, means.moments, means.settings.bench, means.seed, seen=seen)
    bench.read_ahead()
    scores = [result.score for result in run_suite(bench)]
    return {
        "scores": {score.id: score.value for score in scores},
        "unscored": {score.id: score.reason for score in scores if score.value is None},
        "generic": case.plan.generic,
        # Making the probes is spent once for all layers and variants that are run together.
        "seconds_scores": case.seconds + time.perf_counter() - began,
    }


UNASKED: Mapping[str, Any] = MappingProxyType(
    {
        "scores": dict.fromkeys(NAMES),
        "unscored": dict.fromkeys(NAMES, SEVERAL),
        "generic": None,
        "seconds_scores": 0.0,
    }
)
"""The same of a case with several facts."""
