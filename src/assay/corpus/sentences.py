"""Sentences: where one ends, and a set of them that can be asked for those with a word or of a meaning."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import cached_property
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float32, Int32

END = re.compile(r"(?<!\b[A-Z])[.!?…]+[\"'”’»)\]]*(?=\s)|\n+")
"""Where a sentence ends: at ``.``, ``!``, ``?`` or ``…``, closing quotes and brackets included, before white
space, and at a line break; the full stop of a single capital letter, an initial, ends none."""
SHORTEST, LONGEST = 30, 300
"""Characters of a sentence of its own; shorter ones are headings and stumps, longer ones lists."""
WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")


def sentences_of(documents: Sequence[str]) -> list[str]:
    """The sentences of documents in their order, each once, those of a usual length only."""
    found: dict[str, None] = {}
    for document in documents:
        cuts = [0, *(match.end() for match in END.finditer(document)), len(document)]
        for begin, end in pairwise(cuts):
            text = " ".join(document[begin:end].split())
            if SHORTEST <= len(text) <= LONGEST:
                found[text] = None
    return list(found)


def words_of(text: str) -> set[str]:
    """Its words in small letters."""
    return {word.casefold() for word in WORD.findall(text)}


class Sentences:
    """A set of sentences, indexed by word and, where vectors are given, by meaning."""

    def __init__(self, texts: Sequence[str], vectors: Float32[np.ndarray, "n d"] | None = None) -> None:
        self.texts = tuple(texts)
        self.vectors = vectors
        """Unit embeddings in the order of the texts, or None."""

    def __len__(self) -> int:
        return len(self.texts)

    @cached_property
    def lengths(self) -> Int32[np.ndarray, " n"]:
        """Characters."""
        return np.array([len(text) for text in self.texts], np.int32)

    @cached_property
    def by_word(self) -> dict[str, Int32[np.ndarray, " some"]]:
        """For every word in small letters the numbers of the sentences that have it, ascending."""
        found: dict[str, list[int]] = {}
        for number, text in enumerate(self.texts):
            for word in words_of(text):
                found.setdefault(word, []).append(number)
        return {word: np.array(numbers, np.int32) for word, numbers in sorted(found.items())}

    def words_beginning(self, part: str) -> list[str]:
        """The words that begin with ``part``, in small letters, and have more letters than it; in their order."""
        return _longer(self._words, part)

    def words_ending(self, part: str) -> list[str]:
        """The words that end with ``part`` and have more letters than it, ordered by their last letters."""
        return [word[::-1] for word in _longer(self._backwards, part[::-1])]

    def with_any(self, words: Sequence[str]) -> Bool[np.ndarray, " n"]:
        """Which sentences have one of these words, in small letters."""
        out = np.zeros(len(self), bool)
        for word in words:
            if word in self.by_word:
                out[self.by_word[word]] = True
        return out

    def with_pattern(self, pattern: re.Pattern[str]) -> Bool[np.ndarray, " n"]:
        """Which sentences a pattern is found in."""
        return np.fromiter((pattern.search(text) is not None for text in self.texts), bool, len(self))

    def part(self, chosen: Bool[np.ndarray, " n"]) -> "Sentences":
        """Some of them, in their order."""
        texts = [text for text, kept in zip(self.texts, chosen.tolist(), strict=True) if kept]
        return Sentences(texts, None if self.vectors is None else self.vectors[chosen])

    @cached_property
    def _words(self) -> list[str]:
        return list(self.by_word)

    @cached_property
    def _backwards(self) -> list[str]:
        return sorted(word[::-1] for word in self.by_word)


def _longer(words: Sequence[str], part: str) -> list[str]:
    """Of sorted words those that begin with ``part`` and are longer: they stand together."""
    size = len(part)
    begin, end = (side(words, part, key=lambda word: word[:size]) for side in (bisect_left, bisect_right))
    return [word for word in words[begin:end] if len(word) > size]
