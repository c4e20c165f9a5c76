"""The bank of a digest: its sentences are run when they are asked for, each alone, and kept in the cache as codes."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64, UInt

from assay.corpus.sentences import Sentences
from assay.corpus.sources import hashed
from assay.events import Emit, ignore, stage
from assay.models.model import Model
from assay.runs.trouble import explained_files
from assay.runs.whole import written_whole
from assay.sae.coder import SAE
from assay.sae.index.bank import Bank, BankReader
from assay.sae.index.digest import IndexDigest
from assay.sae.index.digest_file import STEPS, begins, narrow
from assay.sae.index.index import FeatureIndex
from assay.sae.index.postings import narrowed
from assay.sae.index.reader import IndexReader
from assay.sae.index.records import Example
from assay.sae.index.windows import Window, windows_of
from assay.sae.residual import ordinary_tokens, residual


@dataclass(frozen=True, eq=False)
class SentenceCodes:
    """What all features do on one sentence."""

    token: UInt[np.ndarray, " nnz"]
    """Which of its tokens."""
    feature: UInt[np.ndarray, " nnz"]
    value: Float[np.ndarray, " nnz"]


class DigestBank(BankReader):
    """``DigestBank(digest, model, sae)``: the model in float32. Raises Mismatch for another model or SAE than the
    bank's."""

    def __init__(self, digest: IndexDigest, model: Model, sae: SAE, emit: Emit = ignore) -> None:
        self._digest, self._held = digest, digest.held
        self.folder = digest.folder / "bank"
        self.about = digest.held.record.bank
        self.key = digest.held.record.bank_key
        self.embedder = digest.held.record.embedder
        self.about.check(sae, model)
        self._model, self._sae, self._emit = model, sae.to(model.device), emit
        self._windows: dict[int, list[Window]] = {}
        self._codes: dict[int, SentenceCodes] = {}

    @cached_property
    def scoring_half(self) -> Sentences:
        """The embeddings are those of the bank, rounded and made unit vectors again."""
        vectors = self._held.vectors.astype(np.float32) / STEPS
        return Sentences(self._digest.text.scoring, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))

    def prepare(self, shown: Int64[np.ndarray, " n"], valued: Int64[np.ndarray, " m"]) -> None:
        """Run what is neither in the cache nor, where that is enough, in the digest."""
        self._run(np.union1d(shown, np.setdiff1d(valued, self._held.kept)).tolist())

    def scoring_values(self, feature: int, some: Int64[np.ndarray, " n"]) -> Float32[np.ndarray, " n"]:
        """From the digest where it has them, else from the sentences' codes."""
        self.prepare(some[:0], some)
        out = np.full(len(self._held.scoring_run), np.nan, np.float32)
        asked = np.setdiff1d(some, self._held.kept)
        out[asked] = [self._peak(feature, sentence) for sentence in asked.tolist()]
        held = self._held
        mine = slice(*self._peaks[feature : feature + 2].tolist())
        out[held.kept] = np.where(held.scoring_run[held.kept], 0, np.nan)
        out[held.kept[held.peak_sentence[mine]]] = held.peak_value[mine]
        return np.asarray(out[some])

    def scoring_example(self, feature: int, sentence: int) -> Example | None:
        """Of a sentence of several rows, being longer than the context, the row where the activation is largest."""
        if not self._held.scoring_run[sentence]:
            return None
        activations, rows = self._activations(feature, sentence), self._rows(sentence)
        ends = begins(np.array([len(row.ids) for row in rows]))
        parts = [activations[a:b] for a, b in pairwise(ends.tolist())]
        at = max(range(len(rows)), key=lambda n: float(parts[n].max()))
        return Example(sentence, at, self.about.lead, _pieces(rows[at]), parts[at])

    def scoring_tokens(self, sentence: int) -> list[int]:
        """From the tokenizer."""
        return [int(id) for row in self._rows(sentence) for id in row.ids]

    def fires_in_scoring(self, feature: int) -> bool:
        """From the digest."""
        return bool(self._held.scoring_fires[feature])

    def _peak(self, feature: int, sentence: int) -> float:
        if not self._held.scoring_run[sentence]:
            return np.nan
        return float(self._activations(feature, sentence).max())

    def _activations(self, feature: int, sentence: int) -> Float32[np.ndarray, " tokens"]:
        self._run([sentence])
        codes = self._codes[sentence]
        out = np.zeros(sum(len(row.ids) for row in self._rows(sentence)), np.float32)
        mine = codes.feature == feature
        out[codes.token[mine]] = codes.value[mine]
        return out

    def _rows(self, sentence: int) -> list[Window]:
        if sentence not in self._windows:
            text = self._digest.text.scoring[sentence]
            corpus = hashed(self.about.corpus, [text])
            self._windows[sentence] = list(
                windows_of(self._model, corpus, self.about.context, len(text.encode()) + 1)
            )
        return self._windows[sentence]

    def _run(self, some: Sequence[int]) -> None:
        """See to it that these have codes: from the cache, else made and kept there."""
        new = [one for one in some if one not in self._codes and self._held.scoring_run[one]]
        self._codes.update((one, codes) for one in new if (codes := _read(self._path(one))) is not None)
        missing = [one for one in new if one not in self._codes]
        if not missing:
            return
        with stage(self._emit, "sentences", "sentences of labels", len(missing)) as tick:
            with explained_files(self.folder):
                self.folder.mkdir(parents=True, exist_ok=True)
            for done, sentence in enumerate(missing, 1):
                self._codes[sentence] = codes = self._encoded(sentence)
                with written_whole(self._path(sentence)) as scratch, scratch.open("wb") as file:
                    np.savez(file, **vars(codes))
                tick(done)

    def _path(self, sentence: int) -> Path:
        return self.folder / f"codes-{self._model.hash[:8]}-{sentence}.npz"

    @torch.no_grad()
    def _encoded(self, sentence: int) -> SentenceCodes:
        """Alone: beside others it would differ in the last digit, by which ones they are."""
        x = residual(self._model, self.about.layer, [row.ids.tolist() for row in self._rows(sentence)])
        codes, ordinary = self._sae.encode_sparse(x), ordinary_tokens(x)
        kept = ordinary[codes.row]
        token, feature, value = (part[kept].cpu().numpy() for part in (codes.row, codes.feature, codes.value))
        return SentenceCodes(narrow(token), narrow(feature), narrowed(value))

    @cached_property
    def _peaks(self) -> Int64[np.ndarray, " begins"]:
        return begins(self._held.peak_count)


def open_bank(index: IndexReader, model: Model, sae: SAE, emit: Emit = ignore) -> BankReader:
    """The bank of an index, or of the index that a digest was made of. Raises what ``prove_bank`` raises."""
    if isinstance(index, IndexDigest):
        return DigestBank(index, model, sae, emit)
    assert isinstance(index, FeatureIndex)
    return Bank(index)


def prove_bank(index: IndexReader) -> None:
    """Raise StoreError where the index has no bank, and what ``DigestText`` raises where a digest's sentences are not
    to be had. No model is needed for it."""
    if isinstance(index, IndexDigest):
        _ = index.text.scoring
    elif isinstance(index, FeatureIndex):
        Bank(index)


def _read(path: Path) -> SentenceCodes | None:
    """The codes as they were kept; None where they were not, or cannot be read."""
    try:
        with path.open("rb") as content, np.load(content, allow_pickle=False) as file:
            return SentenceCodes(*(file[field.name] for field in fields(SentenceCodes)))
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None


def _pieces(row: Window) -> tuple[str, ...]:
    return tuple(row.text[a:b] for a, b in pairwise([0, *row.ends.tolist()]))
