"""What was accepted, rejected and asked for again, benchmark by benchmark."""

from collections import Counter
from collections.abc import Mapping, Sequence

from assay.generators.llm.collect import Collected
from assay.generators.plan import Reject, Sifted

EDITS = "edits"
"""The axis of further edits."""

FED_BY: Mapping[str, tuple[str, ...]] = {
    "edit_bench": ("direct", "paraphrase"),
    "edit_generalization": ("implied", "context", "indirect"),
    "ripple_bench": ("same_subject",),
    "fine_tune_diff": ("direct", "paraphrase", "unrelated"),
    "sequential_collapse_threshold": (EDITS, "neutral"),
    "batch_edit_consistency": ("direct", "paraphrase", EDITS),
    "sequential_edit_retention": ("direct", "paraphrase", EDITS),
    "locality_sensitivity_score": ("cross_domain",),
    "leme": ("openings",),
    "indirect_fact_recovery": ("multi_hop", "inverse", "alternate"),
    "portability_sub_metrics": ("template", "alias", "compositional"),
    "preservation_vs_memorization": ("surface", "paraphrase"),
    "zsre": ("question", "examples"),
}
"""Benchmark id to the axes of answers that its material is taken from."""


COPIES = ("edited", "question_shots")
"""Axes of probes that are other ones once more: the answer they were made from stays accepted."""


def sifted(raw: Collected, spent: Sequence[Reject], late: Sequence[Reject]) -> dict[str, Sifted]:
    """Of every benchmark. ``spent``: probes that were accepted and then left out because they stand elsewhere;
    ``late``: those that the audit of the whole plan threw out, under the benchmark that had them."""
    piles = tuple(raw.piles.values())
    good = Counter({axis: len(found) for one in piles for axis, found in one.good.items()})
    bad = Counter(_axis(reject) for one in piles for reject in one.rejects)
    gone = Counter(_axis(reject) for reject in spent)
    lost = Counter(reject.benchmark for reject in late)
    own = Counter(reject.benchmark for reject in late if reject.probe.axis not in COPIES)
    return {
        benchmark: Sifted(
            accepted=sum(good[axis] - gone[axis] for axis in axes) - own[benchmark],
            rejected=sum(bad[axis] + gone[axis] for axis in axes) + lost[benchmark],
            again=sum(max(one.again.get(axis, 0) for axis in axes) for one in piles),
        )
        for benchmark, axes in FED_BY.items()
    }


def _axis(reject: Reject) -> str:
    """The axis of the answers that it came with."""
    return EDITS if reject.benchmark == "synthetic" else reject.probe.axis or ""
