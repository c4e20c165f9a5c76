"""Edits whose defect is known because it was put there, and the sound edits they are compared with.

Every maker takes the ground it works on and a sound edit of the same fact. Nothing here is tuned to a
benchmark: a defect is defined by how the weights are changed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import torch
from torch import Tensor

from assay.edits.delta import Edit, Update
from assay.edits.moments import Moments
from assay.edits.optimise import key_and_value, keys_and_values
from assay.edits.solve import rank_one
from assay.edits.written import written
from assay.generators.plan import Plan, Request, Synthetic
from assay.models.families import module_at
from assay.models.forward import forward, pack
from assay.models.model import Model
from assay.models.tokens import answer_ids, encode
from assay.settings import Settings

LATE = 2 / 3
"""Depth of the edit that is keyed on the prompt's end: there the whole prompt has been read."""
PUSH = 0.2
"""Length of the push towards the target's token, relative to the residual stream there: enough to be said
again and again, not enough to be all that is said."""
NOISE_RANK = 64
EVERY = 4
"""Further relations of the subject into which the target is written."""


@dataclass(frozen=True)
class Ground:
    """What planted edits are made on."""

    model: Model
    layer: int
    contexts: tuple[str, ...]
    moments: Moments
    settings: Settings
    plan: Plan
    """The probes of the fact, for the defects that need other prompts about the subject."""
    seed: int = 0


Maker = Callable[[Ground, Request, Edit], Edit]


@dataclass(frozen=True)
class Planted:
    """One way in which an edit can be bad."""

    what: str
    """For people: what was done to the weights."""
    make: Maker
    plan: Callable[[Plan], Plan] = lambda plan: plan
    """What is asked, where the further edits are the defect."""


def _with(ground: Ground, sound: Edit, update: Update, name: str) -> Edit:
    return replace(sound, updates=(update,), variant=name, figures={})


def none(ground: Ground, request: Request, sound: Edit) -> Edit:
    """No change at all, as an edit of rank one whose factors are zero."""
    (update,) = sound.updates
    nothing = Update(update.layer, torch.zeros_like(update.left), torch.zeros_like(update.right))
    return _with(ground, sound, nothing, "none")


def prompt_only(ground: Ground, request: Request, sound: Edit) -> Edit:
    """Keyed on the last token of the exact prompt at two thirds of the depth, without contexts: what a
    fine-tune on one sentence learns, and nothing about the subject."""
    layer = round(LATE * ground.model.n_layers)
    whole = Request(request.prompt, request.prompt, request.target, request.old)
    settings = replace(ground.settings.edit, kl=0.0)
    kv = key_and_value(ground.model, layer, whole, ("",), settings)
    return _with(ground, sound, rank_one(ground.model, kv, ground.moments), "prompt-only")


def scaled(factor: float) -> Maker:
    """The sound update, ``factor`` times as large."""

    def make(ground: Ground, request: Request, sound: Edit) -> Edit:
        (update,) = sound.updates
        return _with(ground, sound, Update(update.layer, update.left * factor, update.right), f"x{factor:g}")

    return make


def random_key(ground: Ground, request: Request, sound: Edit) -> Edit:
    """The sound shift of the value, written along a random key: every other key has a share of it, too."""
    (update,) = sound.updates
    key = written(ground.model, sound).k_mean.double().cpu()[:, None]
    right = _random(ground, update.right.shape)
    return _with(
        ground, sound, Update(update.layer, update.dense() @ key / (key * right).sum(), right), "random-key"
    )


def every_relation(ground: Ground, request: Request, sound: Edit) -> Edit:
    """A value that makes the target follow the subject whatever is asked about it."""
    others = [
        Request(p.prompt, request.subject, request.target)
        for p in ground.plan.probes["ripple_bench"]
        if p.prompt.count(request.subject) == 1
    ]
    settings = replace(ground.settings.edit, kl=0.0, weight_decay=0.0)
    values = keys_and_values(ground.model, ground.layer, others[:EVERY], ("",), settings)
    fact = written(ground.model, sound)
    deltas = torch.stack([kv.v.double() - kv.v_start.double() for kv in (fact, *values)])
    mean = deltas.mean(0)
    shift = mean * (deltas.norm(dim=1).max() / mean.norm())
    wanted = replace(fact, v=fact.v_start.double() + shift)
    return _with(ground, sound, rank_one(ground.model, wanted, ground.moments), "every-relation")


