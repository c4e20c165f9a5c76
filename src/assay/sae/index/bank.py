"""The sentence bank of an index: held-out sentences that labels are tried on, each alone in its row.

The index's own text chooses labels and shows what a feature does; the bank is of other documents, so that a
label is judged where it was not chosen. It has two halves of different documents: one decides between labels, the
other scores the label that was kept.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Int, Int64

from assay.corpus.embed import Embedder
from assay.corpus.sentences import Sentences, sentences_of
from assay.corpus.sources import Corpus, hashed
from assay.corpus.split import Split, split
from assay.errors import InputError, StoreError
from assay.events import Emit, ignore
from assay.models.model import Model
from assay.runs.strict import dumps
from assay.runs.whole import written_whole
from assay.sae.coder import SAE
from assay.sae.index.build import FOLDER as INDEXES
from assay.sae.index.build import build_index
from assay.sae.index.files import About
from assay.sae.index.index import FeatureIndex
from assay.sae.index.reader import IndexReader
from assay.sae.index.records import Example

FOLDER = "bank"
"""In the folder of the index."""
RECORD = "bank-1.json"
"""Written last. The number is of the layout."""
VECTORS = "vectors.npy"
HELD_OUT = 0.2
"""Share of a corpus's documents that an index leaves to its bank."""
SENTENCES = 8000
"""At most, half of them of either kind."""
SHORTEST = 5
"""Sentences of either half at least: of fewer no label can be judged."""


class BankReader(ABC):
    """What scoring asks of a bank: the sentences that score a label, by number in their half, with what features do
    on them. A whole bank answers it, and so does what a digest keeps of one."""

    folder: Path
    """Where what is made by its help is kept."""
    about: About
    """What the index of its sentences is of."""
    key: str
    """The name of that index."""
    embedder: str
    """What the sentences were embedded by."""

    @property
    @abstractmethod
    def scoring_half(self) -> Sentences:
        """The sentences that score the label that was kept, with their embeddings."""

    @abstractmethod
    def prepare(self, shown: Int64[np.ndarray, " n"], valued: Int64[np.ndarray, " m"]) -> None:
        """See to it that sentences have been run: ``shown`` ones are asked for token by token, of ``valued`` ones the
        largest activation is enough."""

    @abstractmethod
    def scoring_values(self, feature: int, some: Int64[np.ndarray, " n"]) -> Float32[np.ndarray, " n"]:
        """Its largest activation in each of these sentences; 0 where it is silent, NaN for a sentence that was too
        short to be run."""

    @abstractmethod
    def scoring_example(self, feature: int, sentence: int) -> Example | None:
        """One sentence with the feature's activation on every token; None where it was too short to be run."""

    @abstractmethod
    def scoring_tokens(self, sentence: int) -> list[int]:
        """Its token ids, the start token left out; empty where it was too short to be run."""

    @abstractmethod
    def fires_in_scoring(self, feature: int) -> bool:
        """Whether it fires on any sentence of the scoring half."""


class Bank(BankReader):
    """``Bank(index)``: raises StoreError where the index has none."""

    def __init__(self, index: FeatureIndex) -> None:
        self.folder = folder = index.folder / FOLDER
        held = _read(folder)
        self.sentences = Sentences(held["sentences"], np.load(folder / VECTORS, mmap_mode="r"))
        """Those of the deciding half first."""
        self.n_deciding = int(held["n_deciding"])
        self.embedder = held["embedder"]
        self.index = FeatureIndex(folder / INDEXES / held["index"])
        """Of the sentences, a row of text each, the model in float32."""
        self.about, self.key = self.index.about, self.index.folder.name

    def __len__(self) -> int:
        return len(self.sentences)

    @cached_property
    def deciding(self) -> Bool[np.ndarray, " n"]:
        """Which sentences decide between labels; the others score."""
        return np.arange(len(self)) < self.n_deciding

    @cached_property
    def deciding_half(self) -> Sentences:
        """The sentences that decide between labels."""
        return self.sentences.part(self.deciding)

    @cached_property
    def scoring_half(self) -> Sentences:
        """The sentences that score the label that was kept."""
        return self.sentences.part(~self.deciding)

    def prepare(self, shown: Int64[np.ndarray, " n"], valued: Int64[np.ndarray, " m"]) -> None:
        """All sentences have been run."""

    def scoring_values(self, feature: int, some: Int64[np.ndarray, " n"]) -> Float32[np.ndarray, " n"]:
        """From the index of the sentences."""
        return np.asarray(self.values(feature)[some + self.n_deciding])

    def scoring_example(self, feature: int, sentence: int) -> Example | None:
        """See ``example``."""
        return self.example(feature, sentence + self.n_deciding)

    def scoring_tokens(self, sentence: int) -> list[int]:
        """See ``tokens``."""
        return self.tokens(sentence + self.n_deciding)

    def fires_in_scoring(self, feature: int) -> bool:
        """From the index of the sentences."""
        return bool(np.nan_to_num(self.values(feature)[self.n_deciding :]).any())

    def values(self, feature: int) -> Float32[np.ndarray, " n"]:
        """Its largest activation in each sentence; 0 where it is silent, NaN for a sentence that was too short
        to be run."""
        out = self._empty.copy()
        peaks = self.index.peaks_of_rows(feature)
        np.maximum.at(out, self._sentence_of[peaks.rows], peaks.values)
        return out

    def example(self, feature: int, sentence: int) -> Example | None:
        """One sentence with the feature's activation on every token; None where it was not run. Of a sentence of
        several rows, being longer than the context, the row where the activation is largest."""
        return strongest_row(self.index, feature, self._rows.get(sentence, ()))

    def tokens(self, sentence: int) -> list[int]:
        """Its token ids, the start token left out; empty where it was not run."""
        return [id for row in self._rows.get(sentence, ()) for id in self.index.row_ids(row)]

    @cached_property
    def _sentence_of(self) -> Int64[np.ndarray, " rows"]:
        return self.index.arrays["documents"].astype(np.int64)

    @cached_property
    def _rows(self) -> dict[int, list[int]]:
        return rows_of_documents(self.index)

    @cached_property
    def _empty(self) -> Float32[np.ndarray, " n"]:
        out = np.full(len(self), np.nan, np.float32)
        out[self._sentence_of] = 0
        return out


