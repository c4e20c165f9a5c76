"""What random SAEs in the files of other libraries are made of; each library's formula is its oracle."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

D_IN, D_SAE, K = 7, 19, 4

Function = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Foreign:
    """What a library computes with the files it wrote."""

    folder: Path
    encode: Function
    """float64 (n, D_IN) to (n, D_SAE)"""
    decode: Function
    layer: int | None = 3
    model_id: str | None = "some-model"
    shown: Function = lambda x: x
    """What the library's own model shows the SAE where ours has the residual stream x; ``encode`` is of x."""


class Draw:
    """Random tensors of one seed."""

    def __init__(self, seed: int = 0) -> None:
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, *shape: int, spread: float = 1.0) -> Tensor:
        return torch.randn(*shape, generator=self.generator) * spread

    def positive(self, *shape: int) -> Tensor:
        return torch.rand(*shape, generator=self.generator) + 0.1


def less_its_mean(x: Tensor) -> Tensor:
    return x - x.mean(1, keepdim=True)


def topk(pre: Tensor, k: int = K) -> Tensor:
    """Zero but for the k largest of a row, row by row."""
    codes = torch.zeros_like(pre)
    for row in range(len(pre)):
        for feature in sorted(range(pre.shape[1]), key=lambda i: -pre[row, i].item())[:k]:
            codes[row, feature] = max(pre[row, feature].item(), 0.0)
    return codes


def jumprelu(pre: Tensor, threshold: Tensor) -> Tensor:
    return pre.clamp(min=0) * (pre > threshold.double())


def standard_tensors(draw: Draw) -> dict[str, Tensor]:
    return {
        "W_enc": draw(D_IN, D_SAE),
        "b_enc": draw(D_SAE),
        "W_dec": draw(D_SAE, D_IN),
        "b_dec": draw(D_IN),
    }


def write(folder: Path, weights: str, tensors: Mapping[str, Tensor], config: str, values: object) -> Path:
    path = folder / weights
    path.parent.mkdir(parents=True, exist_ok=True)
    if weights.endswith(".npz"):
        np.savez(path, **{name: tensor.numpy() for name, tensor in tensors.items()})
    elif weights.endswith(".pt"):
        torch.save(dict(tensors), path)
    else:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
    if config:
        (folder / config).write_text(json.dumps(values), encoding="utf-8")
    return folder