def repeats(ground: Ground, request: Request, sound: Edit) -> Edit:
    """A push towards the target's first token at every position: a model that says it again and again."""
    model, layer = ground.model, ground.model.n_layers - 2
    rows = [encode(model, text) for text in ground.plan.neutral]
    batch, _ = pack(model, rows)
    with torch.no_grad():
        tape = forward(model, batch, down_in=[layer], block_out=[layer], stop=layer)
    skip = 0 if model.start is None else 1  # the start token's states are unlike all others
    at = torch.tensor([(i, n) for i, row in enumerate(rows) for n in range(skip, len(row))])
    key = tape.down_in[layer][at[:, 0], at[:, 1]].double().mean(0)
    usual = float(tape.block_out[layer][at[:, 0], at[:, 1]].double().norm(dim=1).mean())
    gain = getattr(module_at(model.module, model.family.norm, model.family), "weight", torch.ones(()))
    token = answer_ids(model, request.prompt, request.target)[0]
    towards = model.module.get_output_embeddings().weight[token].double() * gain.double()
    left = PUSH * usual * towards / towards.norm()
    return _with(ground, sound, Update(layer, left[:, None], (key / (key @ key))[:, None]), "repeats")


def noise(size: float) -> Maker:
    """Random noise in the edited weight, ``size`` times its norm."""

    def make(ground: Ground, request: Request, sound: Edit) -> Edit:
        (update,) = sound.updates
        left = _random(ground, (ground.model.d_model, NOISE_RANK))
        right = _random(ground, (ground.model.d_mlp, NOISE_RANK))
        norm = float(ground.model.down(update.layer).weight.double().norm())
        scale = size * norm / (left @ right.T).norm()
        return _with(ground, sound, Update(update.layer, left * scale, right), f"noise-{size:g}")

    return make


def as_it_is(ground: Ground, request: Request, sound: Edit) -> Edit:
    """The sound edit itself: the defect lies in what follows it."""
    return sound


def conflict(plan: Plan) -> Plan:
    """Further edits that write two other objects, in turn, into the very same fact."""
    own, held = plan.request, plan.probes["batch_edit_consistency"]
    targets = [made.request.target for made in plan.synthetic[:2]]
    others = [
        Synthetic(
            replace(own, target=targets[n % len(targets)], old=own.target),
            tuple(replace(p, target=targets[n % len(targets)], expected=own.target) for p in held),
        )
        for n in range(len(plan.synthetic))
    ]
    return replace(plan, synthetic=tuple(others))


def _random(ground: Ground, shape: tuple[int, ...] | torch.Size) -> Tensor:
    generator = torch.Generator().manual_seed(ground.seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


NONE = "none"
SOUND = "sound"
"""The condition of edits that were made as users make them and passed the three checks."""

PLANTED: Mapping[str, Planted] = MappingProxyType(
    {
        NONE: Planted("no edit at all", none),
        "prompt-only": Planted("learnt the exact prompt, by its last token", prompt_only),
        "x5": Planted("the sound update five times as large", scaled(5)),
        "x20": Planted("the sound update twenty times as large", scaled(20)),
        "random-key": Planted("the same shift along a random key", random_key),
        "every-relation": Planted("the target written into the subject's every relation", every_relation),
        "repeats": Planted("a push towards the target at every position", repeats),
        "noise-0.5": Planted("noise of half the weight's norm", noise(0.5)),
        "noise-1": Planted("noise of the weight's norm", noise(1)),
        "noise-2": Planted("noise of twice the weight's norm", noise(2)),
        "conflict": Planted("further edits write other objects into the same fact", as_it_is, conflict),
    }
)
"""Condition to how it is made."""
