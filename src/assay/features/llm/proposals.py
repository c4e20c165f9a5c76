"""From what a language model calls a feature to labels that can be read again; the others with their reason."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from assay.features.labels.concepts import FORMS, Concept, read_label
from assay.generators.llm.wire import plain

LONGEST = 160
"""Letters of a label, at most."""
MOST = 8
"""Labels of an answer that are looked at."""

_QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'"})
_SINGLE = re.compile(r"(?<!\w)'([^']+)'(?!\w)")
_RULE = re.compile(r"(?:the\s+)?words?\b", re.IGNORECASE)
_SMALL = {name.casefold(): name for name in FORMS}


@dataclass(frozen=True)
class Refused:
    """A proposal that is no label."""

    text: str
    reason: str


def read_proposals(said: Sequence[str]) -> tuple[list[Concept], list[Refused]]:
    """The first few of what was said, as labels in their order, and what is none."""
    good: dict[str, Concept] = {}
    bad = []
    for text in said[:MOST]:
        reason = _reason(text)
        concept = None if reason else read_label(tidied(text))
        if concept is not None and concept.label in good:
            reason = "proposed twice"
        if reason or concept is None:
            bad.append(Refused(plain(text, LONGEST), reason or "empty"))
        else:
            good[concept.label] = concept
    return list(good.values()), bad


def tidied(text: str) -> str:
    """A label as models write it, in the spelling that is read: straight quotes, small first letter, no full stop."""
    text = " ".join(text.split()).rstrip(" .")
    if text.casefold() in _SMALL:
        return _SMALL[text.casefold()]
    if _RULE.match(text):
        text = _SINGLE.sub(r'"\1"', text.translate(_QUOTES))
        text = text[0].lower() + text[1:]
        if text.startswith("word"):  # the word "x", but words ending in "-x"
            text = re.sub(r'^words?(?= ")', lambda found: f"the {found[0]}", text)
        return re.sub(r', or (?="[^"]+"$)', " or ", text)
    return text


def _reason(text: str) -> str | None:
    if not any(letter.isalnum() for letter in text):
        return "empty"
    if len(text) > LONGEST:
        return f"longer than {LONGEST} letters"
    if not text.strip().isprintable():
        return "not one line of letters that print"
    return None
