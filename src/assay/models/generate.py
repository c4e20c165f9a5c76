"""Continuations of texts: greedy and seeded sampled rows side by side in one batch."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from assay.models.model import Model

SEEDS_APART = 1_000_003
"""Rows of one seed take the seeds from here times that seed on: two seeds share none."""


@dataclass(frozen=True)
class Continued:
    """What a row went on with."""

    ids: list[int]
    mean_logp: float
    """Mean log-probability of these tokens, nats, under the model that chose them."""


def continue_rows(
    model: Model, rows: Sequence[Sequence[int]], length: int, seeds: Sequence[int | None], top_k: int
) -> list[list[int]]:
    """The further token ids of each row; see ``continue_with_likelihood``."""
    return [row.ids for row in continue_with_likelihood(model, rows, length, seeds, top_k)]


def continue_with_likelihood(
    model: Model, rows: Sequence[Sequence[int]], length: int, seeds: Sequence[int | None], top_k: int
) -> list[Continued]:
    """``length`` further token ids for each row; special tokens (and so an early end) are never chosen.

    Rows without a seed are greedy; the others are drawn from the ``top_k`` most probable tokens with a
    generator of their own, so that a row's text does not depend on which other rows are in the batch.
    """
    device = model.device
    width = max(len(r) for r in rows)
    pads = [width - len(r) for r in rows]
    filler = model.start or 0
    fed = torch.tensor([[filler] * p + list(r) for p, r in zip(pads, rows, strict=True)], device=device)
    real = torch.tensor([[0] * p + [1] * len(r) for p, r in zip(pads, rows, strict=True)], device=device)
    draws = [None if seed is None else torch.Generator().manual_seed(seed) for seed in seeds]
    special = torch.tensor(sorted(set(model.tokenizer.all_special_ids)), device=device)
    cache = None
    grown: list[Tensor] = []
    likely: list[Tensor] = []
    for _ in range(length):
        positions = (real.cumsum(1) - 1).clamp(min=0)[:, -fed.shape[1] :]
        with torch.no_grad():
            out = model.module(
                fed, attention_mask=real, position_ids=positions, past_key_values=cache, use_cache=True
            )
        cache = out.past_key_values
        logits = out.logits[:, -1].float()
        everything = logits.logsumexp(-1, keepdim=True)
        logits[:, special] = -torch.inf
        best = logits.topk(min(top_k, logits.shape[-1]))
        weights = best.values.softmax(-1).cpu()
        pick = [
            0 if drawn is None else int(torch.multinomial(weights[i], 1, generator=drawn))
            for i, drawn in enumerate(draws)
        ]
        fed = best.indices.gather(1, torch.tensor(pick, device=device)[:, None])
        real = torch.cat([real, torch.ones_like(fed)], 1)
        likely.append(logits.gather(1, fed) - everything)
        grown.append(fed)
    means = torch.cat(likely, 1).mean(1).tolist()
    return [Continued(*found) for found in zip(torch.cat(grown, 1).tolist(), means, strict=True)]
