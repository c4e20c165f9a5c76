"""Run ids that sort by time and can be read, and finding one again from a part of it."""

import re
import secrets
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from difflib import SequenceMatcher

from assay.errors import MissingRun, StoreError

LAST = "last"
"""Stands for the newest run wherever a run is asked for."""


def slug(text: str, longest: int) -> str:
    """``text`` as lower-case ASCII words joined by hyphens: as many as fit, at least a piece of one."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", plain)[:longest]
    while len(words) > 1 and len("-".join(words)) > longest:
        words.pop()
    return "-".join(words)[:longest]


def new_id(kind: str, subject: str, target: str) -> str:
    """``20300131-090500-eiffel-berlin-3fa2``: UTC time, what it is about, four hex digits.

    At most 36 characters, so that it stands whole beside its figures in 80 columns.
    """
    about = re.sub(r"^the\s+", "", subject.strip(), flags=re.IGNORECASE)
    if kind == "edit":
        end = slug(target, 6)
        words = [slug(about, 14 - len(end)), end]
    else:
        words = [kind, slug(about, 14 - len(kind))]
    middle = "-".join(filter(None, words)) or kind
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{middle}-{secrets.token_hex(2)}"


def pick(asked: str, ids: Sequence[str]) -> str:
    """The one of ``ids`` (oldest first) that ``asked`` means: ``last``, an id, or the start of one.

    Raises StoreError with the nearest ids when there is none or more than one.
    """
    wanted = "a run id, the start of one, or 'last'"
    if not ids:
        raise MissingRun(
            f"run {asked!r}, but no run is stored yet",
            wanted,
            "make one: assay edit --prompt ... --target ...",
        )
    if asked == LAST:
        return ids[-1]
    if asked in ids:
        return asked
    hits = [run_id for run_id in ids if asked and run_id.startswith(asked)]
    if len(hits) == 1:
        return hits[0]
    if hits:
        todo = "write more of it: " + ", ".join(hits[-3:])
        raise StoreError(f"run {asked!r}, the start of {len(hits)} runs", wanted, todo)
    near = ", ".join(_nearest(asked, ids))
    raise MissingRun(
        f"run {asked!r}, which is not stored", wanted, f"nearest: {near}; all of them: assay runs list"
    )


def _nearest(asked: str, ids: Sequence[str]) -> list[str]:
    """Up to three ids: those with ``asked`` somewhere inside first, then by similarity of spelling."""

    def likeness(run_id: str) -> tuple[bool, float]:
        return asked.lower() in run_id, SequenceMatcher(None, asked.lower(), run_id).ratio()

    return sorted(ids, key=likeness, reverse=True)[:3]
