"""The codes of a corpus token by token, in shards on disk: each is written whole or not at all.

A killed pass goes on after its last shard; how the corpus is cut into shards is part of the index's key.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from assay.edits.tensors import write_tensors
from assay.events import Emit, stage
from assay.models.batches import cheapest_batches
from assay.models.model import Model
from assay.sae.coder import SAE
from assay.sae.cut import cut, unfinished
from assay.sae.index.postings import Part, narrowed
from assay.sae.index.sentences import sentence_lengths
from assay.sae.index.windows import Window
from assay.sae.residual import ordinary_tokens, residual

ROWS_PER_SHARD = 512
"""About a minute of work on two cores, which is what a kill can cost."""
NARROW = 1 << 16
"""Features that 2 bytes can tell apart."""

Shard = Mapping[str, NDArray[Any]]
"""By name: ``ids``, ``ends`` (bytes of ``text`` up to and including each token) and ``fired`` (features that
fired) of each token; ``feature`` and ``value`` of each code; ``row`` (tokens) and ``document`` of each row;
``sentence`` (tokens) of each sentence; ``text`` in UTF-8."""


def encode(
    model: Model, sae: SAE, layer: int, windows: Sequence[Window], folder: Path, emit: Emit
) -> list[Path]:
    """The shards of all windows in order; those that are not there yet are made."""
    shards = cut(windows, ROWS_PER_SHARD, folder)
    work = unfinished(shards)
    paths = [path for path, _ in shards]
    if not work:
        return paths
    total = sum(len(window.ids) for _, some in work for window in some)
    done = 0
    sae = sae.to(model.device)
    with stage(emit, "codes", f"codes of {total:,} tokens", total) as tick:
        for path, some in work:
            begun = done

            def tell(tokens: int, begun: int = begun) -> None:
                tick(begun + tokens)

            _write(path, _shard(model, sae, layer, some, tell))
            done += sum(len(window.ids) for window in some)
    return paths


def read(path: Path, names: Sequence[str]) -> Shard:
    """Some arrays of a shard."""
    from safetensors import safe_open

    with safe_open(path, framework="np") as file:
        return {name: file.get_tensor(name) for name in names}


def part_of(path: Path) -> Part:
    """The codes of a shard."""
    return Part(**read(path, Part._fields))


def _shard(
    model: Model, sae: SAE, layer: int, windows: Sequence[Window], tell: Callable[[int], None]
) -> Shard:
    """Windows of like length go together, so that little is padding, and stay in that order. Tokens of outlying norm
    have no codes."""
    windows = sorted(windows, key=lambda window: len(window.ids))
    kind = np.uint16 if sae.d_sae <= NARROW else np.uint32
    fired, feature, value, norms = [], [], [], []
    done = 0
    for some in cheapest_batches([len(window.ids) for window in windows]):
        x = residual(model, layer, [window.ids.tolist() for window in windows[some]])
        codes = sae.encode_sparse(x)
        norms.append(x.norm(dim=1).cpu())
        fired.append(np.bincount(codes.row.cpu().numpy(), minlength=codes.n).astype(np.int32))
        feature.append(codes.feature.cpu().numpy().astype(kind))
        value.append(codes.value.cpu().numpy())
        done += codes.n
        tell(done)
    count = np.concatenate(fired)
    ordinary = ordinary_tokens(torch.cat(norms)[:, None]).numpy()
    kept = np.repeat(ordinary, count)
    text = [window.text.encode() for window in windows]
    begins = np.cumsum([0, *map(len, text)])
    return {
        "ids": np.concatenate([window.ids for window in windows]),
        "ends": np.concatenate([_bytes(w) + begin for w, begin in zip(windows, begins, strict=False)]),
        "fired": np.where(ordinary, count, 0).astype(np.int32),
        "feature": np.concatenate(feature)[kept],
        "value": narrowed(np.concatenate(value)[kept]),
        "row": np.array([len(window.ids) for window in windows], np.int32),
        "document": np.array([window.document for window in windows], np.int32),
        "sentence": np.array(
            [n for w in windows for n in sentence_lengths(w.text, w.ends.tolist())], np.int32
        ),
        "text": np.frombuffer(b"".join(text), np.uint8).copy(),
    }


def _bytes(window: Window) -> NDArray[np.int64]:
    """The ends of a window's tokens in bytes instead of characters."""
    sizes = [len(character.encode()) for character in window.text]
    ends: NDArray[np.int64] = np.cumsum([0, *sizes])[window.ends]
    return ends


def _write(path: Path, shard: Shard) -> None:
    write_tensors(
        path,
        {name: torch.from_numpy(array) for name, array in shard.items()},
        ("format", "pt"),
        "room and permission for a feature index: about 10 bytes for each feature of each token",
        "free space, set ASSAY_HOME to a folder on another disk, or use fewer tokens",
    )
