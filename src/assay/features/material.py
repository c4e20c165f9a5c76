"""Everything that scoring a feature reads, opened once."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float32

from assay.corpus.embed import Embedder
from assay.errors import InputError
from assay.events import Emit, ignore
from assay.features.labels.book import LabelBook
from assay.features.labels.concepts import read_label
from assay.features.labels.sets import LabelSets, draw_sets
from assay.features.labels.topics import topics
from assay.features.place import Place
from assay.features.positions import Positions, measured_positions
from assay.features.text import IndexedText
from assay.models.model import Model
from assay.runs.provenance import versions
from assay.runs.whole import written_whole
from assay.sae.coder import SAE
from assay.sae.index.bank import Bank, BankReader
from assay.sae.index.files import name_of
from assay.sae.index.index import FeatureIndex
from assay.sae.index.reader import IndexReader
from assay.settings import FeatureSettings


@dataclass(frozen=True, eq=False)
class Material:
    """A model, an SAE that reads it, and what was found out about its features before."""

    model: Model
    """In float32: what scores are measured by."""
    sae: SAE
    index: IndexReader
    """A whole index with its tables of neighbours and effects, or a digest of one."""
    bank: BankReader
    embedder: Embedder
    place: Place
    settings: FeatureSettings = field(default_factory=FeatureSettings)
    seed: int = 0
    emit: Emit = ignore

    @cached_property
    def book(self) -> LabelBook:
        """All labels."""
        return self.place.labels()

    @cached_property
    def positions(self) -> Positions:
        """Where MUI is measured."""
        return measured_positions(self.index, self.settings, self.seed, self.emit)

    @cached_property
    def text(self) -> IndexedText:
        """The sentences of the index as a set."""
        return IndexedText(self.index, self.embedder, self.emit)

    @cached_property
    def made_of(self) -> dict[str, Any]:
        """What scores come from, JSON-able: weights by their hash, text, seed, settings and versions.

        ``index`` and ``bank`` are those that the figures go back to; ``digest`` is there where only a digest of them
        was read.
        """
        index, bank = self.index.about, self.bank.about
        text = ("corpus", "corpus_hash", "n_tokens", "n_sentences", "dtype")
        digest = {"digest": self.index.digest} if self.index.digest else {}
        return {
            "model": {"id": self.model.id, "hash": self.model.hash, "dtype": name_of(self.model)},
            "sae": {"id": self.sae.id, "hash": self.sae.hash, "layer": index.layer},
            "index": {"key": self.index.key, **digest, **{name: getattr(index, name) for name in text}},
            "bank": {
                "key": self.bank.key,
                "embedder": self.bank.embedder,
                **{name: getattr(bank, name) for name in text},
            },
            "seed": self.seed,
            "settings": asdict(self.settings),
            "versions": versions(),
        }

    @property
    def whole_index(self) -> FeatureIndex:
        """The index. Raises InputError where there is a digest only."""
        if isinstance(self.index, FeatureIndex):
            return self.index
        raise self._digest_only("every token of the text")

    @property
    def whole_bank(self) -> Bank:
        """The bank. Raises InputError where there is a digest only."""
        if isinstance(self.bank, Bank):
            return self.bank
        raise self._digest_only("every held-out sentence")

    def _digest_only(self, what: str) -> InputError:
        return InputError(
            f"a digest of an index of the SAE {self.sae.id}, which does not hold {what}",
            "a whole index: labels are looked for in all of it",
            f"make one: assay sae index {self.sae.id}",
        )

    def with_labels_anew(self) -> "Material":
        """The same with the labels as they are on disk now; what does not depend on them is not made again."""
        other = replace(self)
        vars(other).update({name: made for name, made in vars(self).items() if name != "book"})
        return other

    def embed(self, texts: Sequence[str]) -> Float32[np.ndarray, "n d"]:
        """Unit embeddings; those of topics are kept, so that they cost no embedder."""
        known = self._topics
        if all(text in known for text in texts):
            return np.stack([known[text] for text in texts])
        return self.embedder(texts, self.emit)

    def sets(self, label: str) -> LabelSets:
        """Matching and non-matching sentences of a label, out of the bank's scoring half, by number in that half."""
        if label not in self._sets:
            self._sets[label] = draw_sets(
                read_label(label), self.bank.scoring_half, self.embed, self.settings.sentences, self.seed
            )
        return self._sets[label]

    @cached_property
    def _sets(self) -> dict[str, LabelSets]:
        return {}

    @cached_property
    def _topics(self) -> dict[str, Float32[np.ndarray, " d"]]:
        path = self.bank.folder / "topics-1.npy"
        names = topics()
        if not path.is_file():
            made = self.embedder(names, self.emit)
            with written_whole(path) as scratch:
                scratch.parent.mkdir(parents=True, exist_ok=True)
                with scratch.open("wb") as file:
                    np.save(file, made)
        return dict(zip(names, np.load(path, allow_pickle=False), strict=True))
