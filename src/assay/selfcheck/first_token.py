"""Subjects that are the very first token: the original ROME against its corrected form.

Without a start token the first position is an attention sink, and the key of a subject there is unlike the same
subject's key behind a prefix. The original formula mixes both and explodes (Yang et al. 2024, Gupta et al. 2024).
Whether the benchmarks say so is measured on the model without its start token, both edits written from the very
same keys and value.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from statistics import median
from typing import Any

from assay.auroc import auroc
from assay.benchmarks.asking import Bench
from assay.benchmarks.names import NAMES
from assay.benchmarks.suite import run_suite
from assay.corpus.sources import corpus
from assay.edits.contexts import sample_contexts
from assay.edits.make import make_edit
from assay.edits.moments import second_moments
from assay.edits.optimise import keys_and_values
from assay.edits.validate import validate
from assay.generators.catalogue.facts import Facts, key
from assay.generators.catalogue.made_up import made_up
from assay.generators.catalogue.material import load_material
from assay.generators.plan import Request
from assay.models.model import Model
from assay.models.tokens import encode
from assay.selfcheck.tools import Tools

FORMS: Mapping[str, str] = {"original": "rome", "corrected": "r-rome"}
"""What the form is called here, and as a variant of the edit."""
BENCHMARKS = ("ripple_bench", "locality_sensitivity_score")
"""Those that must see the damage; further edits are left out, since none of their values are shared."""
TOGETHER = 4
"""Facts whose values are optimised together."""


def startless(model: Model) -> Model:
    """The same weights, with nothing put in front of texts."""
    return replace(model, start=None)


def first_token_requests(model: Model, seed: int) -> Iterator[Request]:
    """Made-up edits of subjects that are one token and begin their prompt, one relation in turn."""
    bare, material, facts = startless(model), load_material(), Facts()
    rng = random.Random(f"first token|{seed}")
    taken: set[str] = set()
    relations = list(material.relations.values())
    rng.shuffle(relations)
    hands = [
        made_up(
            r, [s for s in facts.subjects(r.id) if len(encode(bare, s)) == 1], material, facts, rng, taken
        )
        for r in relations
    ]
    for hand in zip_longest(*hands):
        for request in hand:
            if request is None or key(request.subject) in taken:
                continue
            if request.prompt.startswith(request.subject) and len(encode(bare, request.subject)) == 1:
                taken.add(key(request.subject))
                yield request


@dataclass(frozen=True)
class FirstToken:
    """Facts that are measured together."""

    requests: tuple[tuple[int, Request], ...]
    """Number and request of each."""


def measure_first_tokens(tools: Tools, piece: FirstToken) -> list[dict[str, Any]]:
    """One line a fact: both forms' scores and figures; the weights are the unedited ones afterwards."""
    model, settings = startless(tools.model), tools.settings
    # Every context counts alike, as in both papers: with the bare key alone the two forms are one.
    chosen = replace(settings.edit, bare_weight=None)
    moments = second_moments(model, corpus(), tools.cache, layers=[tools.layer], settings=settings.moments)
    contexts = sample_contexts(model, tools.seed, chosen)
    plans = [tools.plan(request, tools.seed) for _, request in piece.requests]
    values = keys_and_values(model, tools.layer, [p.request for p in plans], contexts, chosen)
    lines = []
    for (number, request), plan, value in zip(piece.requests, plans, values, strict=True):
        line: dict[str, Any] = {"case": number, "subject": request.subject, "prompt": request.prompt}
        for name, variant in FORMS.items():
            edit = make_edit(
                model,
                [plan.request],
                tools.layer,
                moments,
                variant=variant,
                seed=tools.seed,
                contexts=contexts,
                settings=chosen,
                ridge=settings.moments.ridge,
                facts=[value],
            )
            _, behaviour, representation = validate(
                model, edit, plan.paraphrases, plan.neutral, settings.validate
            ).checks
            bench = Bench(model, edit, plan, moments, settings.bench, tools.seed)
            line[name] = {
                "scores": {r.score.id: r.score.value for r in run_suite(bench, BENCHMARKS)},
                "norm": edit.figures["delta_norm"],
                "key_ratio": edit.figures["key_ratio"],
                "kl": behaviour.value,
                "stopped": not (behaviour.passed and representation.passed),
            }
        lines.append(line)
    return lines


def first_token_findings(lines: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """What the lines say together; None where nothing was measured."""
    if not lines:
        return None
    rows = []
    for id in BENCHMARKS:
        scores = {
            name: [s for line in lines if (s := line[name]["scores"][id]) is not None] for name in FORMS
        }
        told = auroc(scores["corrected"], scores["original"])
        rows.append(
            {
                "id": id,
                "title": NAMES[id].title,
                "auroc": told.value,
                "auroc_interval": list(told.interval) if told.interval else None,
                "scores": scores,
            }
        )
    return {
        "n": len(lines),
        "benchmarks": rows,
        "norm_ratio": median(line["original"]["norm"] / line["corrected"]["norm"] for line in lines),
        "key_ratio": median(line["original"]["key_ratio"] for line in lines),
        "stopped": {name: sum(line[name]["stopped"] for line in lines) / len(lines) for name in FORMS},
        "kl": {name: median(line[name]["kl"] for line in lines) for name in FORMS},
    }
