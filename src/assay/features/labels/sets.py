"""Matching and non-matching sentences of a label, drawn from a bank by the label alone."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from assay.corpus.sentences import Sentences
from assay.features.labels.concepts import Claim, Concept, Embed, claim

LIKE = 50
"""A non-matching sentence is drawn from so many of those nearest in length to a matching one: a longer sentence
has more chances of a large activation."""
BEST = 3
"""A meaning's sentences are drawn from this many times as many, the nearest ones."""


@dataclass(frozen=True, eq=False)
class LabelSets:
    """Sentences of a bank by number."""

    matching: Int64[np.ndarray, " m"]
    other: Int64[np.ndarray, " n"]
    """Non-matching."""
    inside: frozenset[int]
    """All that the label claims, drawn or not."""


def draw_sets(concept: Concept, sentences: Sentences, embed: Embed, n: int, seed: int) -> LabelSets:
    """At most ``n`` of either kind; fewer where the label claims fewer. No activation is looked at."""
    return sets_of(claim(concept, sentences, embed), sentences, n, seed)


def sets_of(claimed: Claim, sentences: Sentences, n: int, seed: int) -> LabelSets:
    """The same, from what the label claims."""
    rng = np.random.default_rng(seed)
    inside, outside = np.flatnonzero(claimed.inside), np.flatnonzero(claimed.outside)
    pool = inside
    if claimed.nearness is not None:
        pool = inside[np.argsort(-claimed.nearness[inside], kind="stable")][: BEST * n]
    matching = np.sort(rng.permutation(pool)[:n])
    # Where the label claims few, their lengths are gone through again: there are always n of the other kind.
    like = np.resize(matching, n) if len(matching) else rng.permutation(outside)[:n]
    left, other = outside, []
    for length in sentences.lengths[like]:
        if not len(left):
            break
        nearest = np.argsort(np.abs(sentences.lengths[left] - length), kind="stable")[:LIKE]
        chosen = int(nearest[rng.integers(len(nearest))])
        other.append(int(left[chosen]))
        left = np.delete(left, chosen)
    return LabelSets(matching, np.sort(np.array(other, np.int64)), frozenset(inside.tolist()))
