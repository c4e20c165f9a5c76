"""From a corpus to an index on disk: codes token by token, then feature by feature."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.corpus.sources import Corpus
from assay.errors import InputError, StoreError
from assay.events import Emit, ignore, stage
from assay.models.model import Model
from assay.runs.strict import dumps
from assay.runs.whole import written_whole
from assay.sae.coder import SAE
from assay.sae.host import layer_read
from assay.sae.index import files, shards
from assay.sae.index.files import About
from assay.sae.index.index import FeatureIndex
from assay.sae.index.postings import Part, Tally, feature_major, tally
from assay.sae.index.windows import windows_of
from assay.sae.threads import prove_threads

FOLDER = "indexes"
"""Where indexes lie in the cache."""
SHARDS = "shards"
"""The codes token by token, in an index that is not finished."""


def build_index(
    model: Model,
    sae: SAE,
    corpus: Corpus,
    cache: Path,
    *,
    tokens: int,
    context: int = 128,
    layer: int | None = None,
    emit: Emit = ignore,
) -> FeatureIndex:
    """The index of at most ``tokens`` tokens of a corpus: from the cache, or made.

    ``model`` may be in bfloat16 (bulk work) or float32. Killed and started again, it goes on where it was.
    ``context`` is tokens per row of text, the start token included; ``layer`` is needed only where the SAE does
    not say it. Raises InputError for a corpus without usable text, and what ``layer_read`` raises.
    """
    prove_threads()
    layer = layer_read(model, sae, layer)
    folder = cache / FOLDER / _key(model, sae, corpus, layer, context, tokens)[:20]
    if not (folder / files.RECORD).is_file():
        windows = list(windows_of(model, corpus, context, tokens))
        if not windows:
            raise InputError(
                f"no usable text in corpus {corpus.name!r}", "documents of sentences", "use another"
            )
        paths = shards.encode(model, sae, layer, windows, folder / SHARDS, emit)
        del windows
        with _writing(folder):
            counts = _arrays(folder, paths, sae.d_sae, emit)
            _finish(
                folder,
                About(
                    model_id=model.id,
                    model_hash=model.hash,
                    dtype=files.name_of(model),
                    start=model.start,
                    layer=layer,
                    sae_id=sae.id,
                    sae_hash=sae.hash,
                    d_sae=sae.d_sae,
                    corpus=corpus.name,
                    corpus_hash=corpus.hash,
                    context=context,
                    tokens=tokens,
                    **counts,
                ),
            )
    shutil.rmtree(folder / SHARDS, ignore_errors=True)
    return FeatureIndex(folder)


def find_index(cache: Path, sae: SAE) -> FeatureIndex:
    """The index of this SAE that was finished last. Raises InputError where there is none."""
    found = newest_index(cache, sae.hash)
    if found is None:
        raise no_index(sae)
    return FeatureIndex(found)


def no_index(sae: SAE) -> InputError:
    """The error where an index is needed and there is none."""
    return InputError(
        f"the SAE {sae.id}, of which there is no index",
        "an index of a corpus",
        f"make one: assay sae index {sae.id}",
    )


def newest_index(cache: Path, sae_hash: str) -> Path | None:
    """The folder of the index that was finished last of an SAE's; None where there is none."""
    records = (cache / FOLDER).glob(f"*/{files.RECORD}")
    found = [record for record in records if files.read_about(record.parent).sae_hash == sae_hash]
    return max(found, key=lambda record: record.stat().st_mtime).parent if found else None


def _key(model: Model, sae: SAE, corpus: Corpus, layer: int, context: int, tokens: int) -> str:
    made_of = (model.hash, model.dtype, model.start, sae.hash, layer, corpus.hash, context, tokens)
    words = (files.RECORD, shards.ROWS_PER_SHARD, *made_of)
    return sha256(" ".join(map(str, words)).encode()).hexdigest()


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    """A full or closed disk, told as what a user can do about it."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"cannot write {folder}: {error.strerror or error}",
            "room and permission for a feature index: about 10 bytes for each feature of each token",
            "free space, set ASSAY_HOME to a folder on another disk, or use fewer tokens",
        ) from error


def _arrays(folder: Path, paths: Sequence[Path], d_sae: int, emit: Emit) -> dict[str, int]:
    """Write all arrays; the numbers of what is in them, by their names in About."""

    def parts() -> Iterator[Part]:
        return map(shards.part_of, paths)

    sums, text = tally(parts(), d_sae), _text(paths)
    small = {**text, "begin": sums.begin, "largest": sums.largest, "total": sums.total}
    for name, array in small.items():
        np.save(folder / f"{name}.npy", array)
    _sort(folder, parts, sums, emit)
    return {
        "n_tokens": len(text["ids"]),
        "n_rows": len(text["documents"]),
        "n_sentences": len(text["sentences"]) - 1,
        "n_codes": int(sums.count.sum()),
        "n_bytes": len(text["text"]),
    }


def _finish(folder: Path, about: About) -> None:
    """Write the record, which says that all the rest is whole."""
    with written_whole(folder / files.RECORD) as scratch:
        scratch.write_text(dumps(about.to_json(), indent=2) + "\n", encoding="utf-8")


def _text(paths: Sequence[Path]) -> dict[str, NDArray[Any]]:
    """The text's arrays of all shards as one each; lengths become places."""
    names = ("ids", "ends", "row", "document", "sentence", "text")
    columns: dict[str, list[NDArray[Any]]] = {name: [] for name in names}
    size = 0
    for path in paths:
        shard = shards.read(path, names)
        for name in names:
            columns[name].append(shard[name] + size if name == "ends" else shard[name])
        size += len(shard["text"])
    whole = {name: np.concatenate(column) for name, column in columns.items()}
    return {
        "ids": whole["ids"],
        "ends": whole["ends"],
        "rows": _begins(whole["row"]),
        "documents": whole["document"],
        "sentences": _begins(whole["sentence"]),
        "text": whole["text"],
    }


def _begins(lengths: NDArray[Any]) -> NDArray[np.int64]:
    """Where each part begins, and at last where all end."""
    return np.concatenate([[0], lengths.cumsum(dtype=np.int64)])


def _sort(folder: Path, parts: Callable[[], Iterator[Part]], sums: Tally, emit: Emit) -> None:
    """Written as plain files: pages of a file mapped for writing would count as memory of this process."""
    n = int(sums.count.sum())
    kinds = {"places": np.dtype(np.uint32), "values": sums.dtype}
    done = 0
    with stage(emit, "sort", f"sorting {n:,} codes", n) as tick, ExitStack() as stack:
        out = [stack.enter_context((folder / f"{name}.npy").open("wb")) for name in kinds]
        for file, kind in zip(out, kinds.values(), strict=True):
            shape = {"descr": np.lib.format.dtype_to_descr(kind), "fortran_order": False, "shape": (n,)}
            np.lib.format.write_array_header_1_0(file, shape)
        for block in feature_major(parts, sums.begin, sums.dtype):
            for file, array in zip(out, block, strict=True):
                array.tofile(file)
            done += len(block[0])
            tick(done)
