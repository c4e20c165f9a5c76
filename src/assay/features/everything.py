"""All features of an SAE scored in one command: the same numbers as one at a time, the work shared.

Ablations go by rows of text, whichever features need them, so that each row has one clean pass. The rest goes by
portions of features. Either is kept as it is finished: killed and started again, it goes on. The ablations of all
features stay beside the table: they have no label in them, so new labels are scored without them.
"""

from collections.abc import Iterator
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from assay.events import stage
from assay.features.material import Material
from assay.features.mui import Ablated, ablate_features, mui_score
from assay.features.reading import DEAD, leaning, name_of
from assay.features.score import dead, reading_of
from assay.features.scorer import Scorer
from assay.features.table import finished, score_columns
from assay.runs.strict import dumps
from assay.runs.trouble import explained_files
from assay.runs.whole import written_whole
from assay.sae.index.records import Firing

ROWS = 32
"""Rows of text of one call of the ablation, about ten seconds of work on two cores."""
FEATURES = 256
"""Features of a portion, a few seconds of work."""
COLUMNS = ("documents", "kl", "entropy", "nothing_kl", "random_kl", "squared_norm")


def score_all(material: Material, sample: int | None = None) -> Path:
    """Write the table of all features, ``features.parquet`` at the SAE's place; the path of it. What it was made of is
    in the table's ``attrs``.

    ``sample``: of so many features drawn at random, in a file of its own beside that. What was unfinished is kept
    under the place's folder until the table is written. Raises StoreError where files cannot be written.
    """
    import pandas as pd

    m, d_sae = material, material.sae.d_sae
    chosen, out = np.arange(d_sae), m.place.table_path
    if sample is not None and sample < d_sae:
        chosen = np.sort(np.random.default_rng(m.seed).permutation(d_sae)[:sample])
        out = m.place.sample_path(sample)
    work = m.place.own / "unfinished"
    with explained_files(work):
        work.mkdir(parents=True, exist_ok=True)
    ablated = _ablations(m, chosen, work)
    parts = [pd.read_parquet(path) for path in _portions(m, chosen, ablated, work)]
    table = finished(pd.concat(parts, ignore_index=True))
    table.attrs["made_of"] = m.made_of  # pandas keeps it in the file
    with explained_files(out):
        with written_whole(out) as scratch:
            table.to_parquet(scratch, index=False)
        for path in work.iterdir():
            path.unlink()
        work.rmdir()
    return out


def _ablations(material: Material, chosen: NDArray[np.int64], work: Path) -> Ablated:
    """All positions of the chosen features, in the order of ``Positions``; those of others are 0."""
    m, where = material, material.positions
    kept = m.place.own / f"ablated-{_key(m, m.settings.positions, m.settings.firing)}.npy"
    if kept.is_file():
        return _columns(np.load(kept, allow_pickle=False))
    feature_of = np.repeat(np.arange(m.sae.d_sae), np.diff(where.begin))
    asked = np.flatnonzero(np.isin(feature_of, chosen))
    needed = np.unique(where.rows[asked])
    groups = [needed[at : at + ROWS] for at in range(0, len(needed), ROWS)]
    group_of = np.searchsorted(needed, where.rows[asked]) // ROWS
    by_group = np.argsort(group_of, kind="stable")  # within a group still in the order of the features
    ends = np.searchsorted(group_of[by_group], np.arange(len(groups) + 1))
    order = asked[by_group]
    out = np.zeros((len(COLUMNS), len(where.rows)))
    key = _key(m, m.settings.positions, m.settings.firing, len(chosen))
    done = 0
    with stage(m.emit, "mui", f"ablations of {len(chosen):,} features", len(order)) as tick:
        for number, rows in enumerate(groups):
            mine = order[ends[number] : ends[number + 1]]
            path = work / f"ablated-{key}-{number:05}.npy"
            if not path.is_file():
                _keep(path, _group(m, rows, mine, feature_of[mine]))
            out[:, mine] = np.load(path, allow_pickle=False)
            done += len(mine)
            tick(done)
    if len(chosen) == m.sae.d_sae:
        for old in m.place.own.glob("ablated-*.npy"):
            old.unlink()
        _keep(kept, out)
    return _columns(out)


