"""Everything an index knows of one feature, as one document that terminal, page and ``--json`` share."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from assay.sae.index.effects import Effects
from assay.sae.index.index import FeatureIndex
from assay.sae.index.neighbours import Neighbours
from assay.sae.index.records import Example

SHARES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.99)
NEAREST = 10


def feature_document(
    index: FeatureIndex, feature: int, n: int, *, per_decile: int = 1, seed: int = 0
) -> dict[str, Any]:
    """A JSON-able dict of one feature with its ``n`` top sentences and tokens, and ``per_decile`` sentences of
    each tenth. ``promoted``, ``suppressed`` and ``nearest`` are None where the index has no such table."""
    found, about, histogram = index.statistics(feature), index.about, index.histogram(feature)
    quantiles = zip(SHARES, index.quantiles(feature, SHARES).tolist(), strict=True)
    top = [_sentence(example) for example in index.top(feature, n)]
    deciles = [[_sentence(one) for one in tenth] for tenth in index.deciles(feature, per_decile, seed)]
    return {
        "feature": feature,
        "sae": {"id": about.sae_id, "hash": about.sae_hash, "features": about.d_sae, "layer": about.layer},
        "model": {"id": about.model_id, "hash": about.model_hash, "dtype": about.dtype},
        "corpus": {"name": about.corpus, "hash": about.corpus_hash, "tokens": about.n_tokens},
        "density": found.density,
        "n_tokens": found.n_tokens,
        "max": found.max,
        "mean": found.mean,
        "dead": found.dead,
        "dense": found.dense,
        "quantiles": [] if found.dead else [{"share": share, "value": value} for share, value in quantiles],
        "histogram": {"edges": histogram.edges.tolist(), "counts": histogram.counts.tolist()},
        **_ends(index.effects, feature, n),
        "nearest": _nearest(index.neighbours, feature),
        "top": top,
        "deciles": deciles,
    }


def _ends(effects: Effects | None, feature: int, n: int) -> dict[str, Any]:
    if effects is None:
        return {"promoted": None, "suppressed": None}
    return {
        "promoted": _tokens(effects.promoted[feature, :n], effects.promoted_by[feature, :n], effects.texts),
        "suppressed": _tokens(
            effects.suppressed[feature, :n], effects.suppressed_by[feature, :n], effects.texts
        ),
    }


def _tokens(ids: Tensor, logits: Tensor, texts: Mapping[int, str]) -> list[dict[str, Any]]:
    pairs = zip(ids.tolist(), logits.tolist(), strict=True)
    return [{"id": id, "token": texts[id], "logit": logit} for id, logit in pairs]


def _nearest(neighbours: Neighbours | None, feature: int) -> list[dict[str, Any]] | None:
    if neighbours is None:
        return None
    features, cosines = (column[feature, :NEAREST] for column in (neighbours.features, neighbours.cosines))
    pairs = zip(features.tolist(), cosines.tolist(), strict=True)
    return [{"feature": other, "cosine": cosine} for other, cosine in pairs]


def _sentence(example: Example) -> dict[str, Any]:
    return {
        "sentence": example.sentence,
        "row": example.row,
        "position": example.position,
        "value": example.value,
        "peak": example.peak,
        "text": example.text,
        "tokens": list(example.tokens),
        "activations": example.activations.tolist(),
    }
