"""Packed ablation against one whole forward pass of the whole model an ablation, as one JSON document.

    python benchmarks/ablation.py                      each of CASES
    python benchmarks/ablation.py --queries 64         the same with fewer to pack

The default model, after its middle block.

Both take directions out of the residual stream: what the default SAE's features write where they fire, and for the
rest random ones as long as a tenth of the state they are taken from. The slow version is timed on a few of the same
ablations, in turns with the fast one, so that a busy machine slows both; the ratio is of ablations a second.

Some of either kind are compared with the model in float64, where the two ways must agree. In float32 either has the
model's own rounding, which shows in the smallest KL: how much is said of both.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import torch
from torch import Tensor

import assay
from assay.corpus.sources import corpus
from assay.features.packed import Queries, ablate
from assay.models.forward import forward, pack
from assay.models.model import Model
from assay.models.tokens import encode
from assay.sae.coder import SAE
from assay.sae.shipped import open_sae
from oracles import ablate_slowly

LENGTH = 128
"""Tokens of a row."""
CASES = ((1, 512), (4, 512), (4, 1640))
"""Rows of text, and ablations that are spread over them: every row costs one clean pass. The last are as many a row
as scoring all features of the default SAE has, its controls included."""
SHARE = 0.1
"""Length of what is subtracted, in lengths of the state it is subtracted from."""


OF_SAE, COMPARED = 5, 8
"""Ablations of the SAE's features, which come first, and all that are done slowly, too."""
TIMED = 2
"""Of these, how many are timed."""


def queries_of(model: Model, sae: SAE, rows: list[list[int]], n: int) -> Queries:
    """At random positions, the start token left out: first the feature that fires most there, then random ones."""
    layer = sae.layer or 0
    generator = torch.Generator().manual_seed(0)
    at = torch.randint(0, len(rows), (n,), generator=generator)
    positions = torch.randint(1, LENGTH, (n,), generator=generator)
    with torch.no_grad():
        states = forward(model, pack(model, rows)[0], block_out=[layer], stop=layer).block_out[layer]
    noise = torch.randn(n, model.d_model, generator=generator)
    here = states.cpu()[at, positions]
    deltas = SHARE * here.norm(dim=1, keepdim=True) * noise / noise.norm(dim=1, keepdim=True)
    strongest = sae.encode(here[:OF_SAE]).max(1)
    deltas[:OF_SAE] = sae.contribution(strongest.indices, strongest.values)
    return Queries(at, positions, deltas)


def packed_ablation(model: Model, sae: SAE, n_rows: int, n: int, repeats: int = 3) -> dict[str, Any]:
    """Ablations a second of either way, their ratio, and how far apart their numbers are."""
    rows = [
        ids for ids in (encode(model, text)[:LENGTH] for text in corpus().documents) if len(ids) == LENGTH
    ]
    rows, layer = rows[:n_rows], sae.layer or 0
    queries = queries_of(model, sae, rows, n)
    some = list(zip(queries.rows.tolist(), queries.positions.tolist(), queries.deltas, strict=True))
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        began = time.perf_counter()
        fast = ablate(model, layer, rows, queries)
        times[0].append(time.perf_counter() - began)
        began = time.perf_counter()
        kl = [ablate_slowly(model, layer, rows[r], p, delta)[0] for r, p, delta in some[:TIMED]]
        # The slow version runs the clean row again for every ablation, which nobody would: half its time counts.
        times[1].append((time.perf_counter() - began) / 2)
    kl += [ablate_slowly(model, layer, rows[r], p, delta)[0] for r, p, delta in some[TIMED:COMPARED]]
    few = Queries(queries.rows[:COMPARED], queries.positions[:COMPARED], queries.deltas[:COMPARED])
    model.module.double()
    true = torch.tensor(
        [ablate_slowly(model, layer, rows[r], p, d.double())[0] for r, p, d in some[:COMPARED]]
    )
    exact = ablate(model, layer, rows, few)
    model.module.float()  # the same numbers as before
    nothing = Queries(
        queries.rows[:64], queries.positions[:64], torch.zeros(len(queries.rows[:64]), model.d_model)
    )
    rates = n / median(times[0]), TIMED / median(times[1])
    return {
        "what": f"{n} ablations after block {layer} in {len(rows)} rows of {LENGTH} tokens, {TIMED} of them slowly",
        "fast_per_second": round(rates[0], 1),
        "slow_per_second": round(rates[1], 2),
        "ratio": round(rates[0] / rates[1], 1),
        "compared": f"{len(true)}, {OF_SAE} of the SAE's features; KL from {true.min():.1e} to {true.max():.1e}",
        "largest_relative_difference_of_kl": _apart(exact.kl, true),
        "rounding_of_kl_in_float32": {
            "fast": _apart(fast.kl[:COMPARED], true),
            "slow": _apart(torch.tensor(kl), true),
        },
        "median_kl_nats": float(fast.kl.median()),
        "largest_kl_of_nothing_nats": float(ablate(model, layer, rows, nothing).kl.max()),
    }


def _apart(kl: Tensor, true: Tensor) -> float:
    """The largest difference as a share of the true one."""
    return float(((kl - true) / true).abs().max())


def main() -> None:
    """Measure on the default model and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--queries", type=int, help="in the place of the number in each case")
    asked = parser.parse_args()
    model = assay.load("smollm2")
    sae = open_sae("smollm2")
    found = [packed_ablation(model, sae, rows, asked.queries or n) for rows, n in CASES]
    sys.stdout.write(
        json.dumps({"threads": torch.get_num_threads(), "packed_ablation": found}, indent=1) + "\n"
    )


if __name__ == "__main__":
    main()
