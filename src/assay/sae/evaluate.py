"""An autoencoder on held-out documents: its codes, its errors, and what the model loses by reading them.

The model is float32 and stays as it is: its upper layers are run again on a residual stream with something else
in it, so all ablations share the layers below.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import floor

import torch
from jaxtyping import Float, Int
from torch import Tensor

from assay.corpus.sources import Corpus
from assay.errors import InputError
from assay.events import Emit, ignore, stage
from assay.models.forward import forward, pack
from assay.models.model import Model
from assay.models.resume import resume
from assay.sae.coder import SAE
from assay.sae.evaluation import Evaluation
from assay.sae.residual import ordinary_tokens, residual
from assay.sae.rows import rows_of
from assay.settings import ActivationSettings

ROWS_PER_BATCH = 4
TOKENS_PER_BATCH = 1024
DENSE = 0.1
"""Share of tokens above which a feature is dense."""
BIN = 0.5
"""Decades per bin of the density histogram."""


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Rows of held-out text and their residual stream."""

    layer: int
    rows: tuple[tuple[int, ...], ...]
    x: Float[Tensor, "n d_model"]
    """After block ``layer``, all rows one after another, start tokens left out."""
    lead: int
    """1 when rows begin with a start token, else 0."""


@torch.no_grad()
def held_out(
    model: Model, corpus: Corpus, layer: int, settings: ActivationSettings, emit: Emit = ignore
) -> HeldOut:
    """Read held-out text once, for any number of autoencoders of this layer."""
    model.check_layer(layer)
    rows = list(rows_of(model, corpus, settings.context, settings.evaluated))
    if not rows:
        raise InputError(f"no usable text in corpus {corpus.name!r}", "documents of sentences", "use another")
    lead = 0 if model.start is None else 1
    xs = []
    with stage(emit, "held_out", "reading held-out text", len(rows)) as tick:
        for at in range(0, len(rows), ROWS_PER_BATCH):
            some = rows[at : at + ROWS_PER_BATCH]
            xs.append(residual(model, layer, [row[lead:] for row in some]))
            tick(at + len(some))
    return HeldOut(layer, tuple(map(tuple, rows)), torch.cat(xs), lead)


@torch.no_grad()
def evaluate(
    model: Model, saes: Sequence[SAE], text: HeldOut, settings: ActivationSettings, emit: Emit = ignore
) -> list[Evaluation]:
    """All figures of some autoencoders of one layer. Raises Mismatch when one does not read this model's layer."""
    for sae in saes:
        sae.check(model.d_model, text.layer)
    ordinary = ordinary_tokens(text.x)
    losses = _losses(model, saes, text, settings.spliced, emit)
    out = []
    for sae, spliced in zip(saes, losses.spliced, strict=True):
        codes = _codes(sae, text.x, ordinary, emit)
        share = codes.fired.double() / int(ordinary.sum())
        l0 = codes.l0[ordinary]
        out.append(
            Evaluation(
                tokens=len(text.x),
                l0=float(l0.mean()),
                l0_p5=float(l0.quantile(0.05)),
                l0_p95=float(l0.quantile(0.95)),
                l0_all=float(codes.l0.mean()),
                ev=_explained(text.x[ordinary], codes.error[ordinary]),
                ev_all=_explained(text.x, codes.error),
                outliers=int((~ordinary).sum()),
                ce_tokens=losses.tokens,
                ce=losses.clean,
                ce_spliced=spliced,
                ce_zero=losses.zero,
                ce_mean=losses.mean,
                recovered_zero=_recovered(losses.clean, spliced, losses.zero),
                recovered_mean=_recovered(losses.clean, spliced, losses.mean),
                dead=float((share == 0).double().mean()),
                dense=float((share > DENSE).double().mean()),
                density=_histogram(share[share > 0]),
            )
        )
    return out


@dataclass(frozen=True, eq=False)
class _Codes:
    """What a pass over the held-out vectors adds up to."""

    fired: Int[Tensor, " d_sae"]
    """Ordinary tokens that each feature fired on."""
    l0: Float[Tensor, " n"]
    """Features of each token."""
    error: Float[Tensor, " n"]
    """Squared error of each token."""


