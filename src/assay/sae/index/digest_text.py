"""The text that a digest speaks of, read where the index had read it, and proved to be the same."""

from functools import cached_property
from itertools import pairwise

import numpy as np
from jaxtyping import Int64

from assay.corpus.sources import INSTALLS, corpora, hashed
from assay.corpus.split import Split
from assay.errors import Mismatch
from assay.models.model import Model
from assay.sae.index.bank import bank_corpus, halves_of, held_out, rows_in_order
from assay.sae.index.digest_file import Digest, begins
from assay.sae.index.windows import Window, windows_of


class DigestText:
    """Documents, their rows and the tokens in them, by the numbers of the index.

    Where text is asked for: raises MissingPackage where the package that it comes from is not installed, Mismatch where
    it is another text than the digest is of.
    """

    def __init__(self, digest: Digest) -> None:
        self._digest = digest
        self.rows = begins(digest.row)
        """Place of the first token of each row; at last the number of all."""
        self.sentences = begins(digest.sentence)
        self.documents = digest.document.astype(np.int64)
        self._ids: dict[int, list[Window]] = {}

    @cached_property
    def parts(self) -> Split:
        """The documents of the index, and those of its bank."""
        about = self._digest.record.index
        parts = held_out(corpora(about.corpus.split("+")))
        if parts.train.hash != about.corpus_hash:
            raise self._other_text()
        return parts

    @cached_property
    def scoring(self) -> list[str]:
        """The sentences of the bank's scoring half."""
        record, corpus = self._digest.record, self.parts.held_out
        deciding, scoring = halves_of(corpus, record.n_deciding, None)
        scoring = scoring[: len(self._digest.scoring_run)]
        if bank_corpus(corpus, [*deciding, *scoring]).hash != record.bank.corpus_hash:
            raise self._other_text()
        return scoring

    def pieces(self, begin: int, end: int) -> list[str]:
        """The texts of the tokens from place ``begin`` to before ``end``, all of one row."""
        row = int(np.searchsorted(self.rows, begin, side="right")) - 1
        first = int(self.rows[row])
        marks = self._before[row] + begins(self._digest.token[first:end])[begin - first :]
        document = self.parts.train.documents[self.documents[row]]
        return [document[a:b] for a, b in pairwise(marks.tolist())]

    def row_ids(self, row: int, model: Model) -> list[int]:
        """The token ids of a row. Raises Mismatch where the tokenizer cuts the text in another way."""
        number, about = int(self.documents[row]), self._digest.record.index
        if number not in self._ids:
            document = self.parts.train.documents[number : number + 1]
            corpus = hashed(about.corpus, document)
            self._ids[number] = list(windows_of(model, corpus, about.context, about.tokens))
        at, size = int(self._order[row]), int(self._digest.row[row])
        windows = self._ids[number]
        window = windows[at] if at < len(windows) else None
        lengths = self._digest.token[self.rows[row] : self.rows[row + 1]]
        if window is None or not np.array_equal(np.diff(window.ends[:size], prepend=0), lengths):
            raise Mismatch(
                f"the tokenizer of {model.id}, which cuts the text in another way than the one of the index",
                "the tokenizer that the index was made with",
                f"make an index with this one: assay sae index {about.sae_id}",
            )
        ids: list[int] = window.ids[:size].tolist()
        return ids

    @cached_property
    def _in_order(self) -> Int64[np.ndarray, " rows"]:
        """The rows document by document, in the order of the text: all of one document are full but its last."""
        return rows_in_order(self.documents, self._digest.row.astype(np.int64))

    @cached_property
    def _order(self) -> Int64[np.ndarray, " rows"]:
        """Which row of its document each row is."""
        out = np.zeros(len(self.documents), np.int64)
        ordered = self.documents[self._in_order]
        out[self._in_order] = np.arange(len(ordered)) - np.searchsorted(ordered, ordered)
        return out

    @cached_property
    def _before(self) -> Int64[np.ndarray, " rows"]:
        """Characters of its document that stand before each row."""
        ends = begins(self._digest.token)
        sizes = np.diff(ends[self.rows])[self._in_order]
        ordered, before = self.documents[self._in_order], begins(sizes)[:-1]
        out = np.zeros(len(ordered), np.int64)
        out[self._in_order] = before - before[np.searchsorted(ordered, ordered)]
        return out

    def _other_text(self) -> Mismatch:
        about = self._digest.record.index
        lines = [INSTALLS[name] for name in about.corpus.split("+") if name in INSTALLS]
        again = f"make an index of the text that is there: assay sae index {about.sae_id}"
        return Mismatch(
            f"the corpus {about.corpus!r}, whose text is not the one that the digest of the SAE {about.sae_id} is of",
            f"documents with the hash {about.corpus_hash[:16]}",
            "; or ".join([*lines, again]),
        )
