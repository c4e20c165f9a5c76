"""One case's edits at one layer, for every variant from one optimisation."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from assay.datasets.case import Case
from assay.edits.delta import Edit, Update
from assay.edits.key_value import KeyValue
from assay.edits.moments import Moments
from assay.edits.optimise import keys_and_values
from assay.edits.solve import joint, rank_one
from assay.generators.plan import Request
from assay.models.model import Model
from assay.settings import Settings

JOINT = "joint"
"""The only variant of MEMIT's solve."""


@dataclass(frozen=True)
class Means:
    """What all edits of a run share."""

    moments: Moments
    contexts: tuple[str, ...]
    """Sampled once, the empty one first."""
    settings: Settings
    seed: int


def variants_of(method: str, asked: Sequence[str]) -> tuple[str, ...]:
    """The variants a method has, of those asked for."""
    return tuple(dict.fromkeys(asked)) if method == "rome" else (JOINT,)


def requests_of(case: Case) -> tuple[Request, ...]:
    """The case's facts as the editor takes them."""
    return tuple(Request(f.prompt, f.subject, f.target_new, f.target_true, f.relation) for f in case.rewrites)


def values_of(model: Model, requests: Sequence[Request], layer: int, means: Means) -> list[KeyValue]:
    """The facts' keys and values, optimised on the unedited model; every variant writes the same ones."""
    return keys_and_values(model, layer, requests, means.contexts, means.settings.edit)


def edit_of(
    model: Model, requests: tuple[Request, ...], values: Sequence[KeyValue], variant: str, means: Means
) -> Edit:
    """The edit in one variant, not applied.

    ROME writes the facts of a case one after another, each on the weights that hold those before it; the
    joint solve writes them at once.
    """
    if variant == JOINT:
        weight, ridge = means.settings.edit.memit_lambda, means.settings.moments.ridge
        updates: tuple[Update, ...] = (joint(model, values, means.moments, weight, ridge),)
    else:
        updates = _one_by_one(model, requests, values, variant, means)
    return _edit(model, requests, variant, updates, means, values)


def _one_by_one(
    model: Model, requests: tuple[Request, ...], values: Sequence[KeyValue], variant: str, means: Means
) -> tuple[Update, ...]:
    updates: tuple[Update, ...] = ()
    for value in values:
        with _edit(model, requests, variant, updates, means, values).applied(model):
            updates += (rank_one(model, value, means.moments, variant, means.settings.moments.ridge),)
    return updates


def _edit(
    model: Model,
    requests: tuple[Request, ...],
    variant: str,
    updates: tuple[Update, ...],
    means: Means,
    values: Sequence[KeyValue],
) -> Edit:
    return Edit(
        requests=requests,
        method="memit" if variant == JOINT else "rome",
        variant=variant,
        updates=updates,
        model_id=model.id,
        model_hash=model.hash,
        seed=means.seed,
        contexts=means.contexts,
        settings={**asdict(means.settings.edit), "ridge": means.settings.moments.ridge},
        figures={
            "loss": [value.loss[-1] for value in values],
            "p_target": [value.p_target[-1] for value in values],
            "steps": [len(value.loss) for value in values],
            # Of a rank-one matrix the Frobenius norm is the product of its factors' norms.
            "delta_norm": [float(u.left.norm() * u.right.norm()) for u in updates if u.left.shape[1] == 1],
        },
    )
