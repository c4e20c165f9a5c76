"""The sentence bank of an index: held-out sentences that labels are tried on, each alone in its row.

The index's own text chooses labels and shows what a feature does; the bank is of other documents, so that a
label is judged where it was not chosen. It has two halves of different documents: one decides between labels, the
other scores the label that was kept.
"""

import json
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Int64

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
from assay.sae.index.index import FeatureIndex
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


class Bank:
    """``Bank(index)``: raises StoreError where the index has none."""

    def __init__(self, index: FeatureIndex) -> None:
        self.folder = folder = index.folder / FOLDER
        held = _read(folder)
        self.sentences = Sentences(held["sentences"], np.load(folder / VECTORS, mmap_mode="r"))
        """Those of the deciding half first."""
        self.n_deciding = int(held["n_deciding"])
        self.embedder: str = held["embedder"]
        """What the sentences were embedded by."""
        self.index = FeatureIndex(folder / INDEXES / held["index"])
        """Of the sentences, a row of text each, the model in float32."""

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
        rows = [self.index.row_example(feature, row) for row in self._rows.get(sentence, ())]
        return max(rows, key=lambda example: example.value, default=None)

    def tokens(self, sentence: int) -> list[int]:
        """Its token ids, the start token left out; empty where it was not run."""
        lead = self.index.about.lead
        return [id for row in self._rows.get(sentence, ()) for id in self.index.rows[row][lead:]]

    @cached_property
    def _sentence_of(self) -> Int64[np.ndarray, " rows"]:
        return self.index.arrays["documents"].astype(np.int64)

    @cached_property
    def _rows(self) -> dict[int, list[int]]:
        """Of each sentence its rows in the order of the text: all of them are full but the last."""
        longest_first = np.argsort(-np.diff(self.index.arrays["rows"]), kind="stable")
        found: dict[int, list[int]] = {}
        for row in longest_first.tolist():
            found.setdefault(int(self._sentence_of[row]), []).append(row)
        return found

    @cached_property
    def _empty(self) -> Float32[np.ndarray, " n"]:
        out = np.full(len(self), np.nan, np.float32)
        out[self._sentence_of] = 0
        return out


def held_out(corpus: Corpus) -> Split:
    """The corpus without the documents of its bank, and these."""
    return split(corpus, HELD_OUT)


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
        halves = split(corpus, HELD_OUT / 2)
        deciding, scoring = (
            sentences_of(part.documents)[: max(SHORTEST, sentences // 2)]
            for part in (halves.train, halves.held_out)
        )
        known = set(deciding)
        scoring = [text for text in scoring if text not in known]
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
            hashed(f"{corpus.name}, sentences", texts),
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
