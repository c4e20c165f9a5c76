"""What one feature does on a text that somebody typed, token by token."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32

from assay.errors import InputError
from assay.models.model import Model
from assay.sae.coder import SAE
from assay.sae.host import layer_read
from assay.sae.residual import ordinary_tokens, residual

CONTEXT = 128
"""Tokens of a row, the start token included, where the SAE does not say what it was trained on."""


@dataclass(frozen=True, eq=False)
class OnText:
    """One text with a feature's activation on each of its tokens."""

    feature: int
    tokens: tuple[str, ...]
    """Together they are the text."""
    activations: Float32[np.ndarray, " tokens"]
    """0 where it is silent."""
    sinks: tuple[int, ...]
    """Tokens of outlying norm, which have no codes: see ``residual.ordinary_tokens``."""

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dict; ``peak`` is the token with the largest activation, the first of equals."""
        return {
            "feature": self.feature,
            "text": "".join(self.tokens),
            "tokens": list(self.tokens),
            "activations": self.activations.tolist(),
            "value": float(self.activations.max()),
            "peak": int(self.activations.argmax()),
            "sinks": list(self.sinks),
        }


@torch.no_grad()
def on_text(model: Model, sae: SAE, feature: int, text: str) -> OnText:
    """A feature's activations on a text, read as an index reads its corpus: in rows as long as the SAE's training
    texts, each after the start token.

    Raises Mismatch for a feature that does not exist, InputError for a text without tokens, and what ``layer_read``
    raises.
    """
    sae.check_feature(feature)
    layer = layer_read(model, sae)
    ids, pieces = _pieces(model, text)
    room = max(1, (sae.context or CONTEXT) - (0 if model.start is None else 1))
    x = residual(model, layer, [ids[at : at + room] for at in range(0, len(ids), room)])
    codes = sae.to(model.device).encode_sparse(x)
    mine, ordinary = codes.feature == feature, ordinary_tokens(x).cpu()
    found = torch.zeros(len(ids))
    found[codes.row[mine].cpu()] = codes.value[mine].cpu()
    found[~ordinary] = 0
    return OnText(feature, pieces, found.numpy(), tuple((~ordinary).nonzero().flatten().tolist()))


def _pieces(model: Model, text: str) -> tuple[list[int], tuple[str, ...]]:
    """The tokens' ids and their texts; of a character that is made of several tokens the first has all."""
    encoded: Any = model.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    ids = [int(id) for id in encoded["input_ids"]]
    if not ids:
        raise InputError("a text without any token", "some words", "type a sentence")
    ends = np.maximum.accumulate([end for _, end in encoded["offset_mapping"]]).tolist()
    ends[-1] = len(text)  # white space at the end may belong to no token
    return ids, tuple(text[a:b] for a, b in pairwise([0, *ends]))
