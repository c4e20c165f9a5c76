"""The residual stream that an autoencoder reads, at the tokens of some texts: before edits, and with them."""

import re
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import torch
from jaxtyping import Float32
from torch import Tensor

from assay.edits.delta import Edit
from assay.errors import InputError, Mismatch
from assay.models.forward import Tape, forward, pack
from assay.models.model import Model
from assay.models.resume import resume
from assay.models.tokens import encode, subject_span
from assay.sae.coder import SAE

ROWS = 32
"""Texts of one forward pass."""


@dataclass(frozen=True)
class Text:
    """Tokens of one text, and which of them are looked at: those from ``first`` on."""

    ids: tuple[int, ...]
    """Start token included."""
    first: int
    """Index into ``ids``."""


def on_subject(model: Model, subject: str, prompts: Iterable[str]) -> tuple[Text, ...]:
    """The prompts that hold the subject exactly once, each looked at from the subject's last token on.

    No earlier token has seen the whole subject. Case does not count: within a sentence "The Louvre" is "the Louvre".
    Prompts that hold it twice or not at all are left out, for it is not clear where an edit of it should act there.
    """
    spelled = re.compile(re.escape(subject), re.IGNORECASE)
    texts = []
    for prompt in dict.fromkeys(prompts):
        found = spelled.findall(prompt)
        if len(found) == 1:
            texts.append(Text(tuple(encode(model, prompt)), subject_span(model, prompt, found[0])[1]))
    return tuple(texts)


def whole(model: Model, prompts: Iterable[str]) -> tuple[Text, ...]:
    """Prompts looked at in all their tokens but the start token; empty ones are left out.

    (The start token is the same in every text, and its vector so large that it would drown the others.)
    """
    first = 0 if model.start is None else 1
    texts = (Text(tuple(encode(model, prompt)), first) for prompt in dict.fromkeys(prompts))
    return tuple(text for text in texts if len(text.ids) > first)


def layer_of(model: Model, sae: SAE) -> int:
    """The block after which the autoencoder reads this model.

    Raises InputError where it does not say, Mismatch where it cannot be this model's.
    """
    sae.check(model.d_model)
    if sae.layer is None:
        raise InputError(
            f"the SAE {sae.id}, which does not say after which block it reads"
            + (f" (its hook is {sae.hook})" if sae.hook else ""),
            "an SAE of the residual stream after a block, whose configuration names it",
            "choose another SAE, or write its hook_name into cfg.json (blocks.N.hook_resid_post)",
        )
    if sae.layer >= model.n_layers:
        raise Mismatch(
            f"the SAE {sae.id}, which reads after block {sae.layer}, for {model.id}",
            f"an SAE of a block from 0 to {model.n_layers - 1}",
            "choose an SAE that was trained on this model",
        )
    return sae.layer


@torch.no_grad()
def read(model: Model, layer: int, texts: Sequence[Text]) -> list[Float32[Tensor, "_ d_model"]]:
    """The residual stream after a block, of the model as it is: for each text its tokens that are looked at."""
    out: list[Tensor] = []
    for some in _batches(texts):
        batch, _ = pack(model, [text.ids for text in some])
        out += _picked(forward(model, batch, block_out=(layer,), stop=layer).block_out[layer], some)
    return out


@torch.no_grad()
def read_twice(
    model: Model, edits: Sequence[Edit], layer: int, texts: Sequence[Text]
) -> tuple[list[Float32[Tensor, "_ d_model"]], list[Float32[Tensor, "_ d_model"]]]:
    """What ``read`` gives without the edits, and with all of them. Blocks below the lowest edit run once.

    ``layer`` is not below the lowest edit. Raises Mismatch for edits of another model; the model is unchanged
    afterwards.
    """
    lowest = min(edit.layer for edit in edits)
    before, tapes, after = [], list[Tape](), []
    for some in _batches(texts):
        batch, _ = pack(model, [text.ids for text in some])
        tape = forward(model, batch, block_in=(lowest,), block_out=(layer,), calls=True, stop=layer)
        before += _picked(tape.block_out.pop(layer), some)
        tapes.append(tape)
    with ExitStack() as stack:
        for edit in edits:
            stack.enter_context(edit.applied(model))
        for some, tape in zip(_batches(texts), tapes, strict=True):
            after += _picked(resume(model, tape, lowest, tape.block_in[lowest], stop=layer), some)
    return before, after


def _batches(texts: Sequence[Text]) -> list[Sequence[Text]]:
    return [texts[at : at + ROWS] for at in range(0, len(texts), ROWS)]


def _picked(hidden: Tensor, texts: Sequence[Text]) -> list[Tensor]:
    return [hidden[i, text.first : len(text.ids)].float().clone() for i, text in enumerate(texts)]
