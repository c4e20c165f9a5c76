"""A loaded language model: the torch module with the facts every later stage needs."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from assay.errors import ModelError
from assay.models.families import Family, module_at


@dataclass(frozen=True, eq=False)
class Model:
    """A causal language model, its tokenizer and its proved family row. Use it, never change it:
    weights are touched only by ``Edit.applied`` and put back bit for bit."""

    id: str
    """What the user called it: alias, hub id or path."""
    module: Any
    """The Hugging Face causal LM, in eval mode, without gradients."""
    tokenizer: Any
    """A fast tokenizer (offsets are needed to find the subject)."""
    family: Family
    start: int | None
    """Token id prepended to every text, or None."""
    hash: str
    """SHA-256 over all parameters, hex; taken when the model was loaded."""

    @cached_property
    def blocks(self) -> list[nn.Module]:
        """The transformer blocks in order."""
        return list(module_at(self.module, self.family.blocks, self.family).children())

    @property
    def n_layers(self) -> int:
        """Number of blocks."""
        return len(self.blocks)

    @cached_property
    def d_model(self) -> int:
        """Width of the residual stream."""
        weight = self.down(0).weight
        return int(weight.shape[1] if self.family.transposed else weight.shape[0])

    @cached_property
    def d_mlp(self) -> int:
        """Width of the MLP, which is the width of a key."""
        weight = self.down(0).weight
        return int(weight.shape[0] if self.family.transposed else weight.shape[1])

    @property
    def device(self) -> torch.device:
        """Where the first block lives."""
        device: torch.device = self.down(0).weight.device
        return device

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the weights that are edited."""
        dtype: torch.dtype = self.down(0).weight.dtype
        return dtype

    def down(self, layer: int) -> Any:
        """The MLP down-projection module of a block."""
        return module_at(self.blocks[layer], self.family.down, self.family)

    def down_name(self, layer: int) -> str:
        """Name of that projection's weight in the state dict."""
        return f"{self.family.blocks}.{layer}.{self.family.down}.weight"

    def attention(self, layer: int) -> nn.Module:
        """The attention module of a block."""
        return module_at(self.blocks[layer], self.family.attention, self.family)

    def post_norm(self, layer: int) -> nn.Module | None:
        """The norm between the down-projection and the residual stream, where the family has one."""
        path = self.family.post_norm
        return module_at(self.blocks[layer], path, self.family) if path else None

    @property
    def embed(self) -> nn.Module:
        """The token embedding."""
        return module_at(self.module, self.family.embed, self.family)

    def logits(self, hidden: Float[Tensor, "*n d_model"]) -> Float[Tensor, "*n vocab"]:
        """Final norm, head and soft cap: residual stream after the last block to logits."""
        normed = module_at(self.module, self.family.norm, self.family)(hidden)
        out: Tensor = module_at(self.module, self.family.head, self.family)(normed)
        cap = getattr(self.module.config, self.family.softcap, None) if self.family.softcap else None
        return torch.tanh(out / cap) * cap if cap else out

    def check_layer(self, layer: int) -> int:
        """The layer itself, or an error when the model has no such block."""
        if not 0 <= layer < self.n_layers:
            raise ModelError(
                f"layer {layer} of {self.id}",
                f"a layer from 0 to {self.n_layers - 1}",
                "pass --layer with a number in that range",
            )
        return layer


def weight_hash(module: nn.Module) -> str:
    """SHA-256 over names, shapes, dtypes and bytes of all parameters and persistent buffers, hex.

    Tensors are hashed side by side (hashlib releases the lock) and tied ones once.
    """
    unique: dict[int, tuple[str, Tensor]] = {}
    for name, tensor in sorted(module.state_dict().items()):
        unique.setdefault(tensor.data_ptr() or id(tensor), (name, tensor))

    def digest(item: tuple[str, Tensor]) -> bytes:
        name, tensor = item
        data = tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy()
        h = sha256(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        h.update(data.data)
        return h.digest()

    with ThreadPoolExecutor() as pool:
        parts = list(pool.map(digest, unique.values()))
    return sha256(b"".join(parts)).hexdigest()
