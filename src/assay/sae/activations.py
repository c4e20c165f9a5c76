"""The residual stream after one block, over a corpus, once: in shards on disk that are read as memory.

A shard is written whole or not at all, so a killed pass goes on after the last one. Only the blocks up to
the layer run.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor

from assay.corpus.sources import Corpus
from assay.edits.tensors import write_tensors
from assay.errors import InputError, ModelError
from assay.events import Emit, ignore, stage
from assay.models.model import Model
from assay.sae.cut import cut, unfinished
from assay.sae.residual import residual
from assay.sae.rows import rows_of
from assay.sae.threads import prove_threads

ROWS_PER_BATCH = 16
ROWS_PER_SHARD = 512
"""About a minute of work on two cores, and 75 MB for the default model: what a kill can cost."""
STORED = {torch.bfloat16: torch.bfloat16, torch.float32: torch.float16}
"""Dtype of the model to dtype on disk: float16 keeps more digits than bfloat16, which a pass in bfloat16 has not
got."""


@dataclass(frozen=True, eq=False)
class Activations:
    """Every token's vector after one block; start tokens are left out."""

    parts: tuple[Tensor, ...]
    """The shards, (n_i, d_model) each, mapped from their files: read when touched."""
    ids: Int[Tensor, " n"]
    """The token that each vector stands at."""
    key: str
    """Hex; names model, layer, text and dtype."""
    layer: int
    model_hash: str
    """Of the model that ran, in the dtype that it ran in."""
    corpus_hash: str
    context: int
    """Tokens per row of text, the start token included."""

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def d_model(self) -> int:
        """Width of a vector."""
        return self.parts[0].shape[1]

    def rows(self, at: Int[Tensor, " b"]) -> Float[Tensor, "b d_model"]:
        """The vectors of some tokens, float32."""
        out = torch.empty(len(at), self.d_model)
        ends = torch.tensor([len(part) for part in self.parts]).cumsum(0)
        shard = torch.searchsorted(ends, at, right=True)
        for number in torch.unique(shard).tolist():
            mine = (shard == number).nonzero()[:, 0]
            begin = int(ends[number]) - len(self.parts[number])
            out[mine] = self.parts[number][at[mine] - begin].float()
        return out


def collect(
    model: Model,
    corpus: Corpus,
    layer: int,
    cache: Path,
    *,
    context: int,
    tokens: int,
    emit: Emit = ignore,
) -> Activations:
    """Activations of at most ``tokens`` tokens of the corpus: from the cache, or in one pass.

    ``model`` may be in bfloat16 (bulk work) or float32. Raises ModelError for a layer it has not, or when
    activations do not fit into what is written.
    """
    prove_threads()
    model.check_layer(layer)
    if model.dtype not in STORED:
        raise ModelError(f"a model in {model.dtype}", "bfloat16 or float32", "load it in one of these")
    rows = list(rows_of(model, corpus, context, tokens))
    if not rows:
        raise InputError(f"no usable text in corpus {corpus.name!r}", "documents of sentences", "use another")
    key = _key(model, corpus, layer, context, sum(map(len, rows)))
    folder = cache / "activations" / key[:20]
    shards = cut(rows, ROWS_PER_SHARD, folder)
    work = unfinished(shards)
    if work:
        _run(model, layer, work, emit)
    read = [_read(path) for path, _ in shards]
    return Activations(
        parts=tuple(x for x, _ in read),
        ids=torch.cat([ids for _, ids in read]),
        key=key,
        layer=layer,
        model_hash=model.hash,
        corpus_hash=corpus.hash,
        context=context,
    )


def _key(model: Model, corpus: Corpus, layer: int, context: int, tokens: int) -> str:
    words = (model.hash, model.dtype, model.start, corpus.hash, layer, context, tokens, ROWS_PER_SHARD)
    return sha256(" ".join(map(str, words)).encode()).hexdigest()


def _run(model: Model, layer: int, work: Sequence[tuple[Path, Sequence[list[int]]]], emit: Emit) -> None:
    """Write some shards."""
    lead = 0 if model.start is None else 1
    total = sum(len(row) - lead for _, some in work for row in some)
    done = 0
    with stage(emit, "activations", f"activations of layer {layer}", total) as tick:
        for path, some in work:
            parts = []
            for part in _batches(model, layer, some, lead):
                parts.append(part)
                done += len(part[1])
                tick(done)
            x, ids = (torch.cat(column) for column in zip(*parts, strict=True))
            _write(path, x, ids)


def _batches(
    model: Model, layer: int, rows: Sequence[Sequence[int]], lead: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Vectors and ids of a few rows at a time; rows of like length go together, so that little is padding."""
    in_order = sorted(rows, key=len)
    for at in range(0, len(rows), ROWS_PER_BATCH):
        some = [row[lead:] for row in in_order[at : at + ROWS_PER_BATCH]]
        x = residual(model, layer, some)
        ids = torch.tensor([token for row in some for token in row], dtype=torch.int32)
        yield x.to(STORED[model.dtype]).cpu(), ids


def _write(path: Path, x: Tensor, ids: Tensor) -> None:
    if not torch.isfinite(x).all():
        raise ModelError(
            f"activations that do not fit into {x.dtype}",
            f"numbers up to {torch.finfo(x.dtype).max:g}",
            "load the model in bfloat16 for this pass",
        )
    write_tensors(
        path,
        {"x": x, "ids": ids},
        ("format", "pt"),
        f"room and permission for activations ({x.shape[1] * x.element_size()} bytes a token)",
        "free space, set ASSAY_HOME to a folder on another disk, or use fewer tokens",
    )


def _read(path: Path) -> tuple[Tensor, Tensor]:
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        return file.get_tensor("x"), file.get_tensor("ids")
