"""Where sentences end in a window of tokens: the one rule, used wherever a sentence of the corpus is meant.

It ends where ``assay.corpus.sentences`` says. A piece of fewer than SHORTEST tokens goes on with what follows
it, at the end of a window with what stands before. A sentence of more than LONGEST tokens is cut into parts of
like length. What a window cuts off is a sentence of its own.
"""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

from assay.corpus.sentences import END

SHORTEST = 4
"""Tokens."""
LONGEST = 64
"""Tokens; longer ones are lists and tables rather than sentences."""


def sentence_lengths(text: str, ends: Sequence[int]) -> list[int]:
    """Tokens of each sentence in turn; the sum is all tokens.

    ``ends`` is where the text of each token ends, ascending, in characters from the start of ``text``.
    """
    cuts = [0]
    for match in END.finditer(text):
        # A token that holds the end and what follows it belongs to the sentence that ends.
        cut = min(bisect_left(ends, match.end()) + 1, len(ends))
        if cut - cuts[-1] >= SHORTEST:
            cuts.append(cut)
    if len(cuts) > 1 and len(ends) - cuts[-1] < SHORTEST:
        cuts.pop()
    cuts.append(len(ends))
    lengths = []
    for begin, end in pairwise(cuts):
        parts = -(-(end - begin) // LONGEST)
        marks = [begin + (end - begin) * part // parts for part in range(parts + 1)]
        lengths += [b - a for a, b in pairwise(marks)]
    return lengths
