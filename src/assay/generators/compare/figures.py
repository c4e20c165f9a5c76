"""What can be said of a plan without a model: how much of it passed, how much is said twice, how varied it is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

from assay.generators.plan import Plan
from assay.probes.audit import same


@dataclass(frozen=True)
class Offer:
    """What a generator offered for one edit, and what became of it."""

    accepted: int
    rejected: int
    again: int
    """How often a language model was asked for more."""
    answers: int
    tokens_in: int
    tokens_out: int
    dollars: float | None
    """At list prices; None where none is known."""
    distinct: float
    """Share of different prompts, spelling aside, among those offered for benchmarks, in (0, 1]."""
    asked: int
    """Different prompts that the benchmarks ask."""
    unasked: tuple[str, ...]
    """Benchmarks without a probe."""


def offer_of(plan: Plan) -> Offer:
    """Counts of one plan. Where no language model wrote it, what passed is what it holds."""
    prompts = [same(prompt) for prompt in dict.fromkeys(prompts_of(plan))]
    offered = [*prompts, *(same(reject.probe.prompt) for reject in plan.rejects)]
    making = plan.making
    held = (
        len(prompts) + len(plan.paraphrases) + len(plan.neutral) + len(plan.synthetic) + len(plan.long_form)
    )
    return Offer(
        accepted=making.accepted if making else held,
        rejected=making.rejected if making else len(plan.rejects),
        again=making.again if making else 0,
        answers=making.answers if making else 0,
        tokens_in=making.tokens_in if making else 0,
        tokens_out=making.tokens_out if making else 0,
        dollars=making.dollars if making else None,
        distinct=len(set(offered)) / len(offered) if offered else 1.0,
        asked=len(set(prompts)),
        unasked=tuple(id for id, probes in plan.probes.items() if not probes and id not in TEXTS),
    )


TEXTS = frozenset({"leme", "sequential_collapse_threshold"})
"""Benchmarks that ask by other means than probes."""


def prompts_of(plan: Plan) -> list[str]:
    """The prompts of all benchmarks, in their order, repeats included."""
    return [probe.prompt for probes in plan.probes.values() for probe in probes]


def spread(vectors: Float32[np.ndarray, "n d"]) -> float | None:
    """Mean cosine distance of all pairs of unit vectors, in [0, 2]; None with fewer than two.

    |sum u|^2 = n + 2 * (sum of the cosines of all pairs), so no n x n matrix is needed.
    """
    n = len(vectors)
    if n < 2:
        return None
    total = float((vectors.astype(np.float64).sum(0) ** 2).sum())
    return 1 - (total - n) / (n * (n - 1))


def difference(pairs: Sequence[tuple[float, float]]) -> float | None:
    """Mean absolute difference of the two numbers of each pair; None without pairs."""
    return float(np.mean([abs(a - b) for a, b in pairs])) if pairs else None
