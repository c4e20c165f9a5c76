"""A sparse autoencoder in one orientation, whatever library trained it: encode, decode, and what a feature adds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from math import inf
from typing import Any, Literal

import torch
from jaxtyping import Float, Float32, Int, Int32, Int64
from torch import Tensor

from assay.errors import InputError, Mismatch, ModelError

Architecture = Literal["relu", "topk", "jumprelu"]
"""BatchTopK has no entry: away from its training batches it is a JumpReLU with the threshold it learnt."""

CHUNK = 1 << 24
"""Numbers of the largest dense block of codes that ``encode_sparse`` holds (64 MB in float32)."""


@dataclass(frozen=True, eq=False)
class Codes:
    """The features that fired, as triples ordered by row, then by feature."""

    row: Int64[Tensor, " nnz"]
    """Which of the encoded vectors."""
    feature: Int32[Tensor, " nnz"]
    value: Float32[Tensor, " nnz"]
    """Activation, above the floor that was asked for."""
    n: int
    """How many vectors were encoded, those without any feature included."""


@dataclass(frozen=True, eq=False)
class SAE:
    """The coder ``codes = f((x * scale - b_dec * subtract_b_dec) @ W_enc + b_enc)`` and its decoder
    ``x = (codes @ W_dec + b_dec) / scale``.

    Tensors may come in any float dtype and are held in float32. They come from files, so their shapes are proved
    when the record is made: ModelError when they do not belong together or are not finite.
    """

    id: str
    """What the user called it: a name or the folder it was read from."""
    architecture: Architecture
    """Which numbers of ``pre`` become activations: the positive ones, the k largest of those in each row, or
    those above the feature's threshold."""
    W_enc: Tensor
    """(d_in, d_sae)"""
    b_enc: Tensor
    """(d_sae,)"""
    W_dec: Tensor
    """(d_sae, d_in): rows are the features' directions; they need not have unit length."""
    b_dec: Tensor
    """(d_in,)"""
    threshold: Tensor | None = None
    """(d_sae,), JumpReLU only, in the unit of ``pre``."""
    k: int | None = None
    """TopK only: features per row at most."""
    subtract_b_dec: bool = True
    """Whether ``b_dec`` is taken from the input before encoding (SAELens: ``apply_b_dec_to_input``)."""
    scale: float = 1.0
    """Factor from the model's activations to what the coder was trained on; the output is divided by it."""
    model_id: str | None = None
    """The model it was trained on, in the words of whoever trained it."""
    layer: int | None = None
    """It reads the residual stream after this block; None when unknown or another place (see ``hook``)."""
    hook: str | None = None
    """Where it reads, in the words of whoever trained it."""
    start_token: bool | None = None
    """Whether its training texts began with the start token."""
    context: int | None = None
    """Tokens per training text."""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    """Anything else that is known of its training, JSON-able."""

    def __post_init__(self) -> None:
        for name in self._named():
            held = getattr(self, name).detach().to(torch.float32).contiguous()
            object.__setattr__(self, name, held)
        _prove(self)

    @property
    def d_in(self) -> int:
        """Width of what it reads."""
        return self.W_enc.shape[0]

    @property
    def d_sae(self) -> int:
        """How many features it has."""
        return self.W_enc.shape[1]

    @cached_property
    def hash(self) -> str:
        """SHA-256, hex, over everything that changes the numbers: tensors, architecture, k, scale."""
        digest = sha256(f"{self.architecture} {self.k} {self.subtract_b_dec} {self.scale!r}".encode())
        for name, tensor in self._named().items():
            digest.update(f"{name} {tuple(tensor.shape)}".encode())
            digest.update(tensor.cpu().numpy().tobytes())
        return digest.hexdigest()

    def pre(self, x: Float[Tensor, "n d_in"]) -> Float32[Tensor, "n d_sae"]:
        """What the encoder gives before its activation function. Raises Mismatch for vectors of another width."""
        if x.shape[-1] != self.d_in:
            raise self._wrong_width(x.shape[-1])
        scaled = x.to(self.W_enc) * self.scale
        read = scaled - self.b_dec if self.subtract_b_dec else scaled
        return (read @ self.W_enc).add_(self.b_enc)  # in place: a second matrix of this size costs time

    def encode(self, x: Float[Tensor, "n d_in"]) -> Float32[Tensor, "n d_sae"]:
        """Activations of all features, never negative. Raises Mismatch for vectors of another width."""
        return ACTIVATIONS[self.architecture](self.pre(x), self)

    def decode(self, codes: Float[Tensor, "n d_sae"]) -> Float32[Tensor, "n d_in"]:
        """The vectors that activations stand for, in the model's own scale."""
        return (codes.to(self.W_dec) @ self.W_dec + self.b_dec) / self.scale

    @torch.no_grad()
    def encode_sparse(self, x: Float[Tensor, "n d_in"], floor: float = 0.0) -> Codes:
        """The activations above ``floor`` (at least 0) only. Works through the rows in blocks, so the memory it
        needs does not grow with n beyond the triples themselves."""
        if not floor >= 0:
            raise InputError(
                f"a floor of {floor}", "0 or more", "activations below 0 do not exist: leave it out"
            )
        bar = floor if self.threshold is None else self.threshold.clamp(min=floor)
        rows = max(1, CHUNK // self.d_sae)
        parts = []
        for start in range(0, max(1, len(x)), rows):
            pre = self.pre(x[start : start + rows])
            values = pre if self.k is None else _topk(pre, self)
            row, feature = (values > bar).nonzero(as_tuple=True)  # one pass: no dense activations are made
            parts.append((row + start, feature.to(torch.int32), values[row, feature]))
        row, feature, value = (torch.cat(column) for column in zip(*parts, strict=True))
        return Codes(row, feature, value, len(x))

    def contribution(
        self, feature: int | Int[Tensor, " rows"], value: float | Float[Tensor, " rows"]
    ) -> Float32[Tensor, "*rows d_in"]:
        """What a feature at this activation adds to the residual stream, in the model's own scale; one vector
        for a number, one row each for a tensor. Raises Mismatch for a feature that does not exist."""
        chosen = torch.as_tensor(feature, dtype=torch.int64, device=self.W_dec.device)
        if chosen.numel():
            self.check_feature(int(chosen.min()))
            self.check_feature(int(chosen.max()))
        return self.W_dec[chosen] * torch.as_tensor(value).to(self.W_dec)[..., None] / self.scale

    def to(self, device: torch.device | str) -> "SAE":
        """The same coder on another device."""
        return replace(
            self,
            W_enc=self.W_enc.to(device),
            b_enc=self.b_enc.to(device),
            W_dec=self.W_dec.to(device),
            b_dec=self.b_dec.to(device),
            threshold=None if self.threshold is None else self.threshold.to(device),
        )

    def folded(self) -> "SAE":
        """The same coder with scale 1, the factor moved into its weights."""
        if self.scale == 1:
            return self
        return replace(
            self,
            W_enc=self.W_enc * self.scale,
            W_dec=self.W_dec / self.scale,
            b_dec=self.b_dec / self.scale,
            scale=1.0,
        )

    def check(self, d_in: int, layer: int | None = None) -> None:
        """Raise Mismatch unless this coder can read a residual stream of this width, after this block.

        What the coder does not say of itself is not checked.
        """
        if d_in != self.d_in:
            raise self._wrong_width(d_in)
        if layer is None:
            return
        if self.layer is None and self.hook is not None:
            raise Mismatch(
                f"the SAE {self.id} reads {self.hook}",
                "an SAE of the residual stream after a block",
                "choose one trained there: its hook is blocks.N.hook_resid_post, or names the block itself",
            )
        if self.layer not in (None, layer):
            raise Mismatch(
                f"layer {layer} for the SAE {self.id}, which was trained after block {self.layer}",
                f"layer {self.layer}",
                f"read layer {self.layer}, or load the SAE of layer {layer}",
            )

    def check_feature(self, feature: int) -> int:
        """The feature itself, or Mismatch when there is no such feature."""
        if not 0 <= feature < self.d_sae:
            raise Mismatch(
                f"feature {feature} of the SAE {self.id}",
                f"a feature from 0 to {self.d_sae - 1}",
                "choose a number in that range",
            )
        return feature

    def _named(self) -> dict[str, Tensor]:
        """The tensors it has, in a fixed order."""
        tensors = {"W_enc": self.W_enc, "b_enc": self.b_enc, "W_dec": self.W_dec, "b_dec": self.b_dec}
        return tensors if self.threshold is None else {**tensors, "threshold": self.threshold}

    def _wrong_width(self, d_in: int) -> Mismatch:
        return Mismatch(
            f"vectors of width {d_in} for the SAE {self.id}",
            f"width {self.d_in}" + (f", as {self.model_id} has" if self.model_id else ""),
            "load the model this SAE was trained on, or an SAE of this model",
        )


def _relu(pre: Tensor, sae: SAE) -> Tensor:
    return pre.relu()


def _topk(pre: Tensor, sae: SAE) -> Tensor:
    assert sae.k is not None  # __post_init__ has seen to it
    best = pre.relu().topk(sae.k, dim=-1, sorted=False)
    return torch.zeros_like(pre).scatter_(-1, best.indices, best.values)


def _jumprelu(pre: Tensor, sae: SAE) -> Tensor:
    assert sae.threshold is not None  # __post_init__ has seen to it
    # Some coders carry negative thresholds (never trained, or set to let everything through): there every
    # library gives 0, not a negative activation.
    return torch.where(pre > sae.threshold, pre.relu(), 0.0)


ACTIVATIONS: Mapping[Architecture, Callable[[Tensor, SAE], Tensor]] = {
    "relu": _relu,
    "topk": _topk,
    "jumprelu": _jumprelu,
}
"""From ``pre`` (n, d_sae) to activations of the same shape."""


def _prove(sae: SAE) -> None:
    """Raise ModelError unless shapes, numbers and architecture belong together."""
    kind, shape = f"in a coder of architecture {sae.architecture}", tuple(sae.W_enc.shape)
    if len(shape) != 2:
        raise _unfit(f"W_enc of shape {shape}", "two dimensions (d_in, d_sae)")
    d_in, d_sae = shape
    wanted = {"b_enc": (d_sae,), "W_dec": (d_sae, d_in), "b_dec": (d_in,), "threshold": (d_sae,)}
    for name, tensor in sae._named().items():
        have, want = tuple(tensor.shape), wanted.get(name, shape)
        if have != want:
            raise _unfit(f"{name} of shape {have} beside W_enc of shape {shape}", f"{name} of shape {want}")
        if not torch.isfinite(tensor).all():
            raise _unfit(f"{name} holds infinite or NaN numbers", "finite weights")
    if (sae.architecture == "jumprelu") != (sae.threshold is not None):
        raise _unfit(f"{'no' if sae.threshold is None else 'a'} threshold {kind}", "one for jumprelu only")
    if (sae.architecture == "topk") != (sae.k is not None):
        raise _unfit(f"{'no k' if sae.k is None else f'k = {sae.k}'} {kind}", "k for topk only")
    if sae.k is not None and not 1 <= sae.k <= d_sae:
        raise _unfit(f"k = {sae.k} of {d_sae} features", f"k from 1 to {d_sae}")
    if not 0 < sae.scale < inf:
        raise _unfit(f"a scale of {sae.scale}", "a positive finite number")


def _unfit(came: str, wanted: str) -> ModelError:
    return ModelError(
        came, wanted, "the file is damaged or of another kind: read it again from where it came"
    )
