"""A digest of an index as one file: what feature cards need of it, in numbers alone, small enough to come with an SAE.

It holds no text. Sentences are numbers of sentences, tokens are lengths: whoever reads it finds the text where the
index found it. The file is a zip of arrays whose bytes are sorted by significance, which makes them compress.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo
from zlib import error as ZlibError

import numpy as np
from numpy.typing import NDArray

from assay.errors import StoreError
from assay.runs.strict import dumps
from assay.runs.whole import written_whole
from assay.sae.index.files import About
from assay.sae.index.reader import BINS, DECILES, SHARES

FILE = "digest.zip"
"""In the folder of the SAE."""
RECORD = "digest-1.json"
"""The number is of the layout: a digest of another one is none."""
TEXTS = "tokens.json"
STEPS = 1 << 13
"""Of an embedding's coordinate, at most 1. A cosine is off by 5e-5 (root mean square), and is shown to 1e-2."""
DATE = (1980, 1, 1, 0, 0, 0)
"""Of all members, so that the same digest is the same file."""


@dataclass(frozen=True)
class DigestRecord:
    """What a digest is of."""

    index: About
    index_key: str
    bank: About
    """Of the index of the bank's sentences."""
    bank_key: str
    embedder: str
    n_deciding: int
    """Sentences of the bank's other half, which a digest has nothing of but has to know apart."""
    positions: int
    """The setting that the positions of MUI were drawn by, at most so many of a feature."""
    firing: float
    """Likewise: the share of a feature's largest activation above which it fires."""
    seed: int
    """What positions and sentences of each tenth were drawn with."""


@dataclass(frozen=True, eq=False)
class Digest:
    """All of it. Arrays of "features" have a row for each; where a feature has several entries, those of all features
    follow each other, and there is a count for each feature."""

    record: DigestRecord
    name: str
    """SHA-256 of the file, hex."""
    texts: Mapping[int, str]
    """Of the vocabulary's tokens, those that are promoted or suppressed."""
    row: NDArray[Any]
    """Tokens of each row of text."""
    document: NDArray[Any]
    """Which document each row is of."""
    sentence: NDArray[Any]
    """Tokens of each sentence."""
    token: NDArray[Any]
    """Characters of each token."""
    count: NDArray[Any]
    """Features: tokens it fires on."""
    total: NDArray[Any]
    """Features: sum of its activations."""
    largest: NDArray[Any]
    """Features: largest activation."""
    histogram: NDArray[Any]
    """Features: tokens in each bin."""
    quantiles: NDArray[Any]
    """Features: activation at each of SHARES; NaN for a dead one."""
    top_count: NDArray[Any]
    top: NDArray[Any]
    """Strongest sentences, by number."""
    tenth: NDArray[Any]
    """Features: a sentence of each tenth, counted from 1; 0 for none."""
    shown_count: NDArray[Any]
    """Sentences whose activations are kept: those of ``top``, then those of ``tenth`` that are not among these."""
    code_count: NDArray[Any]
    """Tokens that it fires on, in each of these."""
    code_token: NDArray[Any]
    """Which of the sentence's tokens."""
    code_value: NDArray[Any]
    position_count: NDArray[Any]
    """Positions that MUI is measured at."""
    position_row: NDArray[Any]
    position: NDArray[Any]
    """In the row, the start token being 0."""
    position_value: NDArray[Any]
    """The feature's activation there."""
    n_firing: NDArray[Any]
    """Features: at how many positions of the whole index it fires."""
    promoted: NDArray[Any]
    """Features: token ids, the outermost first."""
    promoted_by: NDArray[Any]
    suppressed: NDArray[Any]
    suppressed_by: NDArray[Any]
    scoring_run: NDArray[Any]
    """Which sentences of the bank's scoring half are long enough to be run."""
    vectors: NDArray[Any]
    """Their embeddings, in steps of 1 / STEPS: half precision takes a fifth more room."""
    scoring_fires: NDArray[Any]
    """Features: whether it fires on any of them."""
    kept: NDArray[Any]
    """Sentences of the scoring half, by number, of which the largest activation of every feature is kept."""
    peak_count: NDArray[Any]
    """Features: on how many of these it fires."""
    peak_sentence: NDArray[Any]
    """Which of ``kept``, by place in it."""
    peak_value: NDArray[Any]


ARRAYS = tuple(field.name for field in fields(Digest) if field.name not in ("record", "name", "texts"))


