"""An index as it lies in its folder: what it is of, and arrays that are read as memory."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.errors import Mismatch, StoreError
from assay.models.model import Model
from assay.sae.coder import SAE

RECORD = "index-2.json"
"""Written last: a folder that has it is whole. The number is of the layout: an index of another one is none."""


@dataclass(frozen=True)
class About:
    """What an index is of."""

    model_id: str
    model_hash: str
    """Of the model that ran, in the dtype that it ran in."""
    dtype: str
    """``float32`` or ``bfloat16``: what the model ran in."""
    start: int | None
    """The start token in front of every row, or None."""
    layer: int
    """The residual stream after this block was encoded."""
    sae_id: str
    sae_hash: str
    d_sae: int
    corpus: str
    """Its name."""
    corpus_hash: str
    context: int
    """Tokens per row at most, the start token included."""
    tokens: int
    """Tokens that were asked for."""
    n_tokens: int
    """Tokens that there are; start tokens are not counted."""
    n_rows: int
    n_sentences: int
    n_codes: int
    """Postings: pairs of a token and a feature that fired on it."""
    n_bytes: int
    """Of the text."""

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dict."""
        return asdict(self)

    @property
    def lead(self) -> int:
        """1 when rows begin with a start token, else 0."""
        return 0 if self.start is None else 1

    def check(self, sae: SAE | None = None, model: Model | None = None) -> None:
        """Raise Mismatch unless the index is of this SAE and of this model.

        A model in another dtype has another hash; there its name decides.
        """
        if sae is not None and sae.hash != self.sae_hash:
            raise Mismatch(
                f"an index of the SAE {self.sae_id} ({self.sae_hash[:12]}) for the SAE {sae.id} ({sae.hash[:12]})",
                "an index of the same weights",
                "make one: assay sae index, with the folder of this SAE",
            )
        if model is None or model.hash == self.model_hash:
            return
        if model.id != self.model_id or name_of(model) == self.dtype:
            raise Mismatch(
                f"an index of the model {self.model_id} ({self.model_hash[:12]}) for the model {model.id} "
                f"({model.hash[:12]})",
                "an index of the same weights",
                "load the model that was indexed, or make another index: assay sae index",
            )


def name_of(model: Model) -> str:
    """The model's dtype in one word."""
    return str(model.dtype).removeprefix("torch.")


def _lengths(about: About) -> Mapping[str, tuple[tuple[str, ...], int]]:
    """The arrays by name: the dtypes that each may have, and its length."""
    return {
        "ids": (("int32",), about.n_tokens),
        "ends": (("int64",), about.n_tokens),
        "text": (("uint8",), about.n_bytes),
        "rows": (("int64",), about.n_rows + 1),
        "documents": (("int32",), about.n_rows),
        "sentences": (("int64",), about.n_sentences + 1),
        "begin": (("int64",), about.d_sae + 1),
        "largest": (("float32",), about.d_sae),
        "total": (("float64",), about.d_sae),
        "places": (("uint32",), about.n_codes),
        "values": (("float16", "float32"), about.n_codes),
    }


def read_about(folder: Path) -> About:
    """The record of a whole index. Raises StoreError where there is none."""
    path = folder / RECORD
    if not path.is_file():
        raise StoreError(
            f"no finished index in {folder}", "a folder that assay sae index has finished", "run it again"
        )
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        return About(**{field.name: held[field.name] for field in fields(About)})
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(path, f"cannot be read: {error}") from error


def open_arrays(folder: Path, about: About) -> Mapping[str, NDArray[Any]]:
    """All arrays, mapped from their files. Raises StoreError unless every file is whole."""
    arrays = {}
    for name, (kinds, length) in _lengths(about).items():
        path = folder / f"{name}.npy"
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise _damaged(path, f"cannot be read: {error}") from error
        if array.shape != (length,) or array.dtype.name not in kinds:
            raise _damaged(path, f"holds {array.dtype.name} of shape {array.shape}, not {length} numbers")
        arrays[name] = array
    return MappingProxyType(arrays)


def _damaged(path: Path, how: str) -> StoreError:
    return StoreError(
        f"{path} {how}",
        "the whole files that assay sae index wrote",
        f"delete the folder {path.parent} and make the index again",
    )
