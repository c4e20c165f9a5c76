"""A Plan as JSON and back, so that a suite can be resumed or asked again word for word."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from assay.generators.plan import Making, Plan, Reject, Request, Sifted, Synthetic
from assay.probes.probe import Probe


def plan_to_json(plan: Plan) -> dict[str, Any]:
    """A JSON-able dict; plan_from_json is its inverse."""
    return {
        "request": plan.request.to_json(),
        "generator": plan.generator,
        "relation_confidence": plan.relation_confidence,
        "generic": plan.generic,
        "paraphrases": [probe.to_json() for probe in plan.paraphrases],
        "neutral": list(plan.neutral),
        "probes": {benchmark: [probe.to_json() for probe in some] for benchmark, some in plan.probes.items()},
        "synthetic": [
            {"request": made.request.to_json(), "probes": [probe.to_json() for probe in made.probes]}
            for made in plan.synthetic
        ],
        "long_form": list(plan.long_form),
        "rejects": [
            {"benchmark": reject.benchmark, "probe": reject.probe.to_json(), "reason": reject.reason}
            for reject in plan.rejects
        ],
        "notes": list(plan.notes),
        "making": asdict(plan.making) if plan.making else None,
        "sifted": {benchmark: asdict(one) for benchmark, one in plan.sifted.items()},
    }


def plan_from_json(data: Mapping[str, Any]) -> Plan:
    """The Plan that plan_to_json wrote."""
    return Plan(
        request=Request(**data["request"]),
        generator=data["generator"],
        relation_confidence=data["relation_confidence"],
        generic=data["generic"],
        paraphrases=_probes(data["paraphrases"]),
        neutral=tuple(data["neutral"]),
        probes={benchmark: _probes(some) for benchmark, some in data["probes"].items()},
        synthetic=tuple(
            Synthetic(Request(**made["request"]), _probes(made["probes"])) for made in data["synthetic"]
        ),
        long_form=tuple(data["long_form"]),
        rejects=tuple(
            Reject(reject["benchmark"], Probe(**reject["probe"]), reject["reason"])
            for reject in data["rejects"]
        ),
        notes=tuple(data["notes"]),
        making=Making(**data["making"]) if data.get("making") else None,
        sifted={benchmark: Sifted(**one) for benchmark, one in (data.get("sifted") or {}).items()},
    )


def _probes(rows: list[dict[str, Any]]) -> tuple[Probe, ...]:
    return tuple(Probe(**row) for row in rows)
