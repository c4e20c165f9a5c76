"""The default embedder, loaded once in each process of the tests, with all that it has embedded so far."""

from functools import cache

from assay.corpus.embed import Embedder


@cache
def embedder() -> Embedder:
    """For tests that need embeddings, not a fresh embedder."""
    return Embedder()
