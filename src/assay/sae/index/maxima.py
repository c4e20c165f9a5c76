"""How strongly every feature fires at most in each of some new sentences: what InterpScore compares."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Float32, Int32, Int64
from scipy.sparse import csr_array

from assay.errors import InputError
from assay.events import Emit, ignore, stage
from assay.models.model import Model
from assay.models.tokens import plain_ids
from assay.sae.coder import SAE
from assay.sae.index.residual import layer_read, residual

TOKENS = 1024
"""Tokens of a forward pass at most, padding included."""


@torch.no_grad()
def max_activations(
    model: Model, sae: SAE, sentences: Sequence[str], *, layer: int | None = None, emit: Emit = ignore
) -> csr_array:
    """Maximum activation of every feature over the tokens of each sentence, the start token left out:
    float32 of shape (n_sentences, d_sae), sparse, 0 where a feature is silent.

    All features come from one pass: ``found[:, [7]].toarray()`` is one feature on all sentences. A sentence has
    hundreds of features, so hand many thousands over in portions. Raises InputError for a sentence without
    tokens, and what ``layer_read`` raises.
    """
    layer = layer_read(model, sae, layer)
    sae = sae.to(model.device)
    ids = [plain_ids(model, sentence) for sentence in sentences]
    for number, tokens in enumerate(ids):
        if not tokens:
            raise InputError(
                f"sentence {number}, {sentences[number]!r}, which has no tokens", "some text", "leave it out"
            )
    rows, columns, values = [], [], []
    with stage(emit, "maxima", "activations of sentences", len(ids)) as tick:
        done = 0
        for some in _batches([len(row) for row in ids]):
            codes = sae.encode_sparse(residual(model, layer, [ids[number] for number in some]))
            owner = np.repeat(np.array(some), [len(ids[number]) for number in some])
            row, column, value = _largest(
                owner[codes.row.cpu().numpy()], codes.feature.cpu().numpy(), codes.value.cpu().numpy()
            )
            rows.append(row)
            columns.append(column)
            values.append(value)
            done += len(some)
            tick(done)
    shape = (len(ids), sae.d_sae)
    if not ids:
        return csr_array(shape, dtype=np.float32)
    where = (np.concatenate(rows), np.concatenate(columns))
    return csr_array((np.concatenate(values), where), shape=shape)


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Numbers of the sentences of each pass; sentences of like length go together."""
    batch: list[int] = []
    for number in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * (lengths[number] + 1) > TOKENS:
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch


def _largest(
    row: Int64[np.ndarray, " n"], column: Int32[np.ndarray, " n"], value: Float32[np.ndarray, " n"]
) -> tuple[Int64[np.ndarray, " m"], Int32[np.ndarray, " m"], Float32[np.ndarray, " m"]]:
    """The largest value of each pair (row, column) that occurs."""
    if not len(row):
        return row, column, value
    order = np.lexsort((column, row))
    row, column, value = row[order], column[order], value[order]
    new = (np.diff(row, prepend=-1) != 0) | (np.diff(column, prepend=-1) != 0)
    first = np.flatnonzero(new)
    return row[first], column[first], np.maximum.reduceat(value, first)
