"""``assay sae index``: a part of the text with all tables and a part of the bank, or all of it.

The pass over the text goes by tokens, the bank by sentences, and the tables by features alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from assay.sae.index.bank import Bank
from assay.sae.index.index import FeatureIndex
from assay.sae.index.make import make_index
from figure import Found
from ground import SAE, Ground, Heard, model

TOKENS, SENTENCES = 16_384, 500
"""Of the part."""
OF_WIKI = (831_752, 7_164)
"""Tokens and sentences of all of the default text, as the README has them."""
OF_BOTH = (1_000_000, 8_000)
"""The most of two texts, which have more."""


@dataclass(frozen=True)
class Indexed:
    """An index and what its making took."""

    index: FeatureIndex
    sentences: int
    heard: Heard

    @property
    def seconds(self) -> dict[str, float]:
        """Of loading, the pass over text, the tables, and the bank: stages of its index and its embeddings."""
        stages = self.heard.stages
        at = 1 + max(n for n, (name, _) in enumerate(stages) if name in ("neighbours", "effects"))
        text, bank = stages[:at], [one for one in stages[at:] if one[0] != "load"]
        return {
            "load": sum(seconds for name, seconds in stages if name == "load"),
            "text": sum(seconds for name, seconds in text if name in ("codes", "sort")),
            "tables": sum(seconds for name, seconds in text if name in ("neighbours", "effects")),
            "bank": sum(seconds for _, seconds in bank),
        }

    def raw(self) -> dict[str, Any]:
        """What rows tell of it."""
        about, seconds = self.index.about, self.seconds
        return {
            "tokens": about.n_tokens,
            "sentences": self.sentences,
            "dtype": about.dtype,
            "tokens_per_second": about.n_tokens / seconds["text"],
            "seconds": seconds,
        }


def _made(ground: Ground, **size: int) -> Indexed:
    ground.once(model)  # unpacked before it counts
    heard = Heard()
    index = make_index(SAE, ground.home.cache, emit=heard, **size)
    return Indexed(index, len(Bank(index)), heard)


def part(ground: Ground) -> Indexed:
    """Of a part of the default text."""
    return _made(ground, tokens=TOKENS, sentences=SENTENCES)


def whole(ground: Ground) -> Indexed:
    """Of all of it."""
    return _made(ground)


def both(ground: Ground) -> Indexed:
    """Of two texts, in a home beside the shared one, whose newest index the features' rows read."""
    heard = Heard()
    index = make_index(SAE, ground.beside("both").cache, texts=("wiki", "gensim"), emit=heard)
    return Indexed(index, len(Bank(index)), heard)


def newest(ground: Ground) -> Indexed:
    """That of the shared home, whichever it is; a small one where there is none."""
    return ground.once(whole if ground.has(whole) else part)


def _reckoned(ground: Ground, of: tuple[int, int], figure: Callable[[dict[str, float]], float]) -> Found:
    """A figure of the whole from the part's seconds, stretched to the whole's size."""
    done = ground.once(part)
    tokens, sentences = of
    n, seconds = done.index.about.n_tokens, done.seconds
    stretched = {
        **seconds,
        "text": seconds["text"] * tokens / n,
        "bank": seconds["bank"] * sentences / done.sentences,
    }
    said = f"{n:,} of {tokens:,} tokens, all tables, {done.sentences:,} of {sentences:,} sentences"
    return Found(figure(stretched), done.raw(), share=n / tokens, part=said)


def _without_bank(seconds: dict[str, float]) -> float:
    return seconds["text"] + seconds["tables"]


def _bank(seconds: dict[str, float]) -> float:
    return seconds["bank"]


def wiki_part(ground: Ground) -> Found:
    """All of the default text."""
    return _reckoned(ground, OF_WIKI, lambda seconds: sum(seconds.values()))


def wiki(ground: Ground) -> Found:
    """The same, measured."""
    done = ground.once(whole)
    return Found(sum(done.seconds.values()), done.raw())


def million_part(ground: Ground) -> Found:
    """A million tokens with all tables, by the rate of the default text."""
    return _reckoned(ground, OF_BOTH, _without_bank)


def million(ground: Ground) -> Found:
    """The same, measured."""
    done = ground.once(both)
    return Found(_without_bank(done.seconds), done.raw())


def bank_part(ground: Ground) -> Found:
    """A full bank, by the rate of the default text."""
    return _reckoned(ground, OF_BOTH, _bank)


def bank(ground: Ground) -> Found:
    """The same, measured."""
    done = ground.once(both)
    return Found(_bank(done.seconds), done.raw())
