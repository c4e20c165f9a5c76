"""A small index and its bank in which it is known what every feature fires on."""

import json
import re
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from assay.corpus.sources import Corpus, hashed
from assay.models.model import Model
from assay.sae.coder import SAE
from assay.sae.index.bank import Bank, held_out, make_bank
from assay.sae.index.build import build_index
from assay.sae.index.files import RECORD
from assay.sae.index.index import FeatureIndex
from assay.sae.residual import residual
from assay.sae.rows import rows_of
from embedding import embedder

LAYER = 1
CONTEXT = 120
PLACES = (
    "castle",
    "bridge",
    "forest",
    "market",
    "garden",
    "harbour",
    "library",
    "station",
    "island",
    "palace",
)
STEMS = ("walk", "sing", "climb", "paint", "hunt", "row", "mourn", "jump", "fish", "roam", "sail", "cook")
PARTICIPLES = tuple(f"{some}{stem}ing" for stem in STEMS for some in ("", "out", "re"))
DEAD, RIVER, YEARS, ING, SAME, TWO, TURNED, HALF = range(8)
"""The features: one that is silent; four that fire on a word, a form, an ending, the same on every token; one of
two words; one that in the index goes with the castle first and the bridge next, in the deciding half of the bank
with the bridge, in the other half with the castle; one that fires in the index and nowhere in the bank."""

Spans = Callable[[str], list[tuple[int, int, float]]]
"""Of a sentence the stretches a feature fires on, and how strongly."""


def on(pattern: str, value: float = 2.0) -> Spans:
    """A feature that fires where a pattern is found, on some more than on others."""

    def spans(text: str) -> list[tuple[int, int, float]]:
        found = re.finditer(pattern, text)
        return [(m.start(), m.end(), value * (1 + 0.02 * (len(text) % 10))) for m in found]

    return spans


def both(*some: Spans) -> Spans:
    return lambda text: [span for spans in some for span in spans(text)]


def nowhere(text: str) -> list[tuple[int, int, float]]:
    """The feature that never fires."""
    return []


CASTLE, BRIDGE = on(r"\bcastle\b"), on(r"\bbridge\b")
SHARED: list[Spans] = [
    nowhere,
    on(r"\b[Rr]iver\b"),
    on(r"\b1[789]\d\d\b"),
    on(r"\w+ing\b"),
    lambda text: [(0, len(text), 1.0)],
    on(r"\b(?:harbour|library)\b"),
]
IN_INDEX: list[Spans] = [*SHARED, both(on(r"\bcastle\b", 2.0), on(r"\bbridge\b", 1.6)), on(r"\bpalace\b")]
IN_DECIDING: list[Spans] = [*SHARED, BRIDGE, nowhere]
IN_SCORING: list[Spans] = [*SHARED, CASTLE, nowhere]


def corpus(documents: int = 260) -> Corpus:
    """Four sentences a document, whose parts are drawn apart from each other."""
    rng = np.random.default_rng(0)

    def sentence() -> str:
        parts = [f"The old {rng.choice(PLACES)} stood near the {rng.choice(PLACES)}"]
        parts += ["by the river"] if rng.random() < 0.25 else []
        parts += [f"for {rng.choice(PARTICIPLES)}"] if rng.random() < 0.4 else []
        parts += [f"in {rng.integers(1700, 1990)}"] if rng.random() < 0.3 else []
        parts += ["for all to see"] if rng.random() < 0.3 else []
        return " ".join(parts) + "."

    return hashed("planted", [" ".join(sentence() for _ in range(4)) for _ in range(documents)])


def random_sae(model: Model, features: int = 8) -> SAE:
    """Random directions; each feature fires on about a tenth of the tokens, the first one on none."""
    drawn = torch.randn(2, features, model.d_model, generator=torch.Generator().manual_seed(3))
    enc, dec = drawn / drawn.norm(dim=-1, keepdim=True)
    x = residual(model, LAYER, [row[1:] for row in rows_of(model, corpus(8), CONTEXT, 600)]).cpu()
    pre = (x - x.mean(0)) @ enc.T
    threshold = pre.quantile(0.9, dim=0)
    threshold[0] = 10 * pre.max()
    return SAE(
        id="planted",
        architecture="jumprelu",
        W_enc=enc.T,
        b_enc=torch.zeros(features),
        W_dec=dec,
        b_dec=x.mean(0),
        threshold=threshold,
        layer=LAYER,
    )


def plant(index: FeatureIndex, spans_of: Callable[[int], list[Spans]]) -> FeatureIndex:
    """The same index with other activations; ``spans_of`` gives the features of a document by its number."""
    rows, marks = np.array(index.arrays["rows"]), index.arrays["sentences"].tolist()
    fired: list[dict[int, float]] = [{} for _ in range(index.about.d_sae)]
    for begin, end in pairwise(marks):
        row = int(np.searchsorted(rows, begin, side="right")) - 1
        pieces = index.pieces(begin, end)
        ends = np.cumsum([len(piece) for piece in pieces])
        for feature, spans in enumerate(spans_of(int(index.arrays["documents"][row]))):
            for a, b, value in spans("".join(pieces)):
                for at in np.flatnonzero((ends > a) & (ends - [len(piece) for piece in pieces] < b)).tolist():
                    fired[feature][begin + at] = value
    ordered = [dict(sorted(one.items())) for one in fired]
    values = [np.array(list(one.values()), np.float16) for one in ordered]
    arrays = {
        "begin": np.concatenate([[0], np.cumsum([len(one) for one in ordered])]).astype(np.int64),
        "places": np.array([place for one in ordered for place in one], np.uint32),
        "values": np.concatenate(values),
        "largest": np.array([one.max(initial=0) for one in values], np.float32),
        "total": np.array([one.sum(dtype=np.float64) for one in values]),
    }
    for name, array in arrays.items():
        (index.folder / f"{name}.npy").unlink()
        np.save(index.folder / f"{name}.npy", array)
    about = json.loads((index.folder / RECORD).read_text(encoding="utf-8"))
    about["n_codes"] = len(arrays["places"])
    (index.folder / RECORD).write_text(json.dumps(about), encoding="utf-8")
    return FeatureIndex(index.folder)


def planted(model: Model, sae: SAE, cache: Path, documents: int = 260) -> tuple[FeatureIndex, Bank]:
    """What an SAE of eight features says of the text is replaced by what is planted."""
    parts = held_out(corpus(documents))
    index = build_index(model, sae, parts.train, cache, tokens=10**6, context=CONTEXT)
    index.complete(model, sae)
    index = plant(index, lambda document: IN_INDEX)
    bank = make_bank(index, model, sae, parts.held_out, embedder())
    plant(bank.index, lambda sentence: IN_DECIDING if sentence < bank.n_deciding else IN_SCORING)
    return index, Bank(index)
