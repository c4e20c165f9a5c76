"""One autoencoder in training: its weights, its optimiser's state, and what it knows of its features."""

from collections.abc import Mapping
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from assay.errors import InputError
from assay.models.bulk import bulk_dtype
from assay.sae.coder import SAE
from assay.sae.loss import Step, batchtopk_step, relu_step
from assay.sae.schedule import active, annealed, dead_window, learning_rate
from assay.sae.weights import NAMES, as_sae, first_weights
from assay.settings import SaeSettings

ARCHITECTURES = ("batchtopk", "relu")
REMEMBERED = 100
"""Batches over which the threshold's running mean forgets."""
SMOOTH = 0.02
"""Weight of the last batch in the explained variance that progress shows."""


class Trainer:
    """Takes batches in order; its whole state can be written down and taken up again."""

    def __init__(self, d_in: int, steps: int, settings: SaeSettings, device: torch.device | str) -> None:
        check_settings(settings)
        self.settings = settings
        self.steps = steps
        self.weights = first_weights(d_in, settings, device)
        self.silent = torch.zeros(settings.features, dtype=torch.int64, device=device)
        """Tokens since each feature last fired."""
        self.dead_window = dead_window(steps, settings)
        """Tokens without firing after which a feature is dead."""
        self.ev = 0.0
        """Running share of the variance explained."""
        self.l0 = 0.0
        """Active features per token in the last batch."""
        self._threshold = 0.0
        self._batches = 0
        self._dtype = bulk_dtype(device) if settings.bf16 else torch.float32
        self._adam = torch.optim.Adam(self.weights.tensors(), lr=settings.lr, fused=True)

    @property
    def dead(self) -> int:
        """Features that have not fired within the dead window."""
        return int((self.silent > self.dead_window).sum())

    @torch.no_grad()
    def step(self, number: int, x: Float[Tensor, "b d_in"]) -> None:
        """Learn from the batch of step ``number``."""
        seen = self._look(number, x)
        dec = self.weights.dec
        d_dec = seen.gradients[1]
        # What would only lengthen a row is no news: rows have unit length.
        d_dec.addcmul_(dec, torch.linalg.vecdot(d_dec, dec)[:, None], value=-1)
        for tensor, gradient in zip(self.weights.tensors(), seen.gradients, strict=True):
            tensor.grad = gradient
        self._adam.param_groups[0]["lr"] = learning_rate(number, self.steps, self.settings)
        self._adam.step()
        self._adam.zero_grad()
        dec.div_(dec.norm(dim=-1, keepdim=True))
        self.silent += len(x)
        self.silent[seen.fired] = 0
        self._note(number, x, seen)

    def _look(self, number: int, x: Tensor) -> Step:
        if self.settings.architecture == "relu":
            l1 = self.settings.l1 * annealed(number, self.steps, self.settings)
            return relu_step(self.weights, x, l1, dtype=self._dtype)
        return batchtopk_step(
            self.weights,
            x,
            active(number, self.steps, self.settings),
            (self.silent > self.dead_window).nonzero()[:, 0],
            aux=self.settings.aux,
            dtype=self._dtype,
            guess=self._threshold if self._batches else None,
        )

    def _note(self, number: int, x: Tensor, seen: Step) -> None:
        """Running figures. The threshold is a plain mean at first, over the batches with the final k only."""
        if annealed(number, self.steps, self.settings) < 1:
            self._threshold, self._batches = seen.smallest, 1
        else:
            self._batches += 1
            self._threshold += (seen.smallest - self._threshold) / min(self._batches, REMEMBERED)
        ev = 1 - seen.error / max(1e-12, float(x.square().sum()) / len(x))
        self.ev = ev if number == 0 else self.ev + SMOOTH * (ev - self.ev)
        self.l0 = seen.l0

    def sae(self, mean: Float[Tensor, " d_in"], scale: float) -> SAE:
        """What has been learnt, on the model's own activations (``mean`` and ``scale`` of the stream)."""
        threshold = None if self.settings.architecture == "relu" else self._threshold
        return as_sae(self.weights, threshold, mean, scale)

    def tensors(self) -> dict[str, Tensor]:
        """The state that is tensors."""
        out = dict(zip(NAMES, self.weights.tensors(), strict=True)) | {"silent": self.silent}
        for name, tensor in zip(NAMES, self.weights.tensors(), strict=True):
            for part, value in self._adam.state[tensor].items():
                out[f"{name}.{part}"] = value
        return out

    def figures(self) -> dict[str, Any]:
        """The state that is numbers."""
        return {"threshold": self._threshold, "batches": self._batches, "ev": self.ev, "l0": self.l0}

    def restore(self, tensors: Mapping[str, Tensor], figures: Mapping[str, Any]) -> None:
        """Be as another trainer with the same settings was when it wrote this."""
        self._threshold, self._batches = figures["threshold"], figures["batches"]
        self.ev, self.l0 = figures["ev"], figures["l0"]
        self.silent.copy_(tensors["silent"])
        for name, tensor in zip(NAMES, self.weights.tensors(), strict=True):
            tensor.copy_(tensors[name])
            begin = f"{name}."
            self._adam.state[tensor] = {
                key.removeprefix(begin): value.to(tensor.device)
                for key, value in tensors.items()
                if key.startswith(begin)
            }


def check_settings(settings: SaeSettings) -> None:
    """Raise InputError for settings that cannot be trained with."""
    if settings.architecture not in ARCHITECTURES:
        raise InputError(
            f"architecture {settings.architecture!r}", f"one of {', '.join(ARCHITECTURES)}", "choose one"
        )
    if not 1 <= settings.k <= settings.features:
        raise InputError(
            f"k = {settings.k} of {settings.features} features",
            f"k from 1 to {settings.features}",
            "choose a smaller k, or more features",
        )
