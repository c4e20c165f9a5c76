"""From a whole index with its bank to the digest that an autoencoder can bring along: numbers alone, no text."""

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64
from numpy.typing import NDArray

from assay.events import stage
from assay.features.corpus_purity import TOP
from assay.features.material import Material
from assay.features.scorer import Scorer
from assay.sae.index.bank import Bank
from assay.sae.index.digest_file import STEPS, DigestRecord, begins, narrow, write_digest
from assay.sae.index.index import FeatureIndex
from assay.sae.index.reader import DECILES, SHARES
from assay.sae.index.records import Example

TOKENS = 8
"""Tokens kept at either end of a feature's logit weights."""
HALF = np.dtype(np.float16)


def make_digest(material: Material, path: Path, tokens: int = TOKENS) -> Path:
    """Write the digest of an index with its tables and its bank; it goes into the SAE's folder as ``digest.zip``.

    Scored from the digest, a feature gets the sentences, positions and activations that it gets from the index. The
    null's sentences are those of the labels that there are: make it in a home without labels of your own.

    Raises InputError where the material has no whole index, StoreError where the file cannot be written.
    """
    m = material
    index, bank = m.whole_index, m.whole_bank
    record = DigestRecord(
        index=index.about,
        index_key=index.key,
        bank=bank.about,
        bank_key=bank.key,
        embedder=bank.embedder,
        n_deciding=bank.n_deciding,
        positions=m.settings.positions,
        firing=m.settings.firing,
        seed=m.seed,
    )
    arrays = {**_text(index), **_features(m, index), **_positions(m), **_effects(index, tokens)}
    arrays |= _bank(bank, np.unique(Scorer(m).strangers()))
    ids = {*arrays["promoted"].ravel().tolist(), *arrays["suppressed"].ravel().tolist()}
    texts = {id: index.effects.texts[id] for id in sorted(ids)} if index.effects else {}
    return write_digest(path, record, texts, arrays)


def _text(index: FeatureIndex) -> dict[str, NDArray[Any]]:
    """Lengths and numbers of documents."""
    arrays = index.arrays
    # Bytes of UTF-8 that begin a character: what went on a token ends with, in characters.
    ends = begins((arrays["text"] & 0xC0) != 0x80)[arrays["ends"]]
    return {
        "row": narrow(np.diff(arrays["rows"])),
        "document": narrow(arrays["documents"]),
        "sentence": narrow(np.diff(arrays["sentences"])),
        "token": narrow(np.diff(ends, prepend=0)),
    }


def _features(material: Material, index: FeatureIndex) -> dict[str, NDArray[Any]]:
    """Statistics, and what is shown of each feature."""
    m, n = material, index.about.d_sae
    tenth = np.zeros((n, DECILES), np.int64)
    tops: list[int] = []
    shown: list[Example] = []
    histograms, quantiles, top_count, shown_count = [], [], [], []
    with stage(m.emit, "digest", "sentences of every feature", n) as tick:
        for feature in range(n):
            top = index.top(feature, TOP)
            examples = {one.sentence: one for one in top}
            for at, drawn in enumerate(index.deciles(feature, 1, m.seed)):
                for one in drawn:
                    tenth[feature, at] = one.sentence + 1
                    examples.setdefault(one.sentence, one)
            tops += [one.sentence for one in top]
            shown += examples.values()
            top_count.append(len(top))
            shown_count.append(len(examples))
            histograms.append(index.histogram(feature).counts)
            quantiles.append(index.quantiles(feature, SHARES))
            if feature % 64 == 63 or feature + 1 == n:
                tick(feature + 1)
    fired = [np.flatnonzero(one.activations) for one in shown]
    values = [one.activations[tokens] for one, tokens in zip(shown, fired, strict=True)]
    return {
        "count": narrow(np.diff(index.arrays["begin"])),
        "total": np.array(index.arrays["total"]),
        "largest": np.array(index.arrays["largest"]),
        "histogram": narrow(np.stack(histograms)),
        "quantiles": np.stack(quantiles).astype(_precision(index)),
        "top_count": narrow(np.array(top_count)),
        "top": narrow(np.array(tops, np.int64)),
        "tenth": narrow(tenth),
        "shown_count": narrow(np.array(shown_count)),
        "code_count": narrow(np.array([len(tokens) for tokens in fired], np.int64)),
        "code_token": narrow(np.concatenate([np.zeros(0, np.int64), *fired])),
        "code_value": _as_kept(np.concatenate([np.zeros(0), *values]), index),
    }


def _positions(material: Material) -> dict[str, NDArray[Any]]:
    """Where MUI is measured."""
    where, index = material.positions, material.whole_index
    return {
        "position_count": narrow(np.diff(where.begin)),
        "position_row": narrow(where.rows),
        "position": narrow(where.positions),
        "position_value": _as_kept(where.activations, index),
        "n_firing": narrow(where.n_firing),
    }


def _effects(index: FeatureIndex, tokens: int) -> dict[str, NDArray[Any]]:
    """The ends of the logit weights; none where the index has no such table."""
    table, n = index.effects, index.about.d_sae
    if table is None:
        nothing = np.zeros((n, 0), np.uint8)
        return dict.fromkeys(("promoted", "promoted_by", "suppressed", "suppressed_by"), nothing)
    return {
        "promoted": narrow(table.promoted[:, :tokens].numpy()),
        "promoted_by": table.promoted_by[:, :tokens].numpy().astype(HALF),
        "suppressed": narrow(table.suppressed[:, :tokens].numpy()),
        "suppressed_by": table.suppressed_by[:, :tokens].numpy().astype(HALF),
    }


def _bank(bank: Bank, kept: Int64[np.ndarray, " k"]) -> dict[str, NDArray[Any]]:
    """The scoring half: its embeddings, and what features do on the sentences that every label is held against."""
    features = bank.about.d_sae
    values = [bank.values(feature)[bank.n_deciding :] for feature in range(features)]
    fires = np.array([bool(np.nan_to_num(one).any()) for one in values])
    peaks = [np.nan_to_num(one[kept]) for one in values]
    where = [np.flatnonzero(one) for one in peaks]
    found = [one[places] for one, places in zip(peaks, where, strict=True)]
    assert bank.scoring_half.vectors is not None
    return {
        "scoring_run": np.isfinite(values[0]),
        "vectors": np.round(np.asarray(bank.scoring_half.vectors) * STEPS).astype(np.int16),
        "scoring_fires": fires,
        "kept": narrow(kept),
        "peak_count": narrow(np.array([len(places) for places in where])),
        "peak_sentence": narrow(np.concatenate([np.zeros(0, np.int64), *where])),
        "peak_value": _as_kept(np.concatenate([np.zeros(0), *found]), bank.index),
    }


def _as_kept(values: NDArray[Any], index: FeatureIndex) -> NDArray[Any]:
    """Activations in the precision that the index keeps them in: nothing is lost."""
    return values.astype(_precision(index))


def _precision(index: FeatureIndex) -> np.dtype[Any]:
    kind: np.dtype[Any] = index.arrays["values"].dtype
    return kind
