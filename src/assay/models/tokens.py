"""From text to token ids, once: start token, targets with their leading space, the subject's tokens.

Ids are built here and never decoded and encoded again, because that does not round-trip.
"""

from typing import Any

from assay.errors import RequestError
from assay.models.model import Model

OPENERS = tuple("\"'([{“‘-—/\n")
"""After one of these a target starts without a space."""


def plain_ids(model: Model, text: str) -> list[int]:
    """The text's tokens, no special tokens at all."""
    return [int(i) for i in model.tokenizer(text, add_special_tokens=False)["input_ids"]]


def encode(model: Model, text: str) -> list[int]:
    """Start token (where the model has one) and the text's tokens, no other special tokens."""
    ids = plain_ids(model, text)
    return ids if model.start is None else [model.start, *ids]


def answer_ids(model: Model, prompt: str, answer: str) -> list[int]:
    """Token ids of an answer that follows a prompt, with exactly one leading space where one belongs.

    The answer is encoded after a neutral word and that word's tokens are cut off again: this gives the
    in-sentence spelling for byte-level and for SentencePiece tokenizers alike.
    """
    text = answer.strip()
    if not text:
        raise RequestError(
            f"an empty target after {prompt!r}", "a word or name", "give the new object, e.g. Berlin"
        )
    gap = "" if prompt.endswith(OPENERS) else " "
    anchor = prompt[-1] if not gap else "The"
    before, whole = plain_ids(model, anchor), plain_ids(model, anchor + gap + text)
    ids = whole[len(before) :] if whole[: len(before)] == before else plain_ids(model, gap + text)
    if not ids:
        raise RequestError(
            f"target {answer!r} has no tokens in the vocabulary of {model.id}",
            "a target this tokenizer can spell",
            "use another target",
        )
    return ids


def subject_span(model: Model, prompt: str, subject: str) -> tuple[int, int]:
    """Token indices [first, last] of the subject in ``encode(model, prompt)``, by character offsets.

    A token that merges the subject's end with what follows still counts as the subject's last token.
    """
    count = prompt.count(subject) if subject else 0
    if count != 1:
        came = (
            "an empty subject" if not subject else f"subject {subject!r} occurs {count} times in {prompt!r}"
        )
        raise RequestError(
            came,
            "a subject that stands in the prompt exactly once, spelled the same way",
            "copy the subject from the prompt; shorten or rephrase the prompt if it stands there twice",
        )
    begin = prompt.index(subject)
    end = begin + len(subject)
    encoded: Any = model.tokenizer(prompt, add_special_tokens=False, return_offsets_mapping=True)
    inside = [i for i, (a, b) in enumerate(encoded["offset_mapping"]) if a < end and b > begin and b > a]
    shift = 0 if model.start is None else 1
    return inside[0] + shift, inside[-1] + shift


def text_of(model: Model, ids: list[int]) -> str:
    """Decoded text of some ids, special tokens shown."""
    return str(model.tokenizer.decode(ids))
