"""What a language model is shown of a feature before it names it: sentences of the index, tokens it promotes.

Nothing of the bank is among it: the label is decided on, and later scored, where the model has not looked.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Int64

from assay.corpus.sentences import Sentences
from assay.features.labels.concepts import FORMS, Concept, claim, read_label
from assay.features.material import Material
from assay.sae.index.records import Example

TOP = 20
"""Strongest sentences; in the second pass a sentence of each tenth of the activations comes with them."""
PROMOTED = 10
"""Tokens."""
SAMPLE = 2000
"""Sentences of the index among which those are looked for that a label claims and the feature ignores."""
SILENT = 6
"""Of these, at most."""
LOUD = 0.5
"""Share of a sentence's largest activation from which a token is marked."""
COUNT = 5
"""Labels that are asked for."""
OPEN, CLOSE = "⟦", "⟧"
_PLAIN = str.maketrans({OPEN: "[", CLOSE: "]"})


class Evidence:
    """Of many features of one SAE; what they share is made once."""

    def __init__(self, material: Material) -> None:
        self._m = material
        self._index = material.whole_index

    def first(self, feature: int) -> dict[str, Any]:
        """For the first pass: its strongest sentences, and no label."""
        examples = self._index.top(feature, TOP)
        return {"examples": [self._shown(feature, one) for one in examples], **self._shared(feature)}

    def second(self, feature: int, label: str | None) -> dict[str, Any]:
        """For the second pass: also weaker sentences, and where the present label is wrong either way."""
        m = self._m
        examples = self._index.top(feature, TOP)
        taken = {one.sentence for one in examples}
        tenths = (one for tenth in reversed(m.index.deciles(feature, 1, m.seed)) for one in tenth)
        examples += [one for one in tenths if one.sentence not in taken]
        shown = [self._shown(feature, one) for one in examples]
        silent: list[str] = []
        if label is not None and examples:
            concept = read_label(label)
            numbers = [one.sentence for one in examples]
            vectors = m.text.vectors_of(numbers) if concept.kind == "meaning" else None
            there = Sentences([one.text for one in examples], vectors)
            for one, claimed in zip(shown, claim(concept, there, m.embed).inside.tolist(), strict=True):
                one["claimed"] = claimed
            silent = self._silent(feature, concept)
        return {"label": label, "examples": shown, "silent": silent, **self._shared(feature)}

    def _shown(self, feature: int, example: Example) -> dict[str, Any]:
        largest = self._index.statistics(feature).max
        return {"text": marked(example), "strength": round(10 * example.value / largest)}

    def _shared(self, feature: int) -> dict[str, Any]:
        effects = self._index.effects
        ids = [] if effects is None else effects.promoted[feature, :PROMOTED].tolist()
        promoted = [effects.texts[id] for id in ids] if effects else []
        return {
            "promoted": promoted,
            "forms": list(FORMS),
            "counts": {"labels": COUNT},
            "variation": self._m.seed,
        }

    def _silent(self, feature: int, concept: Concept) -> list[str]:
        """Sentences of the sample that the label claims and on which the feature is silent."""
        numbers, sentences = self._sample
        if concept.kind == "meaning":
            sentences = self._sample_with_vectors
        inside = claim(concept, sentences, self._m.embed).inside
        inside &= ~np.isin(numbers, self._index.peaks(feature).sentences)
        return [sentences.texts[n].translate(_PLAIN) for n in np.flatnonzero(inside)[:SILENT]]

    @cached_property
    def _sample(self) -> tuple[Int64[np.ndarray, " n"], Sentences]:
        """Numbers and sentences drawn at random, without empty ones."""
        m = self._m
        drawn = np.random.default_rng(m.seed).permutation(m.index.about.n_sentences)[:SAMPLE]
        texts = [" ".join(text.split()) for text in self._index.sentences(drawn.tolist())]
        kept = [at for at, text in enumerate(texts) if text]
        return drawn[kept].astype(np.int64), Sentences([texts[at] for at in kept])

    @cached_property
    def _sample_with_vectors(self) -> Sentences:
        numbers, sentences = self._sample
        return Sentences(sentences.texts, self._m.text.vectors_of(numbers.tolist()))


def marked(example: Example) -> str:
    """The sentence with its loudest tokens between ⟦ and ⟧; such marks in the text itself become [ and ]."""
    return _marked(example.tokens, (example.activations >= LOUD * example.value).tolist())


def _marked(tokens: Sequence[str], loud: Sequence[bool]) -> str:
    out, within = "", False
    for token, marks in zip(tokens, loud, strict=True):
        token = token.translate(_PLAIN)
        if within and not marks:
            out += CLOSE
        elif marks and not within:  # white space before a word is no part of what is marked
            lead = len(token) - len(token.lstrip())
            out += token[:lead] + OPEN
            token = token[lead:]
        within = marks
        out += token
    return " ".join((out + CLOSE * within).split())
