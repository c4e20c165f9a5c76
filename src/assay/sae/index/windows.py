"""A corpus as windows of tokens with the text of each: the rows of ``assay.sae.rows``, and what they say."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int32

from assay.corpus.sources import Corpus
from assay.errors import InputError
from assay.models.model import Model
from assay.sae.rows import SHORTEST


@dataclass(frozen=True, eq=False)
class Window:
    """One row of text, without its start token."""

    document: int
    """Number of the document in the corpus."""
    ids: Int32[np.ndarray, " n"]
    text: str
    ends: Int32[np.ndarray, " n"]
    """Where the text of each token ends, characters from the start of ``text``; it begins where the one before
    ends. Of a character that is made of several tokens the first has all."""


def windows_of(model: Model, corpus: Corpus, context: int, tokens: int) -> Iterator[Window]:
    """The same rows that ``rows_of`` gives for the same arguments, with their text."""
    room = context - (0 if model.start is None else 1)
    if room < SHORTEST:
        raise InputError(
            f"rows of {context} tokens", f"at least {SHORTEST + context - room}", "choose a larger context"
        )
    for number, document in enumerate(corpus.documents):
        encoded = model.tokenizer(document, add_special_tokens=False, return_offsets_mapping=True)
        ids = np.array(encoded["input_ids"], np.int32)
        ends = np.maximum.accumulate(np.array([end for _, end in encoded["offset_mapping"]], np.int64))
        for at in range(0, len(ids), room):
            some = ids[at : at + room][: max(tokens, 0)]
            if tokens <= 0:
                return
            if len(some) >= SHORTEST:
                tokens -= len(some)
                begin = int(ends[at - 1]) if at else 0
                mine = ends[at : at + len(some)]
                text = document[begin : int(mine[-1])]
                yield Window(number, some, text, (mine - begin).astype(np.int32))
