"""The training tokens in a shuffled order in which any position can be found again."""

from collections.abc import Iterator
from functools import lru_cache

import torch
from jaxtyping import Float, Int
from torch import Tensor

from assay.errors import InputError
from assay.sae.activations import Activations
from assay.settings import SaeSettings

CHUNK = 8_192
"""Tokens read at a time while statistics are taken."""


class Stream:
    """Batches with mean 0 and E|x|^2 = d_model over the tokens that are trained on.

    Centred inputs leave fewer features dead, and one scale lets learning rate, k and penalties mean the same
    for every model. Tokens of outlying norm are left out.
    """

    def __init__(self, activations: Activations, settings: SaeSettings) -> None:
        self.activations = activations
        self.batch = settings.batch
        self.seed = settings.seed
        norms = torch.cat([x.norm(dim=-1) for x in _chunks(activations)])
        ordinary = norms <= settings.outlier * norms.median()
        self.kept: Int[Tensor, " n"] = ordinary.nonzero()[:, 0]
        """Places of the tokens that are trained on."""
        self.steps = int(settings.passes * len(self.kept)) // settings.batch
        """Batches in all passes together."""
        if self.steps < 1:
            raise InputError(
                f"{len(self.kept)} tokens and {settings.passes:g} passes, for batches of {settings.batch}",
                "enough tokens for at least one batch",
                "give more text, or more passes",
            )
        self.mean: Float[Tensor, " d_model"]
        """Of the model's own activations."""
        self.scale: float
        """Factor from centred activations to what is trained on."""
        self.mean, self.scale = _statistics(activations, ordinary)
        self._order = lru_cache(maxsize=2)(self._shuffled)  # a batch can reach over the end of a pass

    def __len__(self) -> int:
        return len(self.kept)

    def at(self, step: int) -> Float[Tensor, "batch d_model"]:
        """The batch of a step."""
        places = torch.arange(step * self.batch, (step + 1) * self.batch)
        passes = places // len(self)
        chosen = torch.cat(
            [self._order(int(p))[places[passes == p] - int(p) * len(self)] for p in torch.unique(passes)]
        )
        return (self.activations.rows(self.kept[chosen]) - self.mean) * self.scale

    def _shuffled(self, number: int) -> Int[Tensor, " n"]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + number)
        return torch.randperm(len(self), generator=generator)


def _chunks(activations: Activations) -> Iterator[Tensor]:
    for part in activations.parts:
        for at in range(0, len(part), CHUNK):
            yield part[at : at + CHUNK].float()


def _statistics(activations: Activations, kept: Tensor) -> tuple[Tensor, float]:
    """Mean, and the factor that gives the centred tokens E|x|^2 = d_model; sums in float64."""
    total = torch.zeros(activations.d_model, dtype=torch.float64)
    square = 0.0
    begin = 0
    for x in _chunks(activations):
        mine = x[kept[begin : begin + len(x)]].double()
        begin += len(x)
        total += mine.sum(0)
        square += float(mine.square().sum())
    n = int(kept.sum())
    mean = total / n
    variance = square / n - float(mean.square().sum())
    return mean.float(), (activations.d_model / max(variance, 1e-12)) ** 0.5
