"""Text from outside, as the parameters of routes declare it: bounded, and nothing in it that no database takes."""

import re
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from assay.errors import InputError

SHORT, LONG = 300, 2_000
"""Characters of a name or an answer at most, and of a prompt."""
LARGEST_SEED = 2**31
SHORTEST_WAIT, LONGEST_WAIT = 0.1, 86_400
"""Seconds for one answer of a server."""
LARGEST_SEQ = 2**53
"""Of an event: what both a database and a browser can count to."""

_NO_TEXT = re.compile("[\0\ud800-\udfff]")


def plain(text: str) -> str:
    """``text`` unless it holds NUL or half a character. Raises InputError, which is not one of pydantic's, so that it
    reaches whoever asked as it is."""
    found = _NO_TEXT.search(text)
    if found:
        raise InputError(
            f"text with the character U+{ord(found.group()):04X} in it",
            "text without NUL and without halves of characters",
            "take that character out",
        )
    return text


Short = Annotated[str, StringConstraints(max_length=SHORT), AfterValidator(plain)]
"""A name, an id, an answer."""
Long = Annotated[str, StringConstraints(max_length=LONG), AfterValidator(plain)]
"""A prompt."""
