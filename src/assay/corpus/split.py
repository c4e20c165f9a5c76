"""Train and held-out documents, told apart by what they say: the same document is always on the same side."""

from dataclasses import dataclass
from hashlib import sha256

from assay.corpus.sources import Corpus, hashed
from assay.errors import InputError


@dataclass(frozen=True)
class Split:
    """Two corpora that share no document."""

    train: Corpus
    held_out: Corpus


def split(corpus: Corpus, share: float) -> Split:
    """About ``share`` of the documents (0 to 1) held out.

    The side depends on the document alone, so it is the same in every corpus that holds the document; case and
    white space do not count. Raises InputError when a side is empty.
    """
    sides: tuple[list[str], list[str]] = ([], [])
    for document in corpus.documents:
        sides[_draw(document) < share].append(document)
    if not all(sides):
        raise InputError(
            f"{len(corpus.documents)} documents in corpus {corpus.name!r}, none of them on one side of the split",
            f"enough to hold {share:.0%} of them out",
            "give more text",
        )
    return Split(hashed(corpus.name, sides[0]), hashed(f"{corpus.name}, held out", sides[1]))


def _draw(document: str) -> float:
    """Uniform in [0, 1), from the text alone."""
    digest = sha256(" ".join(document.casefold().split()).encode()).digest()
    return int.from_bytes(digest[:7]) / 2**56
