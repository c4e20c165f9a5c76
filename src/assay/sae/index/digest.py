"""A digest of an index that answers as the index does, for what a digest keeps."""

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float32, Float64, Int64
from torch import Tensor

from assay.errors import InputError, Mismatch
from assay.models.model import Model
from assay.sae.coder import SAE
from assay.sae.index.digest_file import FILE, begins, read_digest
from assay.sae.index.digest_text import DigestText
from assay.sae.index.neighbours import nearest_of, unit_directions
from assay.sae.index.reader import BINS, SHARES, IndexReader
from assay.sae.index.records import Example, Histogram, LogitEnds, Neighbour, Statistics, TokenLogit

FOLDER = "digests"
"""Where in the cache lies what is made by the help of digests, a folder each."""


class IndexDigest(IndexReader):
    """``IndexDigest(path, cache, sae)``; ``sae`` gives the autoencoder where its directions are asked for.

    Raises StoreError for a damaged file; where text is asked for, what ``DigestText`` raises.
    """

    def __init__(self, path: Path, cache: Path, sae: Callable[[], SAE]) -> None:
        self.held = held = read_digest(path)
        self.path = path
        self.folder = cache / FOLDER / held.name[:20]
        self.about = held.record.index
        self.text = DigestText(held)
        self.arrays = {
            "rows": self.text.rows,
            "documents": self.text.documents,
            "sentences": self.text.sentences,
        }
        self._sae = sae
        self.model: Model | None = None
        """Whose tokenizer gives token ids, which nothing else needs."""

    @property
    def key(self) -> str:
        """Of the index that the digest was made of."""
        return self.held.record.index_key

    @property
    def digest(self) -> str:
        """From the content of its file."""
        return self.held.name[:20]

    def check_sae(self, sae_hash: str) -> None:
        """Raise Mismatch unless the digest is of the SAE with this hash."""
        if sae_hash != self.about.sae_hash:
            raise Mismatch(
                f"{self.path}, a digest of the SAE {self.about.sae_id} ({self.about.sae_hash[:12]}), beside an SAE "
                f"with the hash {sae_hash[:12]}",
                "a digest of the same weights",
                "take the file away and make an index: assay sae index, with the folder of this SAE",
            )

    def statistics(self, feature: int) -> Statistics:
        """As the index has them."""
        n = int(self.held.count[self._check_feature(feature)])
        mean = float(self.held.total[feature]) / n if n else None
        return Statistics(feature, n / self.about.n_tokens, n, float(self.held.largest[feature]), mean)

    def histogram(self, feature: int) -> Histogram:
        """As the index has it."""
        top = float(self.held.largest[self._check_feature(feature)]) or 1.0
        return Histogram(np.linspace(0, top, BINS + 1), self.held.histogram[feature].astype(np.int64))

    def quantiles(self, feature: int, shares: Sequence[float]) -> Float64[np.ndarray, " shares"]:
        """Those of SHARES. Raises InputError for another one."""
        self._check_feature(feature)
        if not set(shares) <= set(SHARES):
            raise InputError(f"quantiles {list(shares)} of a digest", f"some of {SHARES}", "take these")
        return self.held.quantiles[feature, [SHARES.index(share) for share in shares]].astype(np.float64)

    def top(self, feature: int, n: int) -> list[Example]:
        """At most those that are kept."""
        return self._examples(feature, self._top(feature)[:n])

    def deciles(self, feature: int, n: int, seed: int = 0) -> list[list[Example]]:
        """One of each at most, whatever the seed: they were drawn when the digest was made."""
        tenths = self.held.tenth[self._check_feature(feature)].astype(np.int64) - 1
        return [self._examples(feature, [one] if one >= 0 else [])[:n] for one in tenths.tolist()]

    def nearest(self, feature: int, n: int) -> list[Neighbour] | None:
        """From the weights of the autoencoder."""
        return nearest_of(self._units, self._check_feature(feature), n)

    def logit_ends(self, feature: int, n: int) -> LogitEnds | None:
        """At most those that are kept; None where none are."""
        held, texts = self.held, self.held.texts
        self._check_feature(feature)
        if not held.promoted.size:
            return None
        ends = (held.promoted, held.promoted_by), (held.suppressed, held.suppressed_by)
        return LogitEnds(
            *(
                tuple(
                    TokenLogit(id, texts[id], logit)
                    for id, logit in zip(ids[feature, :n].tolist(), by[feature, :n].tolist(), strict=True)
                )
                for ids, by in ends
            )
        )

    def row_ids(self, row: int) -> list[int]:
        """From the tokenizer of the model."""
        if self.model is None:
            raise InputError(
                "token ids of a digest without a model",
                "the model that the index was made with",
                "set IndexDigest.model",
            )
        return self.text.row_ids(row, self.model)

    def pieces(self, begin: int, end: int) -> list[str]:
        """From the text that the index was made of."""
        return self.text.pieces(begin, end)

    def _top(self, feature: int) -> list[int]:
        begin, end = self._begins["top_count"][self._check_feature(feature) :][:2].tolist()
        top: list[int] = self.held.top[begin:end].tolist()
        return top

    def _places(self, feature: int) -> dict[int, int]:
        """The sentences whose activations are kept, and which of the feature's each is."""
        tenths = (self.held.tenth[feature].astype(np.int64) - 1).tolist()
        shown = dict.fromkeys([*self._top(feature), *(one for one in tenths if one >= 0)])
        return {sentence: at for at, sentence in enumerate(shown)}

    def _examples(self, feature: int, sentences: Sequence[int]) -> list[Example]:
        places, first = self._places(feature), int(self._begins["shown_count"][feature])
        out = []
        for sentence in sentences:
            begin, end = self._tokens_of(sentence)
            low, high = self._begins["code_count"][first + places[sentence] :][:2].tolist()
            activations = np.zeros(end - begin, np.float32)
            activations[self.held.code_token[low:high]] = self.held.code_value[low:high]
            row = int(self._row_of(np.array([begin]))[0])
            out.append(self._example(sentence, row, begin, activations))
        return out

    @cached_property
    def _units(self) -> Float32[Tensor, "f d"]:
        return unit_directions(self._sae())

    @cached_property
    def _begins(self) -> dict[str, Int64[np.ndarray, " begins"]]:
        names = ("top_count", "shown_count", "code_count")
        return {name: begins(getattr(self.held, name)) for name in names}


def digest_path(folder: Path | None) -> Path | None:
    """The digest in the folder of an autoencoder; None where it brought none."""
    path = folder / FILE if folder is not None else None
    return path if path is not None and path.is_file() else None
