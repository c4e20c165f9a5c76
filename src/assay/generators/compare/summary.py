"""What the lines of several generators say together."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from assay.benchmarks.names import NAMES
from assay.evals.correlation import spearman
from assay.generators.compare.figures import difference
from assay.score import bootstrap

Line = Mapping[str, Any]
Lines = Mapping[str, Sequence[Line]]
"""Generator as it was named to its lines, in the order of the cases."""


def of_generator(lines: Sequence[Line]) -> dict[str, Any]:
    """Sums and means over the edits, as JSON."""
    offers = [line["offer"] for line in lines]
    accepted, rejected = (sum(offer[name] for offer in offers) for name in ("accepted", "rejected"))
    prices = [offer["dollars"] for offer in offers if offer["dollars"] is not None]
    distances = [line["distance"] for line in lines if line["distance"] is not None]
    return {
        "title": lines[0]["generator"],
        "edits": len(lines),
        "accepted": accepted,
        "rejected": rejected,
        "acceptance": accepted / (accepted + rejected) if accepted + rejected else None,
        "again": sum(offer["again"] for offer in offers),
        "asked": float(np.mean([offer["asked"] for offer in offers])),
        "unscored": sum(len(line["unscored"]) for line in lines),
        "distinct": float(np.mean([offer["distinct"] for offer in offers])),
        "distance": float(np.mean(distances)) if distances else None,
        "p_before": _quartiles([p for line in lines for p in line["p_before"]]),
        "p_after": _quartiles([p for line in lines for p in line["p_after"]]),
        "answers": sum(offer["answers"] for offer in offers),
        "tokens_in": sum(offer["tokens_in"] for offer in offers),
        "tokens_out": sum(offer["tokens_out"] for offer in offers),
        "dollars": sum(prices) if len(prices) == len(offers) else None,
        "seconds_plan": sum(line["seconds_plan"] for line in lines) / len(lines),
        "seconds_suite": sum(line["seconds_suite"] for line in lines) / len(lines),
    }


def _quartiles(values: Sequence[float]) -> dict[str, Any] | None:
    """How hard the positive probes are: quartiles and spread of P(target), all edits together."""
    if not values:
        return None
    low, middle, high = np.percentile(values, [25, 50, 75])
    return {
        "n": len(values),
        "mean": float(np.mean(values)),
        "sd": float(np.std(values)),
        "quartiles": [float(low), float(middle), float(high)],
    }


def agreements(lines: Lines, seed: int, resamples: int) -> list[dict[str, Any]]:
    """For every two generators and every benchmark: do they rank the edits alike, and how far apart are they?"""
    found = []
    for first, second in combinations(lines, 2):
        rows = []
        for id, name in NAMES.items():
            both = [
                (a["scores"][id], b["scores"][id])
                for a, b in zip(lines[first], lines[second], strict=True)
                if a["scores"][id] is not None and b["scores"][id] is not None
            ]
            apart = bootstrap(
                [[abs(a - b) for a, b in both]], lambda some: float(np.mean(some)), seed, resamples
            )
            rows.append(
                {
                    "id": id,
                    "title": name.title,
                    "n": len(both),
                    "rho": spearman(second, both).to_json(),
                    "difference": difference(both),
                    "interval": list(apart) if apart else None,
                    "means": [float(np.mean(column)) for column in zip(*both, strict=True)] or None,
                }
            )
        found.append({"generators": [first, second], "benchmarks": rows})
    return found
