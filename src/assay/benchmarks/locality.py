"""Benchmarks that ask what else moved: on the same subject, on other facts, in other domains."""

from typing import Any

import numpy as np

from assay.benchmarks.asking import Bench, axis_table, by_axis, knows, mean, valued
from assay.benchmarks.retention import NO_PROBES, Outcome
from assay.score import Score, bootstrap, unscored


def ripple(id: str, threshold: float, bench: Bench) -> Outcome:
    """Mean of 1 - TV(before, after) of the next-token distribution over other facts of the same subject."""
    results = bench.results(id)
    if not results:
        return Outcome(unscored(id, NO_PROBES, threshold))
    kept = [1 - r.tv for r in results]
    results = valued(results, kept)
    known = [r for r in results if r.expected_p_before is not None and knows(r, bench.settings)]
    figures = {
        "leak": mean([r.p_after for r in results]),
        "leak_before": mean([r.p_before for r in results]),
        "top1_kept": mean([float(r.top1_before == r.top1_after) for r in results]),
        "known_answers": float(len(known)),
        "known_answer_p_before": mean([r.expected_p_before or 0.0 for r in known]) if known else None,
        "known_answer_p_after": mean([r.expected_p_after or 0.0 for r in known]) if known else None,
    }
    interval = bootstrap([kept], _mean, bench.seed, bench.settings.resamples)
    value = mean(kept)
    return Outcome(Score(id, value, value, interval, len(kept), 0, threshold, None, figures), results)


def fine_tune_diff(id: str, threshold: float, bench: Bench) -> Outcome:
    """Mean rise of P on the edited fact minus mean absolute shift of known answers on unrelated facts.

    An unrelated fact that the unedited model does not know cannot shift and is left out, with the reason.
    """
    results = bench.results(id)

    def contribution(r: Any) -> float | None:
        if r.axis == "edited":
            return float(r.p_after - r.p_before)
        return abs(r.expected_p_after - r.expected_p_before) if knows(r, bench.settings) else None

    results = valued(
        results, [contribution(r) for r in results], "the unedited model does not know the answer"
    )
    groups = by_axis(results)
    edited, unrelated = groups.get("edited"), groups.get("unrelated")
    out = sum(r.value is None for r in results)
    if not edited or not unrelated:
        reason = (
            NO_PROBES if not edited or not results else "the unedited model knows none of the unrelated facts"
        )
        return Outcome(unscored(id, reason, threshold, out), results)

    def difference(e: Any, u: Any) -> float:
        return float(np.clip(np.mean(e) - np.mean(u), 0, 1))

    signal, noise = mean(edited), mean(unrelated)
    figures = {"signal": signal, "noise": noise, "snr": signal / noise if noise > 0 else None}
    interval = bootstrap([edited, unrelated], difference, bench.seed, bench.settings.resamples)
    n = len(edited) + len(unrelated)
    score = Score(
        id, difference(edited, unrelated), signal - noise, interval, n, out, threshold, None, figures
    )
    old = [r.expected_p_before for r in results if r.axis == "edited" and r.expected_p_before is not None]
    return Outcome(score, results, mean(old) if old else None, axis_table(results))


def cross_domain(id: str, threshold: float, bench: Bench) -> Outcome:
    """exp(-mean KL(before || after)) over facts of other domains; the mean KL in nats is the raw value."""
    results = bench.results(id)
    if not results:
        return Outcome(unscored(id, NO_PROBES, threshold))
    shifts = [r.kl for r in results]
    results = valued(results, shifts)
    interval = bootstrap([shifts], lambda x: float(np.exp(-np.mean(x))), bench.seed, bench.settings.resamples)
    figures = {
        "mean_kl": mean(shifts),
        "largest_kl": max(shifts),
        "top1_kept": mean([float(r.top1_before == r.top1_after) for r in results]),
    }
    value = float(np.exp(-mean(shifts)))
    return Outcome(
        Score(id, value, mean(shifts), interval, len(shifts), 0, threshold, None, figures), results
    )


def _mean(x: Any) -> float:
    return float(np.mean(x))
