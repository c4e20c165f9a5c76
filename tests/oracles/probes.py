"""Probabilities of answers, one whole forward after another."""

import torch

from assay.models.model import Model
from assay.models.tokens import answer_ids, encode


def next_logp_slowly(model: Model, ids: list[int]) -> torch.Tensor:
    """Log-probabilities after a row of ids: the model's own forward, one row, no mask, no padding."""
    with torch.no_grad():
        return torch.log_softmax(model.module(torch.tensor([ids])).logits[0, -1].float(), -1)


def measure_slowly(model: Model, prompt: str, answer: str) -> tuple[list[float], list[bool], int]:
    """Log-probability and argmax of each answer token by one whole forward per token; rank of the first."""
    ids = encode(model, prompt)
    logps, argmax, rank = [], [], 0
    for i, token in enumerate(answer_ids(model, prompt, answer)):
        logp = next_logp_slowly(model, ids)
        logps.append(float(logp[token]))
        argmax.append(int(logp.argmax()) == token)
        if i == 0:
            rank = 1 + sum(1 for value in logp.tolist() if value > float(logp[token]))
        ids = [*ids, token]
    return logps, argmax, rank
