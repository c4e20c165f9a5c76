"""Exact ablation, packed: what the next-token distribution at p becomes when a vector is taken out of the
residual stream at p alone.

Nothing before p changes and nothing after p matters, so one query row an ablation is enough: the clean
hidden state at p minus the vector, run through the upper blocks against the clean keys and values of its
sentence, which all queries of that sentence share. The slow obvious version, one whole forward pass an
ablation, is ``tests/oracles``, ``ablate_slowly``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32, Int
from torch import Tensor

from assay.errors import InputError, ModelError
from assay.events import Emit, ignore, stage
from assay.models.forward import Tape, forward, hidden_of, pack
from assay.models.model import Model
from assay.models.resume import CACHE_NAMES, FrozenPrefix

TOKENS = 1024
"""Tokens of a clean forward pass at most, padding included."""
QUERIES = 512
"""Query rows of one pass through the upper blocks at most: enough to fill a processor."""
LOGITS = 2**25
"""Logits held at a time, 128 MiB: the unembedding is a third slower on fewer rows."""
COMPARED = 2**20
"""Logits compared at a time, 4 MiB: what a processor's cache holds."""


@dataclass(frozen=True)
class Queries:
    """Ablations: from the residual stream of token row ``rows[i]`` at ``positions[i]``, subtract ``deltas[i]``."""

    rows: Int[Tensor, " n"]
    """Index into the token rows."""
    positions: Int[Tensor, " n"]
    """Position in that row, its first token being 0."""
    deltas: Float[Tensor, "n d_model"]
    """What is subtracted, in the model's own scale."""


@dataclass(frozen=True)
class Effects:
    """What each ablation did to the next-token distribution at its position; in the order of the queries."""

    kl: Float32[Tensor, " n"]
    """KL(clean || ablated), nats, from full distributions in float32."""
    entropy: Float32[Tensor, " n"]
    """Entropy of the clean distribution, nats."""


@dataclass(frozen=True)
class _Clean:
    """Token rows run once without any ablation."""

    tape: Tape
    hidden: Float[Tensor, "b t d_model"]
    """Residual stream after the ablated layer."""
    final: Float[Tensor, "b t d_model"]
    """Residual stream after the last block."""


@torch.no_grad()
def ablate(
    model: Model, layer: int, rows: Sequence[Sequence[int]], queries: Queries, emit: Emit = ignore
) -> Effects:
    """The effect of every query on the residual stream after block ``layer``; ``rows`` are token ids, start
    token included. Each row is run once, and only as far as it is asked about.

    Raises ModelError for a layer that does not exist and for rows that outgrow a sliding window, InputError
    for queries outside the rows.
    """
    model.check_layer(layer)
    _check(model, rows, queries)
    n = len(queries.rows)
    kl, entropy = torch.zeros(n), torch.zeros(n)
    done = 0
    with stage(emit, "ablate", "Ablations", n) as tick:
        for batch in _batches(queries):
            longest = [int(queries.positions[mine].max()) + 1 for _, mine in batch]
            clean = _run_clean(
                model, layer, [rows[row][:end] for (row, _), end in zip(batch, longest, strict=True)]
            )
            for alive, chosen in _chunks([mine for _, mine in batch]):
                found = _effects(model, layer, clean, alive, queries, chosen)
                flat = chosen.flatten()
                kl[flat], entropy[flat] = found.kl.cpu(), found.entropy.cpu()
                done += len(flat)
                tick(done)
    return Effects(kl, entropy)


def _check(model: Model, rows: Sequence[Sequence[int]], queries: Queries) -> None:
    lengths = torch.tensor([len(row) for row in rows])
    outside = (queries.rows < 0) | (queries.rows >= len(rows))
    if not outside.any():
        outside = (queries.positions < 0) | (queries.positions >= lengths[queries.rows])
    if outside.any():
        first = int(outside.nonzero()[0])
        raise InputError(
            f"an ablation at row {int(queries.rows[first])}, position {int(queries.positions[first])}",
            f"a position inside one of the {len(rows)} token rows",
            "count rows and positions from 0, the start token included",
        )
    if queries.deltas.shape[1] != model.d_model:
        raise InputError(
            f"vectors of width {queries.deltas.shape[1]} to subtract in {model.id}",
            f"width {model.d_model}",
            "take directions from an SAE of this model",
        )
    # Masks given by hand, as in models/forward.py, are the same in every block: no block sees a window.
    window = getattr(model.module.config.get_text_config(), "sliding_window", None)
    if window is not None and len(rows) and int(lengths.max()) > window:
        raise ModelError(
            f"a row of {int(lengths.max())} tokens for {model.id}, whose attention slides over {window}",
            f"rows of at most {window} tokens",
            "cut the text into shorter rows",
        )


def _batches(queries: Queries) -> Iterator[list[tuple[int, Tensor]]]:
    """(row, its queries in order of position) of the rows of one clean pass each, rows of like length together."""
    mine: dict[int, list[int]] = {}
    for number in np.lexsort((queries.positions.numpy(), queries.rows.numpy())).tolist():
        mine.setdefault(int(queries.rows[number]), []).append(number)
    ends = [(int(queries.positions[some[-1]]) + 1, row, torch.tensor(some)) for row, some in mine.items()]
    batch: list[tuple[int, Tensor]] = []
    for end, row, some in sorted(ends, key=lambda item: item[:2]):
        if batch and (len(batch) + 1) * end > TOKENS:
            yield batch
            batch = []
        batch.append((row, some))
    if batch:
        yield batch


