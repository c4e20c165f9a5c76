"""The files of every format: configurations and tensors, with an error that says what is wrong with them.

Messages name the file only; ``load_sae`` puts the folder before them.
"""

import json
import pickle
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from zipfile import BadZipFile

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from assay.errors import ModelError

AGAIN = "copy or download it again"

Kind = TypeVar("Kind")


@dataclass(frozen=True, eq=False)
class Weights:
    """The tensors of one file."""

    file: str
    """Its name, for messages."""
    tensors: Mapping[str, Tensor]

    def __contains__(self, name: str) -> bool:
        return name in self.tensors

    def take(self, name: str, *sides: int | None) -> Float[Tensor, "..."]:
        """One tensor in float32, of these sides if any are given (None for a side of any length).

        Raises ModelError when it is missing, has another shape or does not hold float numbers.
        """
        if name not in self.tensors:
            raise ModelError(
                f"{self.file} has no tensor {name}, only {', '.join(sorted(self.tensors)) or 'none at all'}",
                f"a tensor {name}",
                f"{AGAIN}, or convert it to SAELens' format with the library that wrote it",
            )
        tensor = self.tensors[name]
        if not tensor.is_floating_point():
            raise ModelError(f"{name} in {self.file} is {tensor.dtype}", "float numbers", AGAIN)
        if sides and not _fits(tensor.shape, sides):
            raise ModelError(
                f"{name} in {self.file} has shape {tuple(tensor.shape)}",
                f"({', '.join('any' if side is None else str(side) for side in sides)})",
                f"{AGAIN}: configuration and weights are not of one SAE",
            )
        return tensor.to(torch.float32)

    def everywhere(self, name: str, length: int) -> Float[Tensor, " length"]:
        """A single number as a vector of this length. Raises ModelError likewise."""
        tensor = self.take(name)
        if tensor.numel() != 1:
            raise ModelError(f"{name} in {self.file} has shape {tuple(tensor.shape)}", "one number", AGAIN)
        return tensor.reshape(1).expand(length)


def _fits(shape: Sequence[int], sides: Sequence[int | None]) -> bool:
    return len(shape) == len(sides) and all(
        side in (None, have) for side, have in zip(sides, shape, strict=True)
    )


def read_json(path: Path) -> dict[str, Any]:
    """A configuration. Raises ModelError when there is none or it is not a JSON object."""
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(
            f"no {path.name}",
            f"{path.name} with the weights",
            "copy the whole folder, or write the SAE again",
        ) from error
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if not isinstance(config, dict):
        raise ModelError(f"{path.name} holds a {type(config).__name__}", "a JSON object", AGAIN)
    return config


def setting(config: Mapping[str, Any], name: str, file: str, kind: type[Kind]) -> Kind:
    """One value of a configuration. Raises ModelError when it is missing or of another kind."""
    value = config.get(name)
    if kind is float and type(value) is int:  # JSON does not tell 6 from 6.0
        value = float(value)
    if not isinstance(value, kind):
        came = f"{file} does not say {name}" if value is None else f"{file} says {name} = {value!r}"
        raise ModelError(came, f"{name}, a {kind.__name__}", AGAIN)
    return value


def read_safetensors(path: Path) -> Weights:
    """All tensors of a safetensors file."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    return _tensors(path, lambda: load_file(path), (OSError, SafetensorError))


def read_npz(path: Path) -> Weights:
    """All arrays of a NumPy archive; arrays of Python objects are refused."""

    def load() -> dict[str, Tensor]:
        # Opened here: of a damaged archive NumPy leaves its own handle open.
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            return {name: torch.from_numpy(file[name]) for name in file.files}

    return _tensors(path, load, (OSError, ValueError, BadZipFile, EOFError, TypeError))


def read_pt(path: Path) -> Weights:
    """The tensors of a torch state dict; a pickle that holds anything but tensors and plain values is refused."""

    def load() -> dict[str, Tensor]:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # a file it warns of is refused or read right: nothing to do about it
            state = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(state, Mapping):
            raise ModelError(f"{path.name} holds a {type(state).__name__}", "a state dict", AGAIN)
        return {str(name): value for name, value in state.items() if isinstance(value, Tensor)}

    return _tensors(path, load, (OSError, RuntimeError, pickle.UnpicklingError, EOFError))


def _tensors(
    path: Path, load: Callable[[], dict[str, Tensor]], damage: tuple[type[Exception], ...]
) -> Weights:
    try:
        return Weights(path.name, load())
    except damage as error:
        if any(sign in str(error) for sign in ("Unsupported ", "allow_pickle")):
            raise ModelError(
                f"{path.name} is a pickle that holds more than tensors",
                "tensors only, since any other pickle can run code of a stranger",
                "save its state dict, or better safetensors, with the library that wrote it",
            ) from error
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> ModelError:
    why = (str(error).splitlines() or [type(error).__name__])[0][:160]
    return ModelError(f"{path.name} cannot be read: {why}", "a whole file", f"{AGAIN}: it may be cut short")
