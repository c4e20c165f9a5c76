"""From requests to an Edit: contexts, keys and values, solve. The model is unchanged."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from difflib import get_close_matches

from assay.edits.contexts import sample_contexts
from assay.edits.delta import Edit, Update
from assay.edits.key_value import KeyValue
from assay.edits.moments import Moments
from assay.edits.optimise import keys_and_values
from assay.edits.solve import joint, output, rank_one
from assay.errors import RequestError
from assay.events import Emit, ignore
from assay.generators.plan import Request
from assay.models.model import Model
from assay.models.tokens import answer_ids, subject_span
from assay.settings import METHODS, VARIANTS, EditSettings, MomentSettings


def check_request(model: Model, request: Request) -> None:
    """Raise RequestError for a request that cannot mean anything; nothing has been computed yet."""
    if not request.prompt.strip():
        raise RequestError("an empty prompt", "a cloze prompt that the target completes", "give --prompt")
    subject_span(model, request.prompt, request.subject)
    answer_ids(model, request.prompt, request.target)
    if request.old is not None and request.old.strip().casefold() == request.target.strip().casefold():
        raise RequestError(
            f"target {request.target!r} is the old answer",
            "a target that differs from what holds now",
            "choose another target, or correct --old",
        )


def check_method(method: str, variant: str) -> None:
    """Raise RequestError for an unknown method or variant, naming what exists."""
    for kind, name, known in (("method", method, METHODS), ("variant", variant, VARIANTS)):
        if name not in known:
            near = get_close_matches(name, known, 1)
            raise RequestError(
                f"unknown {kind} {name!r}",
                f"one of: {', '.join(known)}",
                f"use {near[0] if near else known[0]}",
            )


def make_edit(
    model: Model,
    requests: Sequence[Request],
    layer: int,
    moments: Moments,
    *,
    method: str = "rome",
    variant: str = "r-rome",
    seed: int = 0,
    contexts: Sequence[str] | None = None,
    settings: EditSettings | None = None,
    ridge: float = MomentSettings.ridge,
    facts: Sequence[KeyValue] | None = None,
    emit: Emit = ignore,
) -> Edit:
    """The edit of ``requests`` at ``layer``, made on the model as it is now and not applied.

    ``contexts`` and ``moments`` are passed in, so two implementations can be compared on the same ones.
    ``facts`` are the requests' keys and values where they have been found before, together with others.
    """
    settings = settings or EditSettings()
    check_method(method, variant)
    if not requests or (method == "rome" and len(requests) != 1):
        raise RequestError(
            f"{len(requests)} facts for method {method!r}",
            "exactly one for rome, one or more for memit",
            "use memit",
        )
    for request in requests:
        check_request(model, request)
    began = time.perf_counter()
    drawn = tuple(contexts) if contexts is not None else sample_contexts(model, seed, settings)
    if facts is None:
        facts = keys_and_values(model, layer, requests, drawn, settings, emit)
    if method == "rome":
        update = rank_one(model, facts[0], moments, variant, ridge)
    else:
        update = joint(model, facts, moments, settings.memit_lambda, ridge)
    return Edit(
        requests=tuple(requests),
        method=method,
        variant=variant if method == "rome" else "joint",
        updates=(update,),
        model_id=model.id,
        model_hash=model.hash,
        seed=seed,
        contexts=drawn,
        settings={**asdict(settings), "ridge": ridge},
        figures={
            **_figures(model, facts[0], update, moments, ridge),
            "moments": {
                "tokens": moments.tokens,
                "corpus": moments.corpus,
                "corpus_hash": moments.corpus_hash[:16],
                "relative_error": moments.convergence.get(layer),
            },
            "seconds": time.perf_counter() - began,
        },
    )


def _figures(model: Model, kv: KeyValue, update: Update, moments: Moments, ridge: float) -> dict[str, object]:
    """What to look at when an edit misbehaves."""
    u = moments.solve(kv.layer, kv.k_mean[:, None], ridge)[:, 0]
    weight = model.down(kv.layer).weight.double()
    wanted = kv.v.double() - output(model, kv.layer, kv.k_mean[:, None].double())[:, 0]
    return {
        "loss": list(kv.loss),
        "p_target": list(kv.p_target),
        "delta_norm": float(update.dense().norm()),
        "weight_norm": float(weight.norm()),
        "value_shift": float(wanted.norm()),
        "value_norm": float(kv.v_start.norm()),
        "key_norm_bare": float(kv.k_bare.norm()),
        "key_norm_mean": float(kv.k_mean.norm()),
        # Near 1 the bare prompt gets the whole shift; near 0 the original ROME explodes.
        "key_ratio": float((kv.k_bare.double() @ u) / (kv.k_mean.double() @ u)),
    }