def _run_clean(model: Model, layer: int, rows: Sequence[Sequence[int]]) -> _Clean:
    last = model.n_layers - 1
    tape = forward(model, pack(model, rows)[0], block_out=[layer, last], calls=True, keep_prefix=True)
    return _Clean(tape, tape.block_out[layer], tape.block_out[last])


def _chunks(mine: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
    """(rows of the batch (a), their next queries (a, w)): at most ``QUERIES``, as many of each row, so
    that no query row is padding."""
    left = dict(enumerate(mine))
    while left:
        alive = list(left)[:QUERIES]
        width = min(QUERIES // len(alive), min(len(left[i]) for i in alive))
        yield torch.tensor(alive), torch.stack([left[i][:width] for i in alive])
        for i in alive:
            left[i] = left[i][width:]
            if not len(left[i]):
                del left[i]


def _effects(
    model: Model, layer: int, clean: _Clean, alive: Tensor, queries: Queries, chosen: Int[Tensor, "a w"]
) -> Effects:
    """The effects of the chosen queries, flattened."""
    device = model.device
    at, positions = alive.to(device)[:, None], queries.positions[chosen].to(device)
    deltas = queries.deltas[chosen].to(device, model.dtype)
    moved = _upper(model, layer, clean, at, positions, clean.hidden[at, positions] - deltas).flatten(0, 1)
    place = (at * clean.final.shape[1] + positions).flatten()
    final = clean.final.flatten(0, 1)
    size = max(1, LOGITS // model.module.config.get_text_config().vocab_size)
    pieces = [
        _compared(model, final, place[begin : begin + size], moved[begin : begin + size])
        for begin in range(0, len(place), size)
    ]
    return Effects(torch.cat([piece.kl for piece in pieces]), torch.cat([piece.entropy for piece in pieces]))


def _compared(
    model: Model,
    final: Float[Tensor, "places d_model"],
    place: Int[Tensor, " n"],
    moved: Float[Tensor, "n d_model"],
) -> Effects:
    """The distributions of ``moved`` against the clean ones at their places; controls at one place share it."""
    distinct, which = torch.unique(place, return_inverse=True)
    before, after = _log_softmax(model, final[distinct]), _log_softmax(model, moved)
    rows = max(1, COMPARED // before.shape[1])
    entropy = torch.cat([-(part.exp() * part).sum(-1) for part in torch.split(before, rows)])
    pairs = zip(torch.split(which, rows), torch.split(after, rows), strict=True)
    return Effects(torch.cat([_kl(before[some], part) for some, part in pairs]), entropy[which])


def _upper(
    model: Model,
    layer: int,
    clean: _Clean,
    at: Int[Tensor, "a 1"],
    positions: Int[Tensor, "a w"],
    hidden: Float[Tensor, "a w d_model"],
) -> Float[Tensor, "a w d_model"]:
    """Run the blocks above ``layer`` on query rows; each sees the clean keys before its position and itself."""
    width, columns = positions.shape[1], clean.hidden.shape[1]
    before = torch.arange(columns, device=positions.device) < positions[..., None]
    itself = torch.eye(width, dtype=torch.bool, device=positions.device).expand(len(positions), -1, -1)
    zero = torch.zeros((), dtype=model.dtype, device=positions.device)
    lowest = torch.full_like(zero, torch.finfo(model.dtype).min)
    mask = torch.where(torch.cat([before, itself], -1), zero, lowest).unsqueeze(1)
    frozen = FrozenPrefix(clean.tape.prefix, columns, at[:, 0])

    def argument(name: str, value: Any) -> Any:
        """What a query row gets in the place of what its token got in the clean pass."""
        if name in CACHE_NAMES:
            return frozen
        if name == "attention_mask":
            return mask
        if name == "position_ids":
            return positions
        if name == "position_embeddings":
            return tuple(part.expand(len(clean.hidden), -1, -1)[at, positions] for part in value)
        return value

    for index in range(layer + 1, model.n_layers):
        arguments = {name: argument(name, value) for name, value in clean.tape.calls[index].items()}
        hidden = hidden_of(model.blocks[index](hidden_states=hidden, **arguments))
    return hidden


def _log_softmax(model: Model, hidden: Float[Tensor, "n d_model"]) -> Float32[Tensor, "n vocab"]:
    logits = model.logits(hidden).float()
    return logits.sub_(logits.logsumexp(-1, keepdim=True))


def _kl(before: Float32[Tensor, "n vocab"], after: Float32[Tensor, "n vocab"]) -> Float32[Tensor, " n"]:
    """KL(before || after) as the sum of p (g + exp(-g) - 1), g = log p - log q.

    The added terms sum to 0, both being distributions, and make every term small to second order: rounding
    of the normalisers, which swamps the plain sum below 1e-6 nats, drops out.
    """
    p, gap = before.exp(), before - after
    kl = torch.expm1(-gap).add_(gap).mul_(p).sum(-1)
    # exp(-g) overflows where an all but impossible token became likely; KL is large then, and the plain sum good.
    lost = ~kl.isfinite()
    return torch.where(lost, (p * gap).sum(-1), kl) if lost.any() else kl
