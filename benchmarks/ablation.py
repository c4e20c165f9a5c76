"""Packed ablation against one whole forward pass of the whole model an ablation, as one JSON document.

    python benchmarks/ablation.py                      each of CASES
    python benchmarks/ablation.py --queries 64         the same with fewer to pack

The default model, after its middle block.

Both take random directions out of the residual stream, as long as a tenth of the state they are taken from.
The slow version is timed on a few of the same ablations, in turns with the fast one, so that a busy machine
slows both; the ratio is of ablations a second.
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

import assay
from assay.corpus.sources import corpus
from assay.features.packed import Queries, ablate
from assay.models.forward import forward, pack
from assay.models.model import Model
from assay.models.tokens import encode
from oracles import ablate_slowly

LENGTH = 128
"""Tokens of a row."""
CASES = ((1, 512), (4, 512), (4, 1640))
"""Rows of text, and ablations that are spread over them: every row costs one clean pass. The last are as many a row
as scoring all features of the default SAE has, its controls included."""
SHARE = 0.1
"""Length of what is subtracted, in lengths of the state it is subtracted from."""


def random_queries(model: Model, layer: int, rows: list[list[int]], n: int) -> Queries:
    """Random directions at random positions, the start token left out."""
    generator = torch.Generator().manual_seed(0)
    at = torch.randint(0, len(rows), (n,), generator=generator)
    positions = torch.randint(1, LENGTH, (n,), generator=generator)
    with torch.no_grad():
        states = forward(model, pack(model, rows)[0], block_out=[layer], stop=layer).block_out[layer]
    noise = torch.randn(n, model.d_model, generator=generator)
    lengths = states.cpu()[at, positions].norm(dim=1, keepdim=True)
    return Queries(at, positions, SHARE * lengths * noise / noise.norm(dim=1, keepdim=True))


def packed_ablation(
    model: Model, layer: int, n_rows: int, n: int, slow: int = 2, repeats: int = 3
) -> dict[str, Any]:
    """Ablations a second of either way, their ratio, and how far apart their numbers are."""
    rows = [
        ids for ids in (encode(model, text)[:LENGTH] for text in corpus().documents) if len(ids) == LENGTH
    ]
    rows = rows[:n_rows]
    queries = random_queries(model, layer, rows, n)
    some = list(zip(queries.rows.tolist(), queries.positions.tolist(), queries.deltas, strict=True))[:slow]
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        began = time.perf_counter()
        fast = ablate(model, layer, rows, queries)
        times[0].append(time.perf_counter() - began)
        began = time.perf_counter()
        kl = torch.tensor([ablate_slowly(model, layer, rows[r], p, delta)[0] for r, p, delta in some])
        # The slow version runs the clean row again for every ablation, which nobody would: half its time counts.
        times[1].append((time.perf_counter() - began) / 2)
    nothing = Queries(
        queries.rows[:64], queries.positions[:64], torch.zeros(len(queries.rows[:64]), model.d_model)
    )
    rates = n / median(times[0]), slow / median(times[1])
    return {
        "what": f"{n} ablations after block {layer} in {len(rows)} rows of {LENGTH} tokens, {slow} of them slowly",
        "fast_per_second": round(rates[0], 1),
        "slow_per_second": round(rates[1], 2),
        "ratio": round(rates[0] / rates[1], 1),
        "largest_relative_difference_of_kl": float(((fast.kl[:slow] - kl) / kl).abs().max()),
        "median_kl_nats": float(fast.kl.median()),
        "largest_kl_of_nothing_nats": float(ablate(model, layer, rows, nothing).kl.max()),
    }


def main() -> None:
    """Measure on the default model and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--queries", type=int, help="in the place of the number in each case")
    asked = parser.parse_args()
    model = assay.load("smollm2")
    found = [packed_ablation(model, model.n_layers // 2, rows, asked.queries or n) for rows, n in CASES]
    sys.stdout.write(
        json.dumps({"threads": torch.get_num_threads(), "packed_ablation": found}, indent=1) + "\n"
    )


if __name__ == "__main__":
    main()