def _columns(held: NDArray[np.float64]) -> Ablated:
    found = dict(zip(COLUMNS, held, strict=True))
    return Ablated(**{**found, "documents": found["documents"].astype(np.int64)})


def _group(
    material: Material, rows: NDArray[Any], mine: NDArray[np.int64], features: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The columns of some positions, all in these rows of text, ordered by feature."""
    m, where = material, material.positions
    names, begin = np.unique(features, return_index=True)
    local = np.searchsorted(rows, where.rows[mine]).astype(np.int64)
    parts = zip(
        *(np.split(column, begin[1:]) for column in (local, where.positions[mine], where.activations[mine])),
        strict=True,
    )
    found = ablate_features(
        m.model,
        m.index.about.layer,
        [m.index.rows[int(row)] for row in rows],
        [Firing(row, position.astype(np.int64), value) for row, position, value in parts],
        m.sae.contribution(torch.from_numpy(names), torch.ones(len(names))),
        m.seed,
        documents=np.asarray(m.index.arrays["documents"][rows]),
        numbers=rows,
    )
    return np.stack([np.concatenate([getattr(one, name) for one in found]) for name in COLUMNS])


def _portions(material: Material, chosen: NDArray[np.int64], ablated: Ablated, work: Path) -> Iterator[Path]:
    """The tables of the chosen features, portion by portion; those that are not there yet are made."""
    import pandas as pd

    m, scorer = material, Scorer(material)
    labels = sha256(dumps([[f, m.book[f].label] for f in m.book]).encode()).hexdigest()
    key = _key(m, asdict(m.settings), labels, len(chosen))
    with stage(m.emit, "score", "labels, sentences and readings", len(chosen)) as tick:
        for begin in range(0, len(chosen), FEATURES):
            end = min(begin + FEATURES, len(chosen))
            path = work / f"scored-{key}-{begin:07}.parquet"
            if not path.is_file():
                rows = [_row(m, scorer, ablated, feature) for feature in chosen[begin:end].tolist()]
                with written_whole(path) as scratch:
                    pd.DataFrame(rows).to_parquet(scratch, index=False)
            tick(end)
            yield path


def _row(material: Material, scorer: Scorer, ablated: Ablated, feature: int) -> dict[str, Any]:
    m, where = material, material.positions
    mine = slice(int(where.begin[feature]), int(where.begin[feature + 1]))
    own = Ablated(**{name: getattr(ablated, name)[mine] for name in COLUMNS})
    label = m.book.get(feature)
    said = scorer.label_scores(feature, label.label if label else None)
    corpus, _ = scorer.corpus_purity(feature)
    mui = mui_score(own, m.settings, m.seed, int(where.n_firing[feature]))
    statistics = m.index.statistics(feature)
    silent = dead(m, feature)
    reading = reading_of(m, feature, said, corpus, mui)
    return {
        "feature": feature,
        "label": label.label if label else None,
        "label_source": label.source if label else None,
        "density": statistics.density,
        "n_tokens": statistics.n_tokens,
        "max": statistics.max,
        "dead": silent,
        "dense": statistics.dense,
        **score_columns("interp", said.interp),
        **score_columns("purity", said.purity),
        **score_columns("corpus_purity", corpus),
        **score_columns("mui", mui),
        "pattern": reading.pattern,
        "name": DEAD if silent else name_of(reading.pattern),
        "leaning": DEAD if silent else leaning(said.interp, said.purity, mui, corpus),
        "reading": " ".join(reading.sentences),
    }


def _keep(path: Path, columns: NDArray[np.float64]) -> None:
    with written_whole(path) as scratch, scratch.open("wb") as file:
        np.save(file, columns)


def _key(material: Material, *more: Any) -> str:
    m = material
    words = (m.model.hash, m.sae.hash, m.index.key, m.seed, *more)
    return sha256(dumps([str(word) for word in words]).encode()).hexdigest()[:16]
