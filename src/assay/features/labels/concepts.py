"""What a label says, without any activation: from its text to the sentences that it claims and those it does not.

Labels of a few fixed forms are read by rule: the word "river", words ending in "-ing", years. Any other text is
read by its meaning: a sentence is claimed when its embedding is near that of the label.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float32
from numpy.typing import NDArray

from assay.corpus.sentences import WORD, Sentences
from assay.errors import InputError

Kind = Literal["words", "ending", "beginning", "form", "meaning"]
Embed = Callable[[list[str]], NDArray[np.float32]]
"""Texts to unit vectors, one row each."""

NEAR = 0.30
"""Cosine of label and sentence from which a meaning claims it: with the default embedder, sentences on other
matters are at 0.05 on average."""
FAR = 0.12
"""Below this a sentence is not about it; what lies between is neither matching nor non-matching."""

FORMS: Mapping[str, re.Pattern[str]] = MappingProxyType(
    {
        "years": re.compile(r"\b(?:1\d{3}|20[0-2]\d)\b"),
        "numbers": re.compile(r"\d"),
        "numbers with a decimal point": re.compile(r"\d\.\d"),
        "numbers with commas": re.compile(r"\d,\d{3}"),
        "percentages": re.compile(r"\d\s?(?:%|percent|per cent)"),
        "ordinal numbers": re.compile(r"\b\d+(?:st|nd|rd|th)\b"),
        "dates with a month": re.compile(
            r"\b(?:January|February|March|April|May|June|July|August|September|October|November|December)\s\d"
            r"|\d\s(?:January|February|March|April|May|June|July|August|September|October|November|December)\b"
        ),
        "spans of years": re.compile(r"\b\d{3,4}\s?[–-]\s?(?:c\. )?\d{2,4}\b"),
        "parentheses": re.compile(r"[()]"),
        "quotation marks": re.compile('["“”«»]'),
        "semicolons": re.compile(";"),
        "colons": re.compile(":"),
        "dashes": re.compile(r"[–—]|\s-\s"),
        "hyphenated words": re.compile(r"[^\W\d_]-[^\W\d_]"),
        "question marks": re.compile(r"\?"),
        "slashes": re.compile("/"),
        "possessives": re.compile(r"[^\W\d_]['’]s\b"),
        "abbreviations in capitals": re.compile(r"\b[A-Z]{2,}\b"),
        "initials": re.compile(r"\b[A-Z]\."),
        "Roman numerals": re.compile(r"\b(?:[IVX]{2,})\b"),
        "letters with diacritics": re.compile("[À-ÖØ-öø-ÿĀ-ſ]"),
        "Greek letters": re.compile("[\u0370-\u03ff]"),
        "Cyrillic letters": re.compile("[\u0400-\u04ff]"),
        "Arabic or Hebrew letters": re.compile("[\u0590-\u06ff]"),
        "Chinese, Japanese or Korean characters": re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"),
        "symbols of phonetic spelling": re.compile("[\u0250-\u02ff]"),
        "currency signs": re.compile("[$£€¥]"),
        "units of measure": re.compile(
            r"\d\s?(?:km|m|cm|mm|kg|g|mi|ft|lb|°[CF]|square|metres|meters|miles|feet)\b"
        ),
        "lists of three or more": re.compile(r"[^,]+,[^,]+,\s(?:and|or)\s"),
    }
)
"""Forms of writing by the name that a label gives them."""

_WORDS = re.compile(r'the words? ("[^"]+"(?:, "[^"]+")*(?: or "[^"]+")?)')
_QUOTED = re.compile('"([^"]+)"')
_ENDING = re.compile(r'words ending in "-([^"]+)"')
_BEGINNING = re.compile(r'words beginning with "([^"]+)-"')


@dataclass(frozen=True)
class Concept:
    """A label, read."""

    label: str
    """Its canonical text."""
    kind: Kind
    parts: tuple[str, ...]
    """The words, the ending, the beginning; empty for a form or a meaning."""


@dataclass(frozen=True, eq=False)
class Claim:
    """What a label says of a set of sentences."""

    inside: Bool[np.ndarray, " n"]
    """Those that it claims."""
    outside: Bool[np.ndarray, " n"]
    """Those that it clearly does not."""
    nearness: Float32[np.ndarray, " n"] | None = None
    """Cosine with the label, where it is read by its meaning."""


def read_label(label: str) -> Concept:
    """Raises InputError for an empty label."""
    text = " ".join(label.split())
    if not text:
        raise InputError("an empty label", "some words", 'say what the feature is about, as "capital cities"')
    found = _WORDS.fullmatch(text)
    if found:
        return words_label(tuple(_QUOTED.findall(found[1])))
    for form_of, form in ((ending_label, _ENDING), (beginning_label, _BEGINNING)):
        match = form.fullmatch(text)
        if match:
            return form_of(match[1])
    return Concept(text, "form" if text in FORMS else "meaning", ())


def words_label(words: tuple[str, ...]) -> Concept:
    """The label that claims the sentences with any of these words."""
    small = tuple(dict.fromkeys(word.casefold() for word in words))
    quoted = [f'"{word}"' for word in small]
    text = (
        f"the word {quoted[0]}" if len(quoted) == 1 else f"the words {', '.join(quoted[:-1])} or {quoted[-1]}"
    )
    return Concept(text, "words", small)


def ending_label(ending: str) -> Concept:
    """The label that claims the sentences with a word of this ending."""
    ending = ending.casefold()
    return Concept(f'words ending in "-{ending}"', "ending", (ending,))


def beginning_label(beginning: str) -> Concept:
    """The label that claims the sentences with a word of this beginning."""
    beginning = beginning.casefold()
    return Concept(f'words beginning with "{beginning}-"', "beginning", (beginning,))


def claim(concept: Concept, sentences: Sentences, embed: Embed) -> Claim:
    """The sentences that the label claims, and those it does not: from its text alone.

    Raises InputError for a label read by its meaning where the sentences have no vectors.
    """
    if concept.kind == "meaning":
        if sentences.vectors is None:
            raise InputError(
                f"the label {concept.label!r}, read by its meaning, for sentences without embeddings",
                "sentences with their embeddings",
                'use a label read by rule, as the word "river", or embed the sentences',
            )
        nearness = (sentences.vectors @ embed([concept.label])[0]).astype(np.float32)
        return Claim(nearness >= NEAR, nearness < FAR, nearness)
    if concept.kind == "form":
        inside = sentences.with_pattern(FORMS[concept.label])
    elif concept.kind == "words":
        inside = sentences.with_any(concept.parts)
        for part in concept.parts:
            if not WORD.fullmatch(part):  # "New York", "e-mail", "1990": looked for as they are written
                inside |= sentences.with_pattern(
                    re.compile(rf"(?<!\w){re.escape(part)}(?!\w)", re.IGNORECASE)
                )
    else:
        # A word that is no more than the part has it as its whole, not as an ending or a beginning.
        longer = sentences.words_ending if concept.kind == "ending" else sentences.words_beginning
        inside = sentences.with_any(longer(concept.parts[0]))
    return Claim(inside, ~inside)
