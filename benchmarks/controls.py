"""What the scores are worth: an SAE, the same with its labels shuffled, and random directions, side by side.

    python benchmarks/controls.py some.svg                           a thousand features at random (half an hour)
    python benchmarks/controls.py docs/img/controls.svg --sample 16384  all of the default SAE (hours)
    python benchmarks/controls.py some.svg --home folder             kept there: stopped, it goes on

All are scored in the same way: index and bank of the same text, automatic labels, as many features at random.
Shuffled labels are those of other live features of the SAE itself; its MUI has no label in it and stays as it is.
Random directions fire as often and write as much as the SAE's features, and are drawn in the whitened residual stream
and in the stream as it is. Prints medians, shares above the lines and how many labels are different as one JSON
document, and draws the distributions.
"""

import argparse
import json
import shutil
import sys
import tempfile
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from assay.features.everything import score_all
from assay.features.labelling import label_all
from assay.features.labels.book import FILE, Labelled
from assay.features.material import Material
from assay.features.opened import open_material
from assay.report.features import comparison_picture
from assay.runs.home import find_home
from assay.sae.control import make_control
from assay.sae.formats.saelens import CONFIG
from assay.sae.index.make import make_index
from assay.settings import FeatureSettings

TOKENS, SENTENCES = 120_000, 3_000


def tell(kind: str, data: Any) -> None:
    """Stages on stderr, as they end."""
    if kind == "stage_finished":
        sys.stderr.write(f"{data['stage']}: {data['seconds']:.1f} s\n")


def scored(name: str | Path, home: Path, sample: int) -> tuple[Material, pd.DataFrame]:
    """Index, labels and scores of an SAE; in the home each lies by the SAE's hash."""
    make_index(name, home / "cache", tokens=TOKENS, sentences=SENTENCES, emit=tell)
    material = open_material(name, home, home / "cache", emit=tell)
    if not (material.place.own / FILE).is_file():  # those of an earlier run are the same
        label_all(material)
    return material, pd.read_parquet(score_all(material, sample))


def shuffled(material: Material, sample: int) -> pd.DataFrame:
    """The same features under labels of others; every live feature's label goes to another one."""
    features = np.array(sorted(material.book))
    order = np.random.default_rng(0).permutation(len(features))
    given = dict(zip(features[order].tolist(), features[np.roll(order, 1)].tolist(), strict=True))
    place = replace(material.place, own=material.place.own / "shuffled", shipped=None)
    place.own.mkdir(exist_ok=True)
    for ablated in material.place.own.glob("ablated-*.npy"):  # no label in them
        shutil.copy(ablated, place.own)
    other = replace(material, place=place)
    if not other.book:
        other.book.add([Labelled(f, material.book[g].label, "automatic") for f, g in given.items()])
    return pd.read_parquet(score_all(other, sample))


def figures(table: pd.DataFrame) -> dict[str, Any]:
    """Medians of the scored features, shares at or above the lines, and how many have a score."""
    settings = FeatureSettings()
    lines = {
        "interp": settings.interp_threshold,
        "corpus_purity": settings.purity_threshold,
        "mui": settings.mui_threshold,
        "over_random": 2.0,
    }
    columns = (*lines, "d", "auroc", "ratio", "corpus_calibrated")
    live = table[~table["dead"]]
    labels = live["label"].dropna()
    out: dict[str, Any] = {
        "features": len(table),
        "live": len(live),
        "different_labels": round(labels.nunique() / max(1, len(labels)), 3),
    }
    for name in columns:
        values = table[name].dropna()
        out[name] = {
            "n": len(values),
            "median": round(float(values.median()), 4),
            "middle_90": [round(float(values.quantile(q)), 4) for q in (0.05, 0.95)],
        }
        if name in lines:
            out[name]["reach"] = round(float((values >= lines[name]).mean()), 3)
    out["leaning"] = {str(name): int(n) for name, n in table["leaning"].value_counts().items()}
    return out


def main() -> None:
    """Measure, draw and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("picture", type=Path)
    parser.add_argument("--sae", default="smollm2")
    parser.add_argument("--sample", type=int, default=1_000, help="so many features of each, drawn at random")
    parser.add_argument(
        "--home", type=Path, help="keep what is found here, and go on from what is found here"
    )
    asked = parser.parse_args()
    with nullcontext(asked.home) if asked.home else tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        cache, models = home / "cache", find_home().cache / "models"
        for made in (cache, models):
            made.mkdir(parents=True, exist_ok=True)
        if not (cache / "models").exists():  # the dequantised model is the same: it is made once
            (cache / "models").symlink_to(models)
        material, trained = scored(asked.sae, home, asked.sample)
        tables = {"trained": trained, "labels shuffled": shuffled(material, asked.sample)}
        for name in ("whitened", "plain"):
            control = material.place.own / name
            if not (control / CONFIG).exists():  # written last
                make_control(asked.sae, control, cache, whitened=name == "whitened", emit=tell)
            tables[f"random, {name}"] = scored(control, home, asked.sample)[1]
        asked.picture.write_text(comparison_picture(tables) + "\n", encoding="utf-8")
        found = {name: figures(table) for name, table in tables.items()}
    sys.stdout.write(json.dumps({"threads": torch.get_num_threads(), "tables": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
