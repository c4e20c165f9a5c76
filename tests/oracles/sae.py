"""Codes and an index of them: everything dense, one row, one token, one sentence at a time."""

from operator import attrgetter

import numpy as np
import torch

from assay.models.model import Model
from assay.sae.coder import SAE


def codes_slowly(model: Model, sae: SAE, layer: int, row: list[int]) -> np.ndarray:
    """Activations of all features on every token of a row of ids, the start token left out: one whole forward
    of that row alone, everything dense."""
    seen: list[torch.Tensor] = []

    def note(module: object, args: object, out: object) -> None:
        seen.append(out[0] if isinstance(out, tuple) else out)  # type: ignore[arg-type]

    handle = model.blocks[layer].register_forward_hook(note)
    try:
        with torch.no_grad():
            model.module(torch.tensor([row]))
    finally:
        handle.remove()
    return sae.encode(seen[0][0, 0 if model.start is None else 1 :].float()).numpy()


def postings_slowly(tokens: list[dict[int, float]], features: int) -> list[list[tuple[int, float]]]:
    """(place, value) of every feature, from what fired on each token."""
    return [
        [(place, fired[feature]) for place, fired in enumerate(tokens) if feature in fired]
        for feature in range(features)
    ]


Sentences = list[tuple[int, int, int, str]]
"""(row, first token, token after the last, text) of every sentence of a corpus."""


def ranked_slowly(column: np.ndarray, sentences: Sentences) -> list[int]:
    """Numbers of the sentences on which a feature fires, by falling maximum, the best of each row only."""
    peaks = [(-float(column[a:b].max()), number, row) for number, (row, a, b, _) in enumerate(sentences)]
    chosen: list[int] = []
    rows: list[int] = []
    for value, number, row in sorted(peaks):
        if value < 0 and row not in rows:
            chosen.append(number)
            rows.append(row)
    return chosen


def distinct_slowly(numbers: list[int], sentences: Sentences, n: int) -> list[int]:
    """The first n that share less than four fifths of their words with each one before."""

    def words(number: int) -> set[str]:
        letters = [c if c.isalnum() or c == "_" else " " for c in sentences[number][3].casefold()]
        return set("".join(letters).split())

    kept: list[int] = []
    for number in numbers:
        mine = words(number)
        if all(5 * len(mine & words(other)) < 4 * len(mine | words(other)) for other in kept):
            kept.append(number)
    return kept[:n]


def logit_weights_slowly(model: Model, direction: np.ndarray) -> np.ndarray:
    """W_U (gain * direction) in float64, one token at a time, less the mean over the tokens that the tokenizer has."""
    norm = attrgetter(model.family.norm)(model.module)
    gain = norm.weight.double().numpy() + ("Gemma" in type(norm).__name__)
    head = attrgetter(model.family.head)(model.module).weight.double().numpy()
    logits = np.array([float(row @ (gain * direction)) for row in head[: len(model.tokenizer)]])
    return logits - logits.mean()


def cosines_slowly(rows: np.ndarray) -> np.ndarray:
    """The whole matrix of cosines in float64; 0 with a row of zeros."""
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1)
    product = rows.astype(np.float64) @ rows.astype(np.float64).T
    both = lengths[:, None] * lengths[None]
    return np.divide(product, both, out=np.zeros_like(product), where=both > 0)