def rows_of_documents(index: IndexReader) -> dict[int, list[int]]:
    """Of each document its rows in the order of the text."""
    documents = index.arrays["documents"]
    found: dict[int, list[int]] = {}
    for row in rows_in_order(documents, np.diff(index.arrays["rows"])).tolist():
        found.setdefault(int(documents[row]), []).append(row)
    return found


def rows_in_order(
    documents: Int[np.ndarray, " n"], lengths: Int[np.ndarray, " n"]
) -> Int64[np.ndarray, " n"]:
    """Rows document by document, in the order of the text: all of a document are full but its last."""
    return np.lexsort((-lengths.astype(np.int64), documents))


def strongest_row(index: FeatureIndex, feature: int, rows: Sequence[int]) -> Example | None:
    """The row with the feature's largest activation; None of no rows."""
    examples = [index.row_example(feature, row) for row in rows]
    return max(examples, key=lambda example: example.value, default=None)


def held_out(corpus: Corpus) -> Split:
    """The corpus without the documents of its bank, and these."""
    return split(corpus, HELD_OUT)


def halves_of(corpus: Corpus, deciding: int, scoring: int | None) -> tuple[list[str], list[str]]:
    """The sentences of either half out of the held-out documents, so many of each at most. One that stands in both
    decides."""
    parts = split(corpus, HELD_OUT / 2)
    first = sentences_of(parts.train.documents)[:deciding]
    known = set(first)
    return first, [text for text in sentences_of(parts.held_out.documents)[:scoring] if text not in known]


def bank_corpus(corpus: Corpus, texts: Sequence[str]) -> Corpus:
    """The sentences of a bank, a document each."""
    return hashed(f"{corpus.name}, sentences", texts)


def make_bank(
    index: FeatureIndex,
    model: Model,
    sae: SAE,
    corpus: Corpus,
    embedder: Embedder,
    sentences: int = SENTENCES,
    emit: Emit = ignore,
) -> Bank:
    """The bank of an index, made unless it is there; ``corpus`` has documents that the index has not seen.

    Raises Mismatch for another model or SAE, InputError for too little text.
    """
    index.about.check(sae, model)
    folder = index.folder / FOLDER
    if not (folder / RECORD).is_file():
        most = max(SHORTEST, sentences // 2)
        deciding, scoring = halves_of(corpus, most, most)
        if min(len(deciding), len(scoring)) < SHORTEST:
            raise InputError(
                f"{len(deciding)} and {len(scoring)} held-out sentences in corpus {corpus.name!r}",
                f"at least {SHORTEST} in either half; good labels need thousands",
                "give more text with --corpus",
            )
        texts = [*deciding, *scoring]
        made = build_index(
            model,
            sae,
            bank_corpus(corpus, texts),
            folder,
            tokens=sum(len(text.encode()) + 1 for text in texts),  # at least as many as there are
            context=index.about.context,
            layer=index.about.layer,
            emit=emit,
        )
        np.save(folder / VECTORS, embedder(texts, emit))
        about = {
            "sentences": texts,
            "n_deciding": len(deciding),
            "embedder": embedder.name,
            "index": made.folder.name,
        }
        with written_whole(folder / RECORD) as scratch:
            scratch.write_text(dumps(about) + "\n", encoding="utf-8")
    return Bank(index)


def _read(folder: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StoreError(
            f"no sentence bank in {folder.parent}",
            "an index with the sentences that labels are tried on",
            "run assay sae index again, for this SAE",
        ) from None
    except ValueError as error:
        raise StoreError(
            f"{folder / RECORD} cannot be read: {error}",
            "the file as assay sae index wrote it",
            f"delete the folder {folder} and run assay sae index again",
        ) from error
    return found
