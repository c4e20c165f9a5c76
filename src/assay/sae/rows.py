"""Documents as rows of token ids, each with the start token in front."""

from collections.abc import Iterator

from assay.corpus.sources import Corpus
from assay.errors import InputError
from assay.models.model import Model
from assay.models.tokens import plain_ids

SHORTEST = 8
"""Tokens; the rest of a long document that is shorter is left out, being mostly without context."""


def rows_of(model: Model, corpus: Corpus, context: int, tokens: int) -> Iterator[list[int]]:
    """Rows of at most ``context`` ids until ``tokens`` tokens (start tokens not counted) are reached.

    A row never joins two documents: what stands in one says nothing of the next.
    """
    lead = [] if model.start is None else [model.start]
    room = context - len(lead)
    if room < SHORTEST:
        raise InputError(
            f"rows of {context} tokens", f"at least {SHORTEST + len(lead)}", "choose a larger context"
        )
    for document in corpus.documents:
        ids = plain_ids(model, document)
        for at in range(0, len(ids), room):
            piece = ids[at : at + room][:tokens]
            if tokens <= 0:
                return
            if len(piece) >= SHORTEST:
                tokens -= len(piece)
                yield [*lead, *piece]
