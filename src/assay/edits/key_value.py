"""The key and the value of a fact: what ROME and MEMIT share.

The key is the input of the down-projection at the subject's last token. The value is what that module
should put out there so that the model says the new object; ``optimise.py`` finds it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from assay.errors import ModelError, RequestError
from assay.generators.plan import Request
from assay.models.forward import forward, pack
from assay.models.model import Model
from assay.models.tokens import encode, subject_span


@dataclass(frozen=True)
class KeyValue:
    """Key and wanted value of one fact at one layer."""

    layer: int
    k_mean: Float[Tensor, " d_mlp"]
    """Mean key over the contexts and the bare prompt; see ``mean_key``."""
    k_bare: Float[Tensor, " d_mlp"]
    """Key of the prompt without a prefix."""
    v_start: Float[Tensor, " d_model"]
    """Output of the down-projection on the bare prompt, before the edit."""
    v: Float[Tensor, " d_model"]
    """The wanted output: ``v_start`` plus the optimised delta."""
    loss: tuple[float, ...]
    """Total loss of each step, nats."""
    p_target: tuple[float, ...]
    """Mean probability of the target over the rows at each step, geometric mean over rows and tokens."""


def rows_of(model: Model, request: Request, contexts: Sequence[str]) -> tuple[list[list[int]], list[int]]:
    """Ids of every context followed by the prompt, and the column of the subject's last token in each."""
    span = subject_span(model, request.prompt, request.subject)
    if not contexts or contexts[0] != "":
        raise RequestError("contexts without the empty one first", 'a tuple that starts with ""', "add it")
    rows, lasts = [], []
    for context in contexts:
        ids = encode(model, context + request.prompt)
        # Counted from the end: what follows the subject is the same in every row.
        lasts.append(len(ids) - (len(encode(model, request.prompt)) - span[1]))
        rows.append(ids)
    return rows, lasts


def keys_of(
    model: Model, layer: int, request: Request, contexts: Sequence[str]
) -> Float[Tensor, "n_contexts d_mlp"]:
    """The key under each context, in order."""
    rows, lasts = rows_of(model, request, contexts)
    batch, starts = pack(model, [r[: n + 1] for r, n in zip(rows, lasts, strict=True)])
    with torch.no_grad():
        tape = forward(model, batch, down_in=[layer], stop=layer)
    at = torch.tensor([s + n for s, n in zip(starts, lasts, strict=True)], device=model.device)
    return tape.down_in[layer][torch.arange(len(rows), device=model.device), at].float()


def mean_key(keys: Float[Tensor, "n_contexts d_mlp"], bare_weight: float | None) -> Float[Tensor, " d_mlp"]:
    """The key that an edit is written for: the bare prompt's (the first) with its weight, the others with
    the rest in equal parts; the plain mean where ``bare_weight`` is None."""
    if bare_weight is None or len(keys) == 1:
        return keys.mean(0)
    return bare_weight * keys[0] + (1 - bare_weight) * keys[1:].mean(0)


def check_reach(model: Model, layer: int, request: Request) -> None:
    """Raise ModelError where an edit at ``layer`` cannot reach the words that follow the subject."""
    last = subject_span(model, request.prompt, request.subject)[1]
    if model.check_layer(layer) == model.n_layers - 1 and last < len(encode(model, request.prompt)) - 1:
        raise ModelError(
            f"layer {layer}, the last of {model.id}, for a subject that is followed by more words",
            "a lower layer: later words read the subject through the attention of higher layers",
            "use a layer in the first half of the model, or auto",
        )
