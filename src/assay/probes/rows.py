"""Prompts and answers as rows of tokens, and rows as batches with as little padding as pays."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from assay.models.forward import Batch
from assay.models.model import Model
from assay.models.tokens import answer_ids, encode

TOKENS_PER_BATCH = 1024
"""Tokens of a batch at most, padding included: enough to fill two cores, and small enough that a batch of a
large model fits beside its weights."""
TOKENS_TO_START = 32
"""What one more batch costs, in tokens (measured on two cores: 0.06 s against 2.4 ms a token)."""


@dataclass(frozen=True)
class Row:
    """One prompt with its answers, as tokens."""

    index: int
    """Number of the question."""
    ids: list[int]
    """The prompt, then each answer but for its last token, which is never fed."""
    positions: list[int]
    """Position of each token after the start, whatever stands between."""
    branch: list[int]
    """-1 for the prompt, else the number of the answer."""
    end: int
    """Column of the prompt's last token."""
    answers: tuple[tuple[int, ...], ...]
    """Token ids of each answer, whole."""


def row_of(model: Model, index: int, text: str, after: Sequence[str]) -> Row:
    """The row of a prompt and its answers."""
    prompt = encode(model, text)
    answers = tuple(tuple(answer_ids(model, text, answer)) for answer in after)
    ids, positions, branch = list(prompt), list(range(len(prompt))), [-1] * len(prompt)
    for number, answer in enumerate(answers):
        fed = answer[:-1]
        ids += fed
        positions += range(len(prompt), len(prompt) + len(fed))
        branch += [number] * len(fed)
    return Row(index, ids, positions, branch, len(prompt) - 1, answers)


def batch_of(model: Model, rows: Sequence[Row]) -> Batch:
    """Rows padded on the right; an answer sees the prompt and itself only."""
    width = max(len(r.ids) for r in rows)
    ids = torch.full((len(rows), width), model.start or 0)
    positions = torch.zeros((len(rows), width), dtype=torch.long)
    branch = torch.full((len(rows), width), -2)
    for i, row in enumerate(rows):
        n = len(row.ids)
        ids[i, :n], positions[i, :n] = torch.tensor(row.ids), torch.tensor(row.positions)
        branch[i, :n] = torch.tensor(row.branch)
    causal = torch.ones(width, width, dtype=torch.bool).tril()
    same = branch[:, :, None] == branch[:, None, :]
    allowed = causal & (same | (branch == -1)[:, None, :]) & (branch != -2)[:, None, :]
    device = model.device
    return Batch(ids.to(device), positions.to(device), allowed.to(device))


def cheapest_batches(lengths: Sequence[int]) -> list[slice]:
    """How to cut rows, given their ascending lengths, into batches: the least total of padded tokens plus
    ``TOKENS_TO_START`` a batch. A row longer than a batch stands alone."""
    cost, cut = [0.0], [0]
    for end in range(1, len(lengths) + 1):
        width, best, at = lengths[end - 1], float("inf"), end - 1
        for start in range(end - 1, -1, -1):
            padded = (end - start) * width
            if padded > TOKENS_PER_BATCH and start < end - 1:
                break
            if cost[start] + padded + TOKENS_TO_START < best:
                best, at = cost[start] + padded + TOKENS_TO_START, start
        cost.append(best)
        cut.append(at)
    pieces: list[slice] = []
    end = len(lengths)
    while end:
        pieces.append(slice(cut[end], end))
        end = cut[end]
    return pieces[::-1]
