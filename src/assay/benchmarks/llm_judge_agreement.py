"""How far two judges of the same texts agree on one criterion: the share of equal verdicts, and Cohen's kappa."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from assay.score import Interval, bootstrap, wilson

HOLDS = 0.5
"""A criterion holds for a judge from this value on, in [0, 1]."""
LEAST = 2
"""Texts, at least."""


@dataclass(frozen=True)
class Agreement:
    """Two judges on one criterion."""

    n: int
    """Texts on which both have a verdict."""
    equal: float | None
    """Share of them on which both say that it holds, or both that it does not."""
    equal_interval: Interval | None
    """95%, Wilson."""
    kappa: float | None
    """Cohen's kappa of the two verdicts (Cohen 1960): 0 is chance, 1 full agreement."""
    kappa_interval: Interval | None
    """95%, texts resampled; resamples in which a judge always says the same have no kappa and are left out."""
    reason: str | None
    """Why there is no kappa."""

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dict."""
        return asdict(self)


def agreement(
    rule: Sequence[float | None], model: Sequence[float | None], seed: int, resamples: int
) -> Agreement:
    """The agreement of the rule and of a language model, text by text; None where one has no verdict."""
    pairs = [
        (a >= HOLDS, b >= HOLDS) for a, b in zip(rule, model, strict=True) if a is not None and b is not None
    ]
    n, same = len(pairs), sum(a == b for a, b in pairs)
    if n < LEAST:
        reason = f"both have a verdict on {n} texts: at least {LEAST} are needed"
        return Agreement(n, same / n if n else None, wilson(same, n), None, None, reason)
    constant = [
        who
        for who, said in zip(("the rule", "the model"), zip(*pairs, strict=True), strict=True)
        if len(set(said)) < 2
    ]
    if constant:
        reason = f"{' and '.join(constant)} always said the same: agreement by chance cannot be told apart"
        return Agreement(n, same / n, wilson(same, n), None, None, reason)
    table = np.array(pairs, dtype=float)
    return Agreement(
        n,
        same / n,
        wilson(same, n),
        cohens_kappa(table),
        bootstrap([table], cohens_kappa, seed, resamples),
        None,
    )


def cohens_kappa(pairs: Any) -> float:
    """Kappa of (texts, 2) verdicts of 0 and 1; NaN where either judge always says the same."""
    one, two = np.asarray(pairs, float).T
    if np.ptp(one) == 0 or np.ptp(two) == 0:
        return float("nan")
    observed = float((one == two).mean())
    chance = float(one.mean() * two.mean() + (1 - one.mean()) * (1 - two.mean()))
    return (observed - chance) / (1 - chance)
