"""What the whole of an SAE's features costs on this machine: measured on a part, told for all of it.

    python benchmarks/features.py                      the default SAE, 16,384 features

The index, its tables and its bank are made of a small part of the default corpus in a temporary folder. Ablations
are those of scoring all features, with the controls of every position, as many a row of text as the whole job has.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

import assay
from assay.corpus.embed import Embedder
from assay.corpus.sources import corpora, hashed
from assay.events import ignore
from assay.features.mui import ablate_features
from assay.features.positions import ROWS, measured_positions
from assay.runs.home import find_home
from assay.sae.coder import SAE
from assay.sae.exam import CORPORA
from assay.sae.host import open_bulk
from assay.sae.index.bank import SENTENCES, make_bank
from assay.sae.index.build import build_index
from assay.sae.index.files import name_of
from assay.sae.index.index import FeatureIndex
from assay.sae.index.records import Firing
from assay.sae.shipped import open_sae
from assay.settings import FeatureSettings

TOKENS = 16_384
"""Of text that are indexed."""
BANK = 400
"""Sentences of the bank."""
GROUP = 16
"""Rows of text whose ablations are measured."""


def index_rate(sae: SAE, folder: Path) -> tuple[FeatureIndex, dict[str, Any]]:
    """The index of a part of the corpus, and what each of its parts costs."""
    bulk = open_bulk("smollm2", find_home().cache, ignore)
    text = corpora(CORPORA).documents
    began = time.perf_counter()
    index = build_index(bulk, sae, hashed("part", text[:400]), folder, tokens=TOKENS)
    a_token = (time.perf_counter() - began) / index.about.n_tokens
    began = time.perf_counter()
    index.complete(bulk, sae)
    tables = time.perf_counter() - began
    measuring = assay.load("smollm2")
    embedder = Embedder()
    embedder(["loaded before it counts"])
    began = time.perf_counter()
    bank = make_bank(index, measuring, sae, hashed("bank", text[400:440]), embedder, BANK)
    a_sentence = (time.perf_counter() - began) / len(bank)
    whole = 1e6 * a_token + tables + SENTENCES * a_sentence
    return index, {
        "what": f"{index.about.n_tokens} tokens, {len(bank)} sentences in the bank, {sae.d_sae} features, "
        f"the model in {name_of(bulk)}",
        "tokens_per_second": round(1 / a_token, 1),
        "seconds_of_tables": round(tables, 1),
        "sentences_of_the_bank_per_second": round(1 / a_sentence, 1),
        "minutes_for_a_million_tokens": round(1e6 * a_token / 60, 1),
        f"minutes_with_tables_and_{SENTENCES}_sentences": round(whole / 60, 1),
    }


def ablation_rate(sae: SAE, index: FeatureIndex) -> dict[str, Any]:
    """Positions a second of scoring all features, and the minutes for all of them."""
    model = assay.load("smollm2")
    settings = FeatureSettings()
    where = measured_positions(index, settings, 0)
    total = settings.positions * sae.d_sae
    rng = np.random.default_rng(0)
    rows = np.sort(rng.permutation(index.about.n_rows)[:GROUP])
    inside = np.flatnonzero(np.isin(where.rows, rows))
    mine = np.sort(rng.permutation(inside)[: total * GROUP // ROWS])
    features = np.repeat(np.arange(sae.d_sae), np.diff(where.begin))[mine]
    names, begin = np.unique(features, return_index=True)
    columns = (np.searchsorted(rows, where.rows[mine]), where.positions[mine], where.activations[mine])
    parts = zip(*(np.split(column, begin[1:]) for column in columns), strict=True)
    firings = [Firing(r.astype(np.int64), p.astype(np.int64), a) for r, p, a in parts]
    directions = sae.contribution(torch.from_numpy(names), torch.ones(len(names)))
    began = time.perf_counter()
    ablate_features(model, index.about.layer, [index.rows[int(row)] for row in rows], firings, directions, 0)
    rate = len(mine) / (time.perf_counter() - began)
    return {
        "what": f"{len(mine)} positions with their controls in {GROUP} rows, as many a row as the whole job has",
        "positions_per_second": round(rate, 1),
        "minutes_for_all_features": round(total / rate / 60, 1),
    }


def features_cost() -> dict[str, Any]:
    """Both, of the default SAE."""
    sae = open_sae("smollm2")
    with tempfile.TemporaryDirectory() as folder:
        index, indexing = index_rate(sae, Path(folder))
        return {"index": indexing, "all_features": ablation_rate(sae, index)}


def main() -> None:
    """Measure and print one JSON document."""
    found = {"threads": torch.get_num_threads(), **features_cost()}
    sys.stdout.write(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