def write_digest(
    path: Path, record: DigestRecord, texts: Mapping[int, str], arrays: Mapping[str, NDArray[Any]]
) -> Path:
    """Write it whole or not at all. Raises StoreError where that cannot be done."""
    kinds = {name: [arrays[name].dtype.str, list(arrays[name].shape)] for name in ARRAYS}
    with written_whole(path) as scratch, ZipFile(scratch, "w", ZIP_DEFLATED, compresslevel=9) as file:
        held = {
            RECORD: dumps({**asdict(record), "arrays": kinds}).encode(),
            TEXTS: dumps(dict(texts)).encode(),
        }
        held |= {name: _planes(arrays[name]).tobytes() for name in ARRAYS}
        for name, content in held.items():
            file.writestr(_member(name), content)
    return path


def read_digest(path: Path) -> Digest:
    """The whole file, its checksums proved. Raises StoreError where it is damaged or no digest."""
    try:
        with ZipFile(path) as file:
            record = json.loads(file.read(RECORD))
            kinds = record.pop("arrays")
            texts = {int(id): text for id, text in json.loads(file.read(TEXTS)).items()}
            arrays = {name: _array(file.read(name), *kinds[name]) for name in ARRAYS}
        index, bank = (About(**record.pop(name)) for name in ("index", "bank"))
        name = sha256(path.read_bytes()).hexdigest()
        digest = Digest(DigestRecord(index=index, bank=bank, **record), name, texts, **arrays)
    except (OSError, BadZipFile, ZlibError, EOFError, ValueError, KeyError, TypeError) as error:
        raise damaged(path, f"cannot be read: {error}") from error
    _prove(path, digest)
    return digest


def damaged(path: Path, how: str) -> StoreError:
    """The error about a file that is not what it should be."""
    return StoreError(
        f"{path} {how}",
        "the digest of an index, whole, as it came with the SAE",
        "install the package anew, or take the file away and make an index: assay sae index",
    )


def begins(counts: NDArray[Any]) -> NDArray[np.int64]:
    """Where the entries of each feature begin, and at last where all end."""
    return np.concatenate([[0], counts.cumsum(dtype=np.int64)])


def narrow(numbers: NDArray[Any]) -> NDArray[Any]:
    """Numbers from 0 in the fewest bytes that hold them."""
    kind = np.min_scalar_type(int(numbers.max(initial=0)))
    return np.asarray(numbers).astype(kind)


def _planes(array: NDArray[Any]) -> NDArray[np.uint8]:
    """The first bytes of all numbers, then the second ones, and so on."""
    plain = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return plain.view(np.uint8).reshape(-1, array.itemsize).T


def _array(content: bytes, kind: str, shape: list[int]) -> NDArray[Any]:
    dtype = np.dtype(kind)
    planes = np.frombuffer(content, np.uint8).reshape(dtype.itemsize, -1)
    return np.ascontiguousarray(planes.T).view(dtype).reshape(shape)


def _member(name: str) -> ZipInfo:
    member = ZipInfo(name, DATE)
    member.compress_type = ZIP_DEFLATED
    return member


def _prove(path: Path, digest: Digest) -> None:
    """Raise StoreError unless the arrays belong together."""
    d, about = digest, digest.record.index
    features, run = about.d_sae, len(d.scoring_run)
    shapes: dict[str, tuple[int, ...]] = {
        "row": (about.n_rows,),
        "document": (about.n_rows,),
        "sentence": (about.n_sentences,),
        "token": (about.n_tokens,),
        "histogram": (features, BINS),
        "quantiles": (features, len(SHARES)),
        "top": (int(d.top_count.sum()),),
        "tenth": (features, DECILES),
        "code_count": (int(d.shown_count.sum()),),
        "code_token": (int(d.code_count.sum()),),
        "code_value": (int(d.code_count.sum()),),
        "position": (int(d.position_count.sum()),),
        "position_row": (int(d.position_count.sum()),),
        "position_value": (int(d.position_count.sum()),),
        "vectors": (run, d.vectors.shape[-1]),
        "peak_sentence": (int(d.peak_count.sum()),),
        "peak_value": (int(d.peak_count.sum()),),
    }
    shapes |= dict.fromkeys(
        (
            "count",
            "total",
            "largest",
            "top_count",
            "shown_count",
            "position_count",
            "n_firing",
            "scoring_fires",
            "peak_count",
        ),
        (features,),
    )
    for name, shape in shapes.items():
        found = getattr(d, name).shape
        if found != shape:
            raise damaged(path, f"holds {name} of shape {found}, not {shape}")
