"""Which of the sentences that a language model wrote for a label can be used; an answer is material, never trusted."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from assay.corpus.sentences import LONGEST, SHORTEST, WORD, Sentences
from assay.features.labels.concepts import Concept, Embed, claim
from assay.generators.llm.wire import plain

AXES = ("matching", "other", "near")
"""For the label, against it, and close to it without matching."""

REASONS: Mapping[str, str] = {
    "unfit": f"it is no single line of {SHORTEST} to {LONGEST} letters that print",
    "not_english": "it is not English",
    "duplicate": "the same sentence is there already",
    "not_matching": "it does not have what the label says",
    "matching": "it has what the label says",
    "names_label": "it names the label",
}
"""Reason to its explanation, in the order in which they are looked for."""

_TELLING = """the and with from that this these those for by they them their which while when who he she it his her
were are has have had been at into after before your you our we my not but if than then there its to"""
_COMMON = "a an i in is was of on as or no so do be up all"
TELLING = frozenset(_TELLING.split())
"""English words of which a sentence nearly always has one, and sentences of other languages rarely."""
COMMON = frozenset(_COMMON.split())
"""Such as other languages have too: two of them tell."""

_LEAD = re.compile(r"^\s*(?:\(?\d{1,2}[.)]|[-*•])\s+")
_SHOWN = 200


@dataclass(frozen=True)
class Reject:
    """A sentence that is not used."""

    axis: str
    text: str
    """On one line, cut where it is too long."""
    reason: str
    """A key of REASONS."""


@dataclass
class Sieve:
    """Audits sentences of one label; grows while answers come in."""

    concept: Concept
    embed: Embed
    good: dict[str, list[str]] = field(default_factory=lambda: {axis: [] for axis in AXES})
    rejects: list[Reject] = field(default_factory=list)

    def add(self, axis: str, texts: Sequence[str], most: int) -> None:
        """Keep those that pass, until there are ``most``; what fails goes to ``rejects``."""
        for given in texts:
            text = tidied(given)
            reason = self._reason(axis, text)
            if reason is not None:
                self.rejects.append(Reject(axis, plain(text, _SHOWN), reason))
            elif len(self.good[axis]) < most:
                self.good[axis].append(text)

    def _reason(self, axis: str, text: str) -> str | None:
        if not text.isprintable() or not SHORTEST <= len(text) <= LONGEST:
            return "unfit"
        if not english(text):
            return "not_english"
        if _same(text) in {_same(one) for some in self.good.values() for one in some}:
            return "duplicate"
        claimed = self._claimed(text)
        if axis == "matching":
            return "not_matching" if claimed is False else None
        if claimed:
            return "matching"
        return "names_label" if claimed is None and _within(self.concept.label, text) else None

    def _claimed(self, text: str) -> bool | None:
        """Whether a label that is read by rule claims the sentence; None for one that is read by its meaning."""
        if self.concept.kind == "meaning":
            return None
        return bool(claim(self.concept, Sentences([text]), self.embed).inside[0])


def tidied(text: str) -> str:
    """Without white space, a number or a dash in front, or quotation marks around the whole."""
    text = _LEAD.sub("", text.strip())
    for left, right in ('""', "“”", "''"):
        if len(text) > 1 and text[0] == left and text[-1] == right and left not in text[1:-1]:
            text = text[1:-1].strip()
    return text


def english(text: str) -> bool:
    """Whether a sentence has the small words that English ones have."""
    words = {word.casefold() for word in WORD.findall(text)}
    return bool(words & TELLING) or len(words & COMMON) > 1


def _same(text: str) -> tuple[str, ...]:
    return tuple(word.casefold() for word in re.findall(r"\w+", text))


def _within(label: str, text: str) -> bool:
    """Whether the label stands in the text, word for word."""
    words, whole = _same(label), _same(text)
    return bool(words) and any(whole[at : at + len(words)] == words for at in range(len(whole)))
