"""Prefixes under which a key and a value are averaged: sampled from the model itself, seeded."""

from assay.models.generate import SEEDS_APART, continue_rows
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
    skip = 0 if model.start is None else 1
    out = [""]
    for count, length in settings.contexts:
        rows = [encode(model, OPENINGS[i % len(OPENINGS)]) for i in range(count)]
        seeds = [seed * SEEDS_APART + i for i in range(count)]
        texts = continue_rows(model, rows, length, seeds, settings.top_k)
        for row, text in zip(rows, texts, strict=True):
            words = text_of(model, (row + text)[skip:]).replace("\n", " ").strip()
            out.append(f"{words}. ")
    return tuple(out)
