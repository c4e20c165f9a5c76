"""The value of a fact: the down-projection's output at which the model says the new object.

It is the present output plus a delta found by gradient descent (Meng et al. 2022, section 3.1). Only what
delta can change is computed in each step: the layers above the edited one, the columns from the subject's
last token on, and logits where a target token is predicted. Facts that do not depend on each other share
the steps: small batches are bound by reading the weights, so five facts cost little more than one. The
slow obvious version, one fact at a time, is ``tests/oracles/edits.py:optimise_slowly``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from assay.edits.key_value import KeyValue, check_reach, mean_key, rows_of
from assay.events import Emit, ignore, stage
from assay.generators.plan import Request
from assay.models.batches import cheapest_batches
from assay.models.forward import Tape, forward, pack
from assay.models.model import Model
from assay.models.repeatable import in_fixed_order
from assay.models.resume import resume
from assay.models.tokens import answer_ids, encode
from assay.settings import EditSettings


@dataclass(eq=False)
class _Fact:
    """One fact's rows in the batch: one for each context, then its subject on its own."""

    rows: list[int]
    """Rows of the contexts, the bare prompt first."""
    essence: int
    """Row of the subject on its own."""
    target: list[int]
    first: list[int]
    """For each context row the column, counted from the subject's last token, that predicts the target."""

    v_start: Float[Tensor, " d_model"]
    essence_before: Float[Tensor, " vocab"]
    """Log-probabilities after the subject on its own, before the optimisation."""
    delta: Float[Tensor, " d_model"]
    loss: list[float] = field(default_factory=list)
    likely: list[float] = field(default_factory=list)

    @property
    def tails(self) -> list[int]:
        """Columns, from the subject's last token on, that matter of each of its rows, the essence last."""
        return [*(first + len(self.target) for first in self.first), 1]


def key_and_value(
    model: Model,
    layer: int,
    request: Request,
    contexts: Sequence[str],
    settings: EditSettings | None = None,
    emit: Emit = ignore,
) -> KeyValue:
    """Key and optimised value of one fact; see ``keys_and_values``."""
    return keys_and_values(model, layer, [request], contexts, settings, emit)[0]


def keys_and_values(
    model: Model,
    layer: int,
    requests: Sequence[Request],
    contexts: Sequence[str],
    settings: EditSettings | None = None,
    emit: Emit = ignore,
) -> list[KeyValue]:
    """Optimise the value of each fact at ``layer`` on the model as it is now, each fact on its own.

    loss of a fact = mean over its rows of the mean over target tokens of -log p, + kl * KL(now || before)
    of the distribution at the subject's last token on its own, + weight_decay * ||delta|| /
    ||v_start||^2; Adam; ||delta|| clamped to clamp * ||v_start|| after each update. A fact leaves the
    batch when its loss falls below ``early_stop``.
    """
    settings = settings or EditSettings()
    rows: list[list[int]] = []
    anchors: list[int] = []
    spans = []
    for request in requests:
        check_reach(model, layer, request)
        own, lasts = rows_of(model, request, contexts)
        target = answer_ids(model, request.prompt, request.target)
        essence = encode(model, request.subject)
        spans.append((range(len(rows), len(rows) + len(own)), target, own))
        rows += [*(r + target[:-1] for r in own), essence]
        anchors += [*lasts, len(essence) - 1]
    batch, starts = pack(model, rows, anchors=anchors)
    column, top = max(anchors), model.n_layers - 1
    with torch.no_grad():
        tape = forward(
            model,
            batch,
            block_out=[layer, top],
            down_in=[layer],
            down_out=[layer],
            calls=True,
            keep_prefix=True,
        )
        facts = [
            _Fact(
                rows=list(at),
                essence=at.stop,
                target=target,
                first=[starts[i] + len(row) - 1 - column for i, row in zip(at, own, strict=True)],
                v_start=tape.down_out[layer][at.start, column].float().clone(),
                essence_before=torch.log_softmax(
                    model.logits(tape.block_out[top][at.stop, column]).float(), -1
                ),
                delta=torch.zeros(model.d_model, device=model.device, requires_grad=True),
            )
            for at, target, own in spans
        ]
    with in_fixed_order(model.device):
        _descend(model, layer, tape, column, facts, settings, emit)
    keys = tape.down_in[layer][:, column].float()
    return [
        KeyValue(
            layer=layer,
            k_mean=mean_key(keys[fact.rows], settings.bare_weight),
            k_bare=keys[fact.rows[0]].clone(),
            v_start=fact.v_start,
            v=fact.v_start + fact.delta.detach(),
            loss=tuple(fact.loss),
            p_target=tuple(fact.likely),
        )
        for fact in facts
    ]


