"""Prefixes under which a key and a value are averaged: sampled from the model itself, seeded."""

import torch

from assay.models.model import Model
from assay.models.tokens import encode, text_of
from assay.settings import EditSettings

OPENINGS = ("The", "Therefore", "Because", "I", "You")
"""First words of the prefixes; sampling from a bare start token gives an instruct model's chat turns."""


def sample_contexts(model: Model, seed: int, settings: EditSettings | None = None) -> tuple[str, ...]:
    """Texts to put before a prompt, the empty one first (Meng et al. 2022, appendix E.5).

    The same model, seed and settings give the same contexts; they are stored with the edit.
    """
    settings = settings or EditSettings()
    out = [""]
    for count, length in settings.contexts:
        rows = [encode(model, OPENINGS[i % len(OPENINGS)]) for i in range(count)]
        for row, text in zip(rows, _sample(model, rows, length, seed, settings.top_k), strict=True):
            skip = 0 if model.start is None else 1
            words = text_of(model, (row + text)[skip:]).replace("\n", " ").strip()
            out.append(f"{words}. ")
    return tuple(out)


def _sample(model: Model, rows: list[list[int]], length: int, seed: int, top_k: int) -> list[list[int]]:
    """``length`` more tokens for each row, row by row of equal length, without special tokens."""
    generator = torch.Generator().manual_seed(seed)
    special = torch.tensor(sorted(set(model.tokenizer.all_special_ids)), device=model.device)
    ids = [list(r) for r in rows]
    grown: list[list[int]] = [[] for _ in rows]
    for width in sorted({len(r) for r in rows}):
        group = [i for i, r in enumerate(rows) if len(r) == width]
        tokens = torch.tensor([ids[i] for i in group], device=model.device)
        cache = None
        fed = tokens
        for _ in range(length):
            with torch.no_grad():
                out = model.module(fed, past_key_values=cache, use_cache=True)
            cache = out.past_key_values
            logits = out.logits[:, -1].float()
            logits[:, special] = -torch.inf
            best = logits.topk(min(top_k, logits.shape[-1]))
            pick = torch.multinomial(best.values.softmax(-1).cpu(), 1, generator=generator).to(model.device)
            fed = best.indices.gather(1, pick)
            for i, token in zip(group, fed[:, 0].tolist(), strict=True):
                grown[i].append(token)
    return grown
