"""What the whole of an SAE's features costs on this machine: measured on a part and told for all of it, or all of it.

    python benchmarks/features.py                      the parts alone: index, ablations, labels, scores

Ablations are those of scoring all features, with the controls of every position, as many a row of text as the whole
job has; so what a row costs once is shared out as it is there. The rest goes by features.
"""

import json
import sys
import time
from dataclasses import dataclass

import numpy as np
import torch

import indexing
from assay.features.everything import score_all
from assay.features.labelling import label_all
from assay.features.material import Material
from assay.features.mui import ablate_features
from assay.features.opened import material_of
from assay.features.positions import ROWS
from assay.sae.index.records import Firing
from assay.sae.shipped import open_sae, sae_folder
from figure import Found
from ground import SAE, Ground, Heard, ground, model
from indexing import Indexed

GROUP = 16
"""Rows of text whose ablations are measured."""
SAMPLE = 128
"""Features that are scored in the part."""


@dataclass(frozen=True)
class Done:
    """Something that was done to features."""

    indexed: Indexed
    heard: Heard
    seconds: float
    material: Material


def _material(ground: Ground, index: Indexed, heard: Heard) -> Material:
    """Of the newest index, which is this one."""
    home, loaded = ground.home, ground.once(model).model
    made = material_of(loaded, open_sae(SAE), home.root, home.cache, folder=sae_folder(SAE), emit=heard)
    assert made.index.folder == index.index.folder, "another index is newer"
    return made


def _labelled(ground: Ground, index: Indexed) -> Done:
    heard = Heard()
    material = _material(ground, index, heard)
    began = time.perf_counter()
    label_all(material)
    return Done(index, heard, time.perf_counter() - began, material)


def _scored(ground: Ground, index: Indexed, sample: int | None) -> Done:
    heard = Heard()
    material = _material(ground, index, heard)
    began = time.perf_counter()
    score_all(material, sample)
    return Done(index, heard, time.perf_counter() - began, material)


def labelled_part(ground: Ground) -> Done:
    """First labels of all features on a small index."""
    return _labelled(ground, ground.once(indexing.part))


def labelled(ground: Ground) -> Done:
    """On the whole one."""
    return _labelled(ground, ground.once(indexing.whole))


def scored_part(ground: Ground) -> Done:
    """Scores of some features on a small index."""
    return _scored(ground, ground.once(indexing.part), SAMPLE)


def scored(ground: Ground) -> Done:
    """Of all, on the whole one."""
    return _scored(ground, ground.once(indexing.whole), None)


def ablations_part(ground: Ground) -> Found:
    """Ablations of all features, by the rate of a few rows of text."""
    material = _material(ground, ground.once(indexing.part), Heard())
    sae, index, where = material.sae, material.index, material.positions
    total = material.settings.positions * sae.d_sae
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
    texts = [index.rows[int(row)] for row in rows]
    began = time.perf_counter()
    ablate_features(material.model, index.about.layer, texts, firings, directions, 0)
    seconds = time.perf_counter() - began
    raw = {"positions": len(mine), "seconds": seconds, "positions_per_second": len(mine) / seconds}
    said = f"{len(mine):,} of at most {total:,} positions with their controls, in {GROUP} of {ROWS:,} rows"
    return Found(seconds * total / len(mine), raw, share=len(mine) / total, part=said)


def ablations(ground: Ground) -> Found:
    """The stage of scoring all features."""
    heard = ground.once(scored).heard
    return Found(heard.seconds("mui"), {"stages": heard.stages})


def rest_part(ground: Ground) -> Found:
    """All else that scoring all features does, by that of some."""
    done = ground.once(scored_part)
    seconds, share = done.heard.seconds("score"), SAMPLE / done.material.sae.d_sae
    said = f"{SAMPLE} of {done.material.sae.d_sae:,} features, over the small index"
    return Found(seconds / share, {"seconds": seconds, "stages": done.heard.stages}, share=share, part=said)


def rest(ground: Ground) -> Found:
    """The stage of scoring all features."""
    return Found(ground.once(scored).heard.seconds("score"))


def score_all_part(ground: Ground) -> Found:
    """The two together."""
    parts = ground.once(ablations_part), ground.once(rest_part)
    raw = {"ablations": parts[0].figure, "rest": parts[1].figure}
    said = "the sum of the two figures before"
    return Found(sum(raw.values()), raw, share=min(one.share for one in parts), part=said)


def score_everything(ground: Ground) -> Found:
    """All features, index and labels there, model loaded."""
    done = ground.once(scored)
    return Found(done.seconds, {"stages": done.heard.stages})


def label_part(ground: Ground) -> Found:
    """All features on the whole text: what reads the text goes by its tokens, what is decided by live features."""
    done = ground.once(labelled_part)
    about, d_sae = done.indexed.index.about, done.material.sae.d_sae
    live = int(np.count_nonzero(np.diff(done.material.index.arrays["begin"])))
    tokens, _ = indexing.OF_WIKI
    reading = done.heard.seconds("embed", "vocabulary", "associate")
    deciding = done.heard.seconds("decide")
    figure = reading * tokens / about.n_tokens + deciding * d_sae / live
    raw = {"seconds": done.seconds, "stages": done.heard.stages, "live": live}
    said = f"{live:,} features over {about.n_tokens:,} of {tokens:,} tokens, {done.indexed.sentences:,} sentences"
    return Found(figure, raw, share=about.n_tokens / tokens, part=f"{said} of the bank")


def label(ground: Ground) -> Found:
    """All features, index there, model loaded."""
    done = ground.once(labelled)
    return Found(done.seconds, {"stages": done.heard.stages})


def main() -> None:
    """Measure the parts and print one JSON document."""
    rows = {
        "index": indexing.wiki_part,
        "ablations": ablations_part,
        "rest": rest_part,
        "labels": label_part,
    }
    with ground() as shared:
        found = {name: vars(measure(shared)) for name, measure in rows.items()}
    sys.stdout.write(json.dumps({"threads": torch.get_num_threads(), **found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
