"""The concepts that automatic labels are chosen from, and which sentences of a corpus each claims."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

import numpy as np
from jaxtyping import Int64
from scipy.sparse import csc_array

from assay.corpus.sentences import Sentences
from assay.events import Emit, ignore, stage
from assay.features.labels.concepts import (
    FORMS,
    Concept,
    Embed,
    beginning_label,
    claim,
    ending_label,
    read_label,
    words_label,
)
from assay.features.labels.topics import topics

LEAST = 12
"""Sentences of the corpus that a concept must claim: of fewer, chance finds some for every feature."""
LEAST_SHARE = 0.0013
"""Likewise, of a large corpus: of fewer its bank, an eighth of it in either half, has too few to judge a label by."""
MOST = 0.6
"""Share of the sentences that it may claim at most."""
WORDS_WITH_PART = 20
"""Different words that share an ending or a beginning, at least."""
PARTS = range(2, 5)
"""Letters of an ending or a beginning."""


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Concepts and what they claim of one set of sentences."""

    concepts: tuple[Concept, ...]
    claims: csc_array
    """(sentences, concepts): float32, 1 where the concept claims the sentence."""


def vocabulary(sentences: Sentences, embed: Embed, emit: Emit = ignore) -> Vocabulary:
    """Every word that enough sentences have, endings and beginnings that many words share, forms of writing, and
    topics. Those that claim too few or too many of the sentences are left out, and of several that claim the same
    sentences all but the first."""
    concepts, columns, known = [], [], set()
    least = max(LEAST, ceil(LEAST_SHARE * len(sentences)))
    every = list(_all(sentences, least))
    embed([concept.label for concept in every if concept.kind == "meaning"])  # together, to be remembered
    with stage(emit, "vocabulary", "concepts that a label may name", len(every)) as tick:
        for number, concept in enumerate(every):
            inside = np.flatnonzero(claim(concept, sentences, embed).inside)
            same = inside.tobytes()
            if least <= len(inside) <= MOST * len(sentences) and same not in known:
                known.add(same)
                concepts.append(concept)
                columns.append(inside)
            tick(number + 1)
    return Vocabulary(tuple(concepts), _matrix(columns, len(sentences)))


def _all(sentences: Sentences, least: int) -> Iterator[Concept]:
    for word, numbers in sentences.by_word.items():
        if len(numbers) >= least:
            yield words_label((word,))
    endings, beginnings = Counter[str](), Counter[str]()
    for word in sentences.by_word:
        for size in PARTS:
            if len(word) > size:
                endings[word[-size:]] += 1
                beginnings[word[:size]] += 1
    yield from (ending_label(part) for part, n in sorted(endings.items()) if n >= WORDS_WITH_PART)
    yield from (beginning_label(part) for part, n in sorted(beginnings.items()) if n >= WORDS_WITH_PART)
    yield from (read_label(name) for name in (*FORMS, *topics()))


def _matrix(columns: list[Int64[np.ndarray, " _"]], n: int) -> csc_array:
    begin = np.concatenate([[0], np.cumsum([len(column) for column in columns], dtype=np.int64)])
    rows = np.concatenate([np.zeros(0, np.int64), *columns])
    return csc_array((np.ones(len(rows), np.float32), rows, begin), shape=(n, len(columns)))
