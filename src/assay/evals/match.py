"""Does a greedy continuation say an answer? Capital letters count, as in the papers' code."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from assay.datasets.case import Query

SENTENCE_END = re.compile(r"[.!?](?=\s|$)")
EDGE = " \t.,;:!?\"'"


def begins(text: str, answer: str) -> bool:
    """The continuation begins with the answer, and the answer's last word ends there."""
    said = text.strip()
    return said.startswith(answer) and not said[len(answer) : len(answer) + 1].isalnum()


def contains(text: str, answer: str) -> bool:
    """The answer stands anywhere in the continuation, even inside a word."""
    return answer in text


def word(text: str, answer: str) -> bool:
    """The answer stands anywhere in the continuation, not inside a word."""
    return re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", text) is not None


def exact(text: str, answer: str) -> bool:
    """The first line of the continuation, or its first sentence, is the answer and nothing else."""
    line = text.strip().partition("\n")[0]
    return answer.strip(EDGE) in (line.strip(EDGE), SENTENCE_END.split(line)[0].strip(EDGE))


MATCHES: Mapping[str, Callable[[str, str], bool]] = MappingProxyType(
    {"prefix": begins, "contains": contains, "word": word, "exact": exact}
)
"""Name to comparison."""


def passes(query: Query, text: str) -> bool:
    """Whether a continuation of the query's text says every answer in any of its spellings."""
    same = MATCHES[query.match]
    return all(any(same(text, spelling) for spelling in spellings) for spellings in query.accepted)
