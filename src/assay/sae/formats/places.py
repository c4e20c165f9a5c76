"""Which residual stream a hook name means. Libraries count from the block's input or its output."""

import re

from assay.errors import ModelError

PLACES: tuple[tuple[re.Pattern[str], int], ...] = (
    (re.compile(r"blocks\.(\d+)\.hook_resid_post"), 0),
    (re.compile(r"blocks\.(\d+)\.hook_resid_pre"), -1),
    (re.compile(r"(?:\w+\.)*(?:layers|h|blocks)\.(\d+)(?:\.output)?"), 0),
)
"""Hook names of the residual stream, TransformerLens' first, then the block itself as Hugging Face names it;
beside each what to add to its number for "after block"."""


def layer_of(hook: str | None) -> int | None:
    """The block after which this hook reads the residual stream; None for any other place."""
    for pattern, step in PLACES:
        match = pattern.fullmatch(hook or "")
        if match:
            layer = int(match[1]) + step
            return layer if layer >= 0 else None  # before the first block no block has written yet
    return None


def resid_post(layer: int) -> str:
    """TransformerLens' name of the residual stream after a block."""
    return f"blocks.{layer}.hook_resid_post"


def no_transcoder(came: str) -> ModelError:
    """The error for a coder that predicts one place from another."""
    return ModelError(
        f"a transcoder: {came}",
        "an autoencoder, which reads and writes the same place",
        "choose an SAE of the residual stream (files named res or resid_post)",
    )
