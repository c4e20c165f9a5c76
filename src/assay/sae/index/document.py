"""Everything an index knows of one feature, as one document that terminal, page and ``--json`` share."""

from dataclasses import asdict
from typing import Any

from assay.sae.index.reader import SHARES, IndexReader
from assay.sae.index.records import Example

NEAREST = 10


def feature_document(
    index: IndexReader, feature: int, n: int, *, per_decile: int = 1, seed: int = 0
) -> dict[str, Any]:
    """A JSON-able dict of one feature with its ``n`` top sentences and tokens, and ``per_decile`` sentences of
    each tenth. ``promoted``, ``suppressed`` and ``nearest`` are None where the index has no such table. ``digest`` is
    the name of the digest that was read, None of a whole index."""
    found, about, histogram = index.statistics(feature), index.about, index.histogram(feature)
    quantiles = zip(SHARES, index.quantiles(feature, SHARES).tolist(), strict=True)
    ends, nearest = index.logit_ends(feature, n), index.nearest(feature, NEAREST)
    top = [_sentence(example) for example in index.top(feature, n)]
    deciles = [[_sentence(one) for one in tenth] for tenth in index.deciles(feature, per_decile, seed)]
    return {
        "feature": feature,
        "sae": {"id": about.sae_id, "hash": about.sae_hash, "features": about.d_sae, "layer": about.layer},
        "model": {"id": about.model_id, "hash": about.model_hash, "dtype": about.dtype},
        "corpus": {"name": about.corpus, "hash": about.corpus_hash, "tokens": about.n_tokens},
        "digest": index.digest,
        "density": found.density,
        "n_tokens": found.n_tokens,
        "max": found.max,
        "mean": found.mean,
        "dead": found.dead,
        "dense": found.dense,
        "quantiles": [] if found.dead else [{"share": share, "value": value} for share, value in quantiles],
        "histogram": {"edges": histogram.edges.tolist(), "counts": histogram.counts.tolist()},
        "promoted": None if ends is None else [asdict(one) for one in ends.promoted],
        "suppressed": None if ends is None else [asdict(one) for one in ends.suppressed],
        "nearest": None if nearest is None else [asdict(one) for one in nearest],
        "top": top,
        "deciles": deciles,
    }


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