def _descend(
    model: Model,
    layer: int,
    tape: Tape,
    column: int,
    facts: Sequence[_Fact],
    settings: EditSettings,
    emit: Emit,
) -> None:
    """Move every fact's delta until its loss is small or the steps are spent."""
    adam = torch.optim.Adam([fact.delta for fact in facts], lr=settings.lr)
    active = list(facts)
    name = f"value at layer {layer}" if len(facts) == 1 else f"{len(facts)} values at layer {layer}"
    with stage(emit, "optimise", name, settings.steps) as tick:
        for step in range(settings.steps):
            with torch.enable_grad():
                losses = _losses(model, layer, tape, column, active, settings)
            tick(step + 1)
            going = [n for n, fact in enumerate(active) if fact.loss[-1] >= settings.early_stop]
            if not going or step == settings.steps - 1:
                break
            adam.zero_grad()
            torch.autograd.backward(losses[going].sum())
            active = [active[n] for n in going]
            for fact in facts:
                if fact not in active:  # a gradient of zero would still move it along Adam's momentum
                    fact.delta.grad = None
            adam.step()
            with torch.no_grad():
                for fact in active:
                    length, reach = fact.delta.norm(), settings.clamp * fact.v_start.norm()
                    if length > reach:
                        fact.delta.mul_(reach / length)


def _losses(
    model: Model, layer: int, tape: Tape, column: int, facts: Sequence[_Fact], settings: EditSettings
) -> Float[Tensor, " n_facts"]:
    """Each fact's total loss with its delta added, in one pass over all of their rows; noted in the facts."""
    final, begin = _final(model, layer, tape, column, facts)
    picks, base, ends = [], 0, []
    for n, fact in enumerate(facts):
        share = 1 / (len(fact.rows) * len(fact.target))
        for i, first in enumerate(fact.first):
            at = begin[base + i] + first
            picks += [(at + j, token, n, share) for j, token in enumerate(fact.target)]
        base += len(fact.rows) + 1
        ends.append(begin[base - 1])
    places, tokens, of, shares = (torch.tensor(x, device=model.device) for x in zip(*picks, strict=True))
    logp = torch.log_softmax(model.logits(final[places]).float(), -1)
    nll = torch.zeros(len(facts), device=model.device).index_add(
        0, of, -logp.gather(-1, tokens[:, None])[:, 0] * shares
    )
    now = torch.log_softmax(model.logits(final[ends]).float(), -1)
    before = torch.stack([fact.essence_before for fact in facts])
    kl = (now.exp() * (now - before)).sum(-1)
    decay = torch.stack([fact.delta.norm() / fact.v_start.norm() ** 2 for fact in facts])
    losses = nll + settings.kl * kl + settings.weight_decay * decay
    for fact, loss, miss in zip(facts, losses.tolist(), nll.tolist(), strict=True):
        fact.loss.append(loss)
        fact.likely.append(float(torch.tensor(-miss).exp()))
    return losses


def _final(
    model: Model, layer: int, tape: Tape, column: int, facts: Sequence[_Fact]
) -> tuple[Float[Tensor, "n d_model"], list[int]]:
    """Residual stream after the last block with each fact's delta added at ``column``, one column after another;
    and where each row of the facts begins in it. Rows run as far as they matter, those of like length together."""
    every = [(row, n) for n, fact in enumerate(facts) for row in (*fact.rows, fact.essence)]
    tails = [tail for fact in facts for tail in fact.tails]
    order = sorted(range(len(every)), key=tails.__getitem__)
    deltas = torch.stack([fact.delta for fact in facts])
    parts, begin, length = [], [0] * len(every), 0
    for piece in cheapest_batches([tails[n] for n in order]):
        some = order[piece]
        rows = torch.tensor([every[n][0] for n in some], device=model.device)
        width = tails[some[-1]]
        rest = tape.block_out[layer][rows, column : column + width]
        shift = _shifter(model, layer, tape.down_out[layer][rows, column])
        hidden = torch.cat(
            [(rest[:, 0] + shift(deltas[[every[n][1] for n in some]]))[:, None], rest[:, 1:]], 1
        )
        if layer < model.n_layers - 1:
            hidden = resume(model, tape, layer + 1, hidden, start=column, rows=rows)
        for i, n in enumerate(some):
            begin[n] = length + i * width
        length += len(some) * width
        parts.append(hidden.flatten(0, 1))
    return torch.cat(parts), begin


def _shifter(
    model: Model, layer: int, out: Float[Tensor, "b d_model"]
) -> Callable[[Float[Tensor, "b d_model"]], Float[Tensor, "b d_model"]]:
    """How much the residual stream moves when deltas are added to the down-projection's output."""
    norm = model.post_norm(layer)
    if norm is None:
        return lambda deltas: deltas.to(out.dtype)
    before = norm(out)
    return lambda deltas: norm(out + deltas.to(out.dtype)) - before
