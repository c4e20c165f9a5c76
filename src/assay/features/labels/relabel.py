"""The second pass: a label from the sentences that a feature was seen to fire on.

The first pass chooses among concepts that the corpus has many sentences of. This one looks at the feature's own
examples: the words at its peaks and around them, joined for as long as the joint label goes better with it, and
the topic nearest to what the examples mean. The new label is kept only if its InterpScore over the deciding
sentences of the bank, which none of this was chosen on, is higher than the old label's.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Bool, Float32

from assay.corpus.sentences import WORD
from assay.features.labels.automatic import Deciding
from assay.features.labels.book import Labelled
from assay.features.labels.concepts import Concept, read_label, words_label
from assay.features.labels.topics import topics
from assay.features.text import IndexedText
from assay.sae.index.index import FeatureIndex
from assay.sae.index.records import Example

INSPECTED = 20
"""Strongest sentences that are looked at; a sentence of each tenth comes with them."""
CANDIDATES = 24
"""Words of the examples that are tried."""
WORDS = 6
"""Words of a label at most."""
GAIN = 1.02
"""A further word must raise the correlation by this factor."""
TOPICS = 2
"""Topics that are tried."""


def relabel(
    index: FeatureIndex, text: IndexedText, deciding: Deciding, feature: int, old: str | None
) -> Labelled | None:
    """A better label, or None where none of those tried beats the old one; without an old one, or where that
    cannot be judged, any InterpScore above 0 is better."""
    examples = [
        *index.top(feature, INSPECTED),
        *(one for tenth in index.deciles(feature, 1) for one in tenth),
    ]
    if not examples:
        return None
    known = read_label(old) if old else None
    before = clipped(deciding.figures(feature, known)["d"]) if known else None
    best: tuple[float, Labelled] | None = None
    for concept in _proposals(index, text, deciding, feature, examples):
        if known and concept.label == known.label:
            continue
        figures = deciding.figures(feature, concept)
        score = clipped(figures["d"])
        if score is not None and (best is None or score > best[0]):
            best = score, Labelled(feature, concept.label, "relabelled", figures)
    if best is None or best[0] <= (before or 0.0):
        return None
    return best[1]


def _proposals(
    index: FeatureIndex, text: IndexedText, deciding: Deciding, feature: int, examples: Sequence[Example]
) -> Iterator[Concept]:
    """Labels to try: the joint words, the best of them alone, the nearest topics."""
    values = np.zeros(index.about.n_sentences, np.float32)
    peaks = index.peaks(feature)
    values[peaks.sentences] = peaks.values
    words = _joined(values, text, _words(examples))
    if words:
        yield words_label(words)
        yield words_label(words[:1])
    names = topics()
    centre = text.vectors_of([example.sentence for example in examples]).mean(0)
    nearness = deciding.embed(names) @ centre
    yield from (read_label(names[n]) for n in np.argsort(-nearness, kind="stable")[:TOPICS])


def _words(examples: Sequence[Example]) -> list[str]:
    """Words of the examples, those at the peaks first, then those that most examples have."""
    peaks, every = Counter[str](), Counter[str]()
    for example in examples:
        at = sum(len(token) for token in example.tokens[: example.peak])
        whole = "".join(example.tokens)
        end = at + len(example.tokens[example.peak])
        for match in WORD.finditer(whole):
            if match.start() < end and match.end() > at:
                peaks[match[0].casefold()] += 1
        every.update({word.casefold() for word in WORD.findall(whole)})
    ranked = [word for word, _ in peaks.most_common()] + [word for word, n in every.most_common() if n > 1]
    return list(dict.fromkeys(ranked))[:CANDIDATES]


def _joined(
    values: Float32[np.ndarray, " n"], text: IndexedText, candidates: Sequence[str]
) -> tuple[str, ...]:
    """Words whose sentences together correlate best with the feature: one after another, while it helps."""
    chosen: list[str] = []
    inside = np.zeros(len(values), bool)
    best = 0.0
    while len(chosen) < WORDS:
        tried = {
            word: _correlation(values, inside | text.words.with_any([word]))
            for word in candidates
            if word not in chosen
        }
        word = max(tried, key=lambda one: tried[one], default=None)
        if word is None or tried[word] <= best * (GAIN if chosen else 1):
            break
        best = tried[word]
        chosen.append(word)
        inside |= text.words.with_any([word])
    return tuple(chosen)


def _correlation(values: Float32[np.ndarray, " n"], inside: Bool[np.ndarray, " n"]) -> float:
    n, k = len(values), int(inside.sum())
    if not 0 < k < n:
        return 0.0
    spread = float(values.std()) * np.sqrt(k / n * (1 - k / n))
    gap = float(values[inside].sum(dtype=np.float64)) / n - float(values.mean(dtype=np.float64)) * k / n
    return gap / spread if spread > 0 else 0.0


def clipped(d: float | None) -> float | None:
    """The InterpScore that Cohen's d makes; None without one."""
    return None if d is None else min(max(d, 0.0), 1.0)
