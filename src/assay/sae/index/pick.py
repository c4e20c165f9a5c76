"""Which of a feature's sentences are shown: no two of one row, and no two that say nearly the same."""

import re
from collections.abc import Callable, Iterable

import numpy as np
from jaxtyping import Int64

from assay.sae.index.records import Peaks

ALIKE = 0.8
"""Two sentences are nearly the same when they share at least this part of their words: of all different words in
either, letter case and punctuation left aside, those that are in both (Jaccard)."""


def strongest_first(
    peaks: Peaks, row_of: Callable[[Int64[np.ndarray, " n"]], Int64[np.ndarray, " n"]]
) -> Int64[np.ndarray, " m"]:
    """Numbers of the sentences, by falling maximum, equals in the order of the text; of each row of text the
    first only."""
    order = np.lexsort((peaks.sentences, -peaks.values))
    sentences = peaks.sentences[order]
    _, first = np.unique(row_of(sentences), return_index=True)
    return sentences[np.sort(first)]


def distinct(sentences: Iterable[int], text_of: Callable[[int], str], n: int) -> list[int]:
    """The first ``n`` of the sentences that are not nearly the same as one taken before."""
    taken: list[int] = []
    seen: list[frozenset[str]] = []
    for sentence in sentences:
        if len(taken) == n:
            break
        words = frozenset(re.findall(r"\w+", text_of(sentence).casefold()))
        if all(len(words & other) < ALIKE * len(words | other) for other in seen):
            seen.append(words)
            taken.append(sentence)
    return taken
