"""Scores of features: ablation, cosines, effect sizes."""

from statistics import mean, variance

import numpy as np
import torch

from assay.models.model import Model


def ablate_slowly(
    model: Model, layer: int, row: list[int], position: int, delta: torch.Tensor
) -> tuple[float, float]:
    """KL(clean || ablated) and the clean entropy at a position, nats: two whole forwards, sums in float64."""

    def subtract(module: object, args: object, out: object) -> object:
        state = (out[0] if isinstance(out, tuple) else out).clone()  # type: ignore[union-attr]
        state[0, position] -= delta
        return (state, *out[1:]) if isinstance(out, tuple) else state

    def logp() -> torch.Tensor:
        ids = torch.tensor([row], device=model.device)
        return torch.log_softmax(model.module(ids, use_cache=False).logits[0, position].double(), -1)

    with torch.no_grad():
        before = logp()
        handle = model.blocks[layer].register_forward_hook(subtract)
        try:
            after = logp()
        finally:
            handle.remove()
    return float((before.exp() * (before - after)).sum()), float(-(before.exp() * before).sum())


def mean_cosine_slowly(vectors: np.ndarray) -> float:
    """Mean of the upper triangle of the cosine matrix."""
    cosines = [
        float(a @ b) / float(np.linalg.norm(a) * np.linalg.norm(b))
        for i, a in enumerate(vectors)
        for b in vectors[i + 1 :]
    ]
    return sum(cosines) / len(cosines)


def cohens_d_slowly(a: list[float], b: list[float]) -> float:
    """Difference of means over the pooled standard deviation, by the standard library."""
    pooled = (len(a) - 1) * variance(a) + (len(b) - 1) * variance(b)
    return (mean(a) - mean(b)) / (pooled / (len(a) + len(b) - 2)) ** 0.5


def correlation_slowly(values: np.ndarray, inside: np.ndarray) -> float:
    """Pearson's r of one feature with what one label claims, NaN where either does not vary."""
    if np.ptp(values) == 0 or inside.all() or not inside.any():
        return float("nan")
    return float(np.corrcoef(values.astype(np.float64), inside.astype(np.float64))[0, 1])