def _codes(sae: SAE, x: Tensor, ordinary: Tensor, emit: Emit) -> _Codes:
    fired = torch.zeros(sae.d_sae, dtype=torch.int64, device=x.device)
    l0, error = torch.empty(len(x), device=x.device), torch.empty(len(x), device=x.device)
    with stage(emit, "codes", "codes of held-out text", len(x)) as tick:
        for at in range(0, len(x), TOKENS_PER_BATCH):
            part = x[at : at + TOKENS_PER_BATCH]
            codes = sae.encode(part)
            active = codes > 0
            fired += active[ordinary[at : at + len(part)]].sum(0)
            l0[at : at + len(part)] = active.sum(1).float()
            error[at : at + len(part)] = (sae.decode(codes) - part).square().sum(-1)
            tick(at + len(part))
    return _Codes(fired, l0, error)


@dataclass(frozen=True)
class _Losses:
    """Cross entropy, nats per token, with the residual stream as it is and with something else in its place."""

    tokens: int
    clean: float
    zero: float
    mean: float
    spliced: tuple[float, ...]
    """One for each autoencoder."""


def _losses(model: Model, saes: Sequence[SAE], text: HeldOut, tokens: int, emit: Emit) -> _Losses:
    """The start token's own vector stays as it is: the autoencoders have never seen one."""
    mean = text.x.mean(0)
    ways: list[Callable[[Tensor], Tensor]] = [torch.zeros_like, lambda x: mean.expand_as(x)]
    ways += [partial(_rebuilt, sae) for sae in saes]
    rows, last = _first(text.rows, tokens), model.n_layers - 1
    sums, count = [0.0] * (1 + len(ways)), 0
    with stage(emit, "loss", "the model's loss", len(rows)) as tick:
        for at in range(0, len(rows), ROWS_PER_BATCH):
            some = rows[at : at + ROWS_PER_BATCH]
            batch, _ = pack(model, some)
            tape = forward(model, batch, block_out=(text.layer, last), calls=True)
            whole = tape.block_out[text.layer]
            start, x = whole[:, : text.lead], whole[:, text.lead :]
            sums[0] += _nats(model, tape.block_out[last], some)
            for i, way in enumerate(ways, 1):
                hidden = torch.cat([start, way(x)], 1)
                sums[i] += _nats(model, resume(model, tape, text.layer + 1, hidden), some)
            count += sum(len(row) - 1 for row in some)
            tick(at + len(some))
    clean, zero, average, *spliced = (total / count for total in sums)
    return _Losses(count, clean, zero, average, tuple(spliced))


def _rebuilt(sae: SAE, x: Tensor) -> Tensor:
    return sae.decode(sae.encode(x.flatten(0, 1))).view_as(x)


def _nats(model: Model, hidden: Float[Tensor, "b t d_model"], rows: Sequence[Sequence[int]]) -> float:
    """Cross entropy of every token after a row's first, summed, from the residual stream after the last block."""
    total = 0.0
    for i, row in enumerate(rows):
        logits = model.logits(hidden[i, : len(row) - 1]).float()
        wanted = torch.tensor(row[1:], device=logits.device)
        total += float(torch.nn.functional.cross_entropy(logits, wanted, reduction="sum"))
    return total


def _first(rows: Sequence[Sequence[int]], tokens: int) -> list[Sequence[int]]:
    """The first rows until they hold so many tokens."""
    out: list[Sequence[int]] = []
    for row in rows:
        if tokens <= 0:
            break
        out.append(row)
        tokens -= len(row)
    return out


def _explained(x: Tensor, error: Tensor) -> float:
    """1 - FVU about the mean of these tokens."""
    away = (x.double() - x.double().mean(0)).square().sum()
    return 1 - float(error.double().sum() / away)


def _recovered(clean: float, with_sae: float, without: float) -> float | None:
    return (without - with_sae) / (without - clean) if without > clean else None


def _histogram(share: Tensor) -> tuple[tuple[float, int], ...]:
    """Features per half decade of density."""
    bins: dict[float, int] = {}
    for value in share.log10().tolist():
        low = floor(value / BIN) * BIN
        bins[low] = bins.get(low, 0) + 1
    return tuple(sorted(bins.items()))
