"""Benchmarks that ask whether the new fact is there: directly, in other words, further on, as a question.

Each scores P = P_after(target), and each shows its ceiling: the same score for the old fact before the
edit, because an edit cannot make a model do what it never could.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from assay.benchmarks.asking import Bench, axis_table, by_axis, mean, valued
from assay.benchmarks.result import ProbeResult
from assay.score import Interval, Score, bootstrap, unscored, wilson


@dataclass(frozen=True)
class Outcome:
    """What a benchmark's own code hands to the suite, which adds title, question and timing."""

    score: Score
    probes: Sequence[ProbeResult] = ()
    ceiling: float | None = None
    sub_axes: Any = None
    steps: Sequence[Any] = ()
    texts: Sequence[Any] = ()


NO_PROBES = "the generator had no probe for this benchmark"


def _mean(*groups: Any) -> float:
    return float(np.concatenate(groups).mean())


def _mean_of_means(*groups: Any) -> float:
    return float(np.mean([np.mean(g) for g in groups]))


def _interval(
    results: Sequence[ProbeResult], statistic: Callable[..., float], bench: Bench
) -> Interval | None:
    groups = list(by_axis(results).values())
    if statistic is _mean:
        groups = [[v for g in groups for v in g]]
    return bootstrap(groups, statistic, bench.seed, bench.settings.resamples)


def _probability(id: str, threshold: float, bench: Bench, statistic: Callable[..., float]) -> Outcome:
    results = bench.results(id)
    if not results:
        return Outcome(unscored(id, NO_PROBES, threshold))
    results = valued(results, [r.p_after for r in results])
    groups = by_axis(results)
    value = statistic(*groups.values())
    known = [r for r in results if r.expected_p_before is not None]
    ceiling = (
        statistic(*by_axis(valued(known, [r.expected_p_before for r in known])).values()) if known else None
    )
    figures = {
        "p_before": mean([r.p_before for r in results]),
        "p_mean_token": mean([r.p_mean_token_after for r in results]),
        "argmax_share": mean([float(r.argmax_all_after) for r in results]),
        "beats_old": mean([float(r.p_after > (r.expected_p_after or 0.0)) for r in known]) if known else None,
    }
    score = Score(
        id, value, value, _interval(results, statistic, bench), len(results), 0, threshold, None, figures
    )
    return Outcome(score, results, ceiling, axis_table(results))


def mean_probability(id: str, threshold: float, bench: Bench) -> Outcome:
    """Mean P over all probes."""
    return _probability(id, threshold, bench, _mean)


def portability(id: str, threshold: float, bench: Bench) -> Outcome:
    """Mean of the axis means (template, alias, compositional), so that no axis outweighs another."""
    return _probability(id, threshold, bench, _mean_of_means)


def zsre(id: str, threshold: float, bench: Bench) -> Outcome:
    """Share of questions on which every target token is the argmax, teacher-forced (Meng et al. 2022, table 1);
    the papers' mean token accuracy stands beside it."""
    results = bench.results(id)
    if not results:
        return Outcome(unscored(id, NO_PROBES, threshold))
    hits = [float(r.argmax_all_after) for r in results]
    results = valued(results, hits)
    known = [r for r in results if r.expected_argmax_before is not None]
    figures = {
        "token_accuracy": mean([r.token_accuracy_after for r in results]),
        "mean_p": mean([r.p_after for r in results]),
    }
    value = mean(hits)
    score = Score(id, value, value, wilson(int(sum(hits)), len(hits)), len(hits), 0, threshold, None, figures)
    ceiling = mean([float(bool(r.expected_argmax_before)) for r in known]) if known else None
    return Outcome(score, results, ceiling, axis_table(results))


def memorisation(id: str, threshold: float, bench: Bench) -> Outcome:
    """Mean P on strong paraphrases over mean P on near-identical probes, clipped to [0, 1]."""
    results = valued(r := bench.results(id), [x.p_after for x in r])
    groups = by_axis(results)
    floor = bench.settings.surface_floor
    if not groups.get("surface") or not groups.get("paraphrase"):
        return Outcome(unscored(id, NO_PROBES, threshold, len(results)), results)
    surface, paraphrase = mean(groups["surface"]), mean(groups["paraphrase"])
    figures = {"surface": surface, "paraphrase": paraphrase}
    table = axis_table(results)
    if surface < floor:
        reason = (
            f"edit not held: mean P {surface:.3f} on the surface probes, at least {floor} needed for a ratio"
        )
        return Outcome(
            Score(id, None, None, None, 0, len(results), threshold, reason, figures), results, None, table
        )

    def ratio(s: Any, p: Any) -> float:
        return float(np.clip(np.mean(p) / max(float(np.mean(s)), 1e-9), 0, 1))

    raw = paraphrase / surface
    interval = bootstrap(
        [groups["surface"], groups["paraphrase"]], ratio, bench.seed, bench.settings.resamples
    )
    old = by_axis(
        valued(
            known := [r for r in results if r.expected_p_before is not None],
            [r.expected_p_before for r in known],
        )
    )
    ceiling = None
    if old.get("surface") and old.get("paraphrase") and mean(old["surface"]) >= floor:
        ceiling = ratio(old["surface"], old["paraphrase"])
    score = Score(id, min(1.0, raw), raw, interval, len(results), 0, threshold, None, figures)
    return Outcome(score, results, ceiling, table)
