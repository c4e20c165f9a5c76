"""The sentences of an index as a set, with their embeddings."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from assay.corpus.embed import Embedder
from assay.corpus.sentences import Sentences
from assay.events import Emit, ignore
from assay.runs.whole import written_whole
from assay.sae.index.reader import IndexReader


class IndexedText:
    """The sentences of an index as a set that concepts can be tried on; made when first asked for."""

    def __init__(self, index: IndexReader, embedder: Embedder, emit: Emit = ignore) -> None:
        self._index = index
        self._embedder = embedder
        self._emit = emit

    @cached_property
    def texts(self) -> list[str]:
        """In the index's own numbering."""
        return list(self._index.sentences(range(self._index.about.n_sentences)))

    @cached_property
    def vectors(self) -> Float32[np.ndarray, "n d"]:
        """Embeddings of all of them, kept beside the index."""
        path = self.vectors_path(self._index, self._embedder)
        if not path.is_file():
            made = self._embedder([text or "." for text in self.texts], self._emit)
            with written_whole(path) as scratch, scratch.open("wb") as file:
                np.save(file, made)
        vectors: Float32[np.ndarray, "n d"] = np.load(path, mmap_mode="r", allow_pickle=False)
        return vectors

    @cached_property
    def sentences(self) -> Sentences:
        """Texts and vectors."""
        return Sentences(self.texts, self.vectors)

    @cached_property
    def words(self) -> Sentences:
        """The texts alone: no sentence is embedded for them."""
        return Sentences(self.texts)

    def vectors_of(self, some: Sequence[int]) -> Float32[np.ndarray, "n d"]:
        """Embeddings of some of them: kept ones where there are such, else of these alone."""
        if self.vectors_path(self._index, self._embedder).is_file():
            return np.array(self.vectors[list(some)])
        return self._embedder([text or "." for text in self._index.sentences(some)], self._emit)

    @staticmethod
    def vectors_path(index: IndexReader, embedder: Embedder) -> Path:
        """Where the embeddings are, once they are made."""
        return index.folder / f"vectors-{Path(embedder.name).name}.npy"
