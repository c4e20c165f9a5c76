"""A data set in CounterFact's form for timing: the catalogue's facts that the model knows, prompts as many as there."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from assay.generators.plan import Plan
from assay.generators.table import generator
from assay.selfcheck.facts import known
from ground import Ground, model

PARAPHRASES, NEIGHBOURS = 2, 10
"""Prompts of each case that are asked, besides its own."""


def data_set(ground: Ground, n: int) -> Path:
    """The file of so many cases."""
    loaded, maker = ground.once(model).model, generator("catalogue")
    requests = islice(known(loaded, 0), n)
    records = [_record(number, maker.plan(request, 0)) for number, request in enumerate(requests)]
    path = ground.folder / f"cases-{n}.json"
    path.write_text(json.dumps(records), encoding="utf-8")
    return path


def _record(number: int, plan: Plan) -> dict[str, Any]:
    fact = plan.request
    return {
        "case_id": number,
        "requested_rewrite": {
            "prompt": fact.prompt.replace(fact.subject, "{}"),
            "subject": fact.subject,
            "target_new": {"str": fact.target},
            "target_true": {"str": fact.old},
        },
        "paraphrase_prompts": [probe.prompt for probe in plan.paraphrases[:PARAPHRASES]],
        "neighborhood_prompts": list(islice(_elsewhere(plan), NEIGHBOURS)),
    }


def _elsewhere(plan: Plan) -> Iterator[str]:
    """Prompts that do not name the subject."""
    prompts = (probe.prompt for probes in plan.probes.values() for probe in probes)
    return (prompt for prompt in dict.fromkeys(prompts) if plan.request.subject not in prompt)
