"""The key and the value of a fact: what ROME and MEMIT share.

The key is the input of the down-projection at the subject's last token. The value is what that module
should put out there so that the model says the new object: its present output plus a delta found by
gradient descent (Meng et al. 2022, section 3.1). Only what delta can change is computed in each step:
the layers above the edited one, the columns from the subject's last token on, and logits where a
target token is predicted. The slow obvious version is ``tests/oracles.py:optimise_slowly``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from assay.errors import ModelError, RequestError
from assay.events import Emit, ignore, stage
from assay.generators.plan import Request
from assay.models.forward import forward, pack
from assay.models.model import Model
from assay.models.resume import resume
from assay.models.tokens import answer_ids, encode, subject_span
from assay.settings import EditSettings


@dataclass(frozen=True)
class KeyValue:
    """Key and wanted value of one fact at one layer."""

    layer: int
    k_mean: Float[Tensor, " d_mlp"]
    """Mean key over all contexts, the bare prompt included."""
    k_bare: Float[Tensor, " d_mlp"]
    """Key of the prompt without a prefix."""
    v_start: Float[Tensor, " d_model"]
    """Output of the down-projection on the bare prompt, before the edit."""
    v: Float[Tensor, " d_model"]
    """The wanted output: ``v_start`` plus the optimised delta."""
    loss: tuple[float, ...]
    """Total loss of each step, nats."""
    p_target: tuple[float, ...]
    """Mean probability of the target over the rows at each step, geometric mean over rows and tokens."""


def rows_of(model: Model, request: Request, contexts: Sequence[str]) -> tuple[list[list[int]], list[int]]:
    """Ids of every context followed by the prompt, and the column of the subject's last token in each."""
    span = subject_span(model, request.prompt, request.subject)
    if not contexts or contexts[0] != "":
        raise RequestError("contexts without the empty one first", 'a tuple that starts with ""', "add it")
    rows, lasts = [], []
    for context in contexts:
        ids = encode(model, context + request.prompt)
        # Counted from the end: what follows the subject is the same in every row.
        lasts.append(len(ids) - (len(encode(model, request.prompt)) - span[1]))
        rows.append(ids)
    return rows, lasts


def keys_of(
    model: Model, layer: int, request: Request, contexts: Sequence[str]
) -> Float[Tensor, "n_contexts d_mlp"]:
    """The key under each context, in order."""
    rows, lasts = rows_of(model, request, contexts)
    batch, starts = pack(model, [r[: n + 1] for r, n in zip(rows, lasts, strict=True)])
    with torch.no_grad():
        tape = forward(model, batch, down_in=[layer], stop=layer)
    at = torch.tensor([s + n for s, n in zip(starts, lasts, strict=True)], device=model.device)
    return tape.down_in[layer][torch.arange(len(rows), device=model.device), at].float()


def check_reach(model: Model, layer: int, request: Request) -> None:
    """Raise ModelError where an edit at ``layer`` cannot reach the words that follow the subject."""
    last = subject_span(model, request.prompt, request.subject)[1]
    if model.check_layer(layer) == model.n_layers - 1 and last < len(encode(model, request.prompt)) - 1:
        raise ModelError(
            f"layer {layer}, the last of {model.id}, for a subject that is followed by more words",
            "a lower layer: later words read the subject through the attention of higher layers",
            "use a layer in the first half of the model, or auto",
        )


def key_and_value(
    model: Model,
    layer: int,
    request: Request,
    contexts: Sequence[str],
    settings: EditSettings | None = None,
    emit: Emit = ignore,
) -> KeyValue:
    """Optimise the value of a fact at ``layer`` on the model as it is now.

    loss = mean over rows of the mean over target tokens of -log p, + kl * KL(now || before) of the
    distribution at the subject's last token on its own, + weight_decay * ||delta|| / ||v_start||^2;
    Adam; ||delta|| clamped to clamp * ||v_start|| after each update.
    """
    settings = settings or EditSettings()
    check_reach(model, layer, request)
    rows, lasts = rows_of(model, request, contexts)
    target = answer_ids(model, request.prompt, request.target)
    essence = encode(model, request.subject)
    last_block = model.n_layers - 1
    batch, starts = pack(
        model, [*(r + target[:-1] for r in rows), essence], anchors=[*lasts, len(essence) - 1]
    )
    column = max(*lasts, len(essence) - 1)
    with torch.no_grad():
        tape = forward(
            model,
            batch,
            block_out=[layer, last_block],
            down_in=[layer],
            down_out=[layer],
            calls=True,
            keep_prefix=True,
        )
    keys = tape.down_in[layer][:-1, column].float()
    out = tape.down_out[layer][:, column]
    rest = tape.block_out[layer][:, column:]
    v_start = out[0].detach().clone()
    # The column, counted from the subject's last token, at which each target token is predicted.
    first = [s + len(r) - 1 - column for s, r in zip(starts, rows, strict=False)]
    at = torch.tensor([[c + i for i in range(len(target))] for c in first], device=model.device)
    row_index = torch.arange(len(rows), device=model.device)[:, None].expand_as(at)
    wanted = torch.tensor(target, device=model.device).expand_as(at)
    with torch.no_grad():
        essence_before = torch.log_softmax(model.logits(tape.block_out[last_block][-1, column]).float(), -1)

    shift = _shifter(model, layer, out)
    delta = torch.zeros_like(v_start, dtype=torch.float32, requires_grad=True)
    adam = torch.optim.Adam([delta], lr=settings.lr)
    reach = settings.clamp * v_start.float().norm()
    losses: list[float] = []
    likely: list[float] = []
    with stage(emit, "optimise", f"value at layer {layer}", settings.steps) as tick:
        for step in range(settings.steps):
            with torch.enable_grad():
                hidden = torch.cat([(rest[:, 0] + shift(delta))[:, None], rest[:, 1:]], 1)
                final = resume(model, tape, layer + 1, hidden, start=column) if layer < last_block else hidden
                logp = torch.log_softmax(model.logits(final[row_index, at]).float(), -1)
                nll = -logp.gather(-1, wanted[..., None])[..., 0].mean(1).mean(0)
                essence_now = torch.log_softmax(model.logits(final[-1, 0]).float(), -1)
                kl = (essence_now.exp() * (essence_now - essence_before)).sum()
                decay = settings.weight_decay * delta.norm() / v_start.float().norm() ** 2
                loss = nll + settings.kl * kl + decay
            losses.append(float(loss.detach()))
            likely.append(float((-nll).detach().exp()))
            tick(step + 1)
            if losses[-1] < settings.early_stop or step == settings.steps - 1:
                break
            adam.zero_grad()
            loss.backward()
            adam.step()
            with torch.no_grad():
                length = delta.norm()
                if length > reach:
                    delta.mul_(reach / length)
    return KeyValue(
        layer=layer,
        k_mean=keys.mean(0),
        k_bare=keys[0].clone(),
        v_start=v_start.float(),
        v=v_start.float() + delta.detach(),
        loss=tuple(losses),
        p_target=tuple(likely),
    )


def _shifter(model: Model, layer: int, out: Float[Tensor, "b d_model"]) -> Any:
    """How much the residual stream moves when delta is added to the down-projection's output."""
    norm = model.post_norm(layer)
    if norm is None:
        return lambda delta: delta.to(out.dtype)
    before = norm(out)
    return lambda delta: norm(out + delta.to(out.dtype)) - before
