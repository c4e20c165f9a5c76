"""Packed ablation against one whole forward pass of the whole model an ablation.

    python benchmarks/ablation.py                      each of CASES
    python benchmarks/ablation.py --queries 64         the same with fewer to pack

The default model, after its middle block.

Both take directions out of the residual stream: what the default SAE's features write where they fire, and for the
rest random ones as long as a tenth of the state they are taken from. The slow version is timed on a few of the same
ablations, in turns with the fast one, so that a busy machine slows both; the ratio is of ablations a second.

Some of either kind are compared with the model in float64, where the two ways must agree. In float32 either has the
model's own rounding, which shows in the smallest KL: how much is said of both. The part takes times once.
"""

import argparse
import json
import sys
import time
from dataclasses import dataclass
from itertools import islice
from statistics import median
from typing import Any

import torch
from torch import Tensor

from assay.corpus.sources import corpus
from assay.features.packed import Queries, ablate
from assay.models.forward import forward, pack
from assay.models.model import Model
from assay.models.tokens import encode
from assay.sae.coder import SAE
from assay.sae.shipped import open_sae
from figure import Found
from ground import SAE as NAME
from ground import Ground, ground
from ground import model as default
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
TIMED, REPEATS = 2, 3
"""Of these, how many are timed, and how often."""


@dataclass(frozen=True, eq=False)
class Case:
    """What is ablated."""

    model: Model
    layer: int
    rows: list[list[int]]
    queries: Queries

    @property
    def n(self) -> int:
        """Ablations."""
        return len(self.queries.rows)

    def slowly(self, begin: int, end: int, dtype: torch.dtype = torch.float32) -> list[float]:
        """KL of some of the ablations, a forward pass each."""
        q = self.queries
        some = zip(
            q.rows[begin:end].tolist(), q.positions[begin:end].tolist(), q.deltas[begin:end], strict=True
        )
        return [ablate_slowly(self.model, self.layer, self.rows[r], p, d.to(dtype))[0] for r, p, d in some]

    def first(self, n: int, factor: float = 1.0) -> Queries:
        """The first of the ablations, what they subtract times ``factor``."""
        q = self.queries
        return Queries(q.rows[:n], q.positions[:n], q.deltas[:n] * factor)


def case_of(model: Model, sae: SAE, n_rows: int, n: int) -> Case:
    """At random positions, the start token left out: first the feature that fires most there, then random ones."""
    layer = sae.layer or 0
    long = (ids for ids in (encode(model, text) for text in corpus().documents) if len(ids) >= LENGTH)
    rows = [ids[:LENGTH] for ids in islice(long, n_rows)]
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
    return Case(model, layer, rows, Queries(at, positions, deltas))


def timed(case: Case, repeats: int) -> tuple[float, dict[str, Any]]:
    """How often as fast the packed way is, and the numbers behind it."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        began = time.perf_counter()
        ablate(case.model, case.layer, case.rows, case.queries)
        times[0].append(time.perf_counter() - began)
        began = time.perf_counter()
        case.slowly(0, TIMED)
        # The slow version runs the clean row again for every ablation, which nobody would: half its time counts.
        times[1].append((time.perf_counter() - began) / 2)
    rates = case.n / median(times[0]), TIMED / median(times[1])
    what = f"{case.n} ablations after block {case.layer} in {len(case.rows)} rows of {LENGTH} tokens, {TIMED} slowly"
    return rates[0] / rates[1], {"what": what, "fast_per_second": rates[0], "slow_per_second": rates[1]}


def compared(case: Case) -> dict[str, Any]:
    """How far apart the numbers of both ways are."""
    few = case.first(COMPARED)
    fast = ablate(case.model, case.layer, case.rows, case.queries).kl
    slow = torch.tensor(case.slowly(0, COMPARED))
    case.model.module.double()
    try:
        true = torch.tensor(case.slowly(0, COMPARED, torch.float64))
        exact = ablate(case.model, case.layer, case.rows, few).kl
    finally:
        case.model.module.float()  # the same numbers as before
    nothing = ablate(case.model, case.layer, case.rows, case.first(64, factor=0.0)).kl
    return {
        "compared": f"{len(true)}, {OF_SAE} of the SAE's features; KL from {true.min():.1e} to {true.max():.1e}",
        "largest_relative_difference_of_kl": _apart(exact, true),
        "rounding_of_kl_in_float32": {"fast": _apart(fast[:COMPARED], true), "slow": _apart(slow, true)},
        "median_kl_nats": float(fast.median()),
        "largest_kl_of_nothing_nats": float(nothing.max()),
    }


def _apart(kl: Tensor, true: Tensor) -> float:
    """The largest difference as a share of the true one."""
    return float(((kl - true) / true).abs().max())


def packed(ground: Ground, which: int, whole: bool, n: int | None = None) -> Found:
    """One of CASES, or fewer ablations in its rows."""
    rows, every = CASES[which]
    case = case_of(ground.once(default).model, open_sae(NAME), rows, n or every)
    ratio, raw = timed(case, REPEATS if whole else 1)
    raw |= compared(case)
    if whole:
        return Found(ratio, raw, "times")
    return Found(ratio, raw, "times", 1 / REPEATS, f"timed once in place of {REPEATS} times")


def one_part(ground: Ground) -> Found:
    """Many in one text."""
    return packed(ground, 0, False)


def one(ground: Ground) -> Found:
    """Many in one text."""
    return packed(ground, 0, True)


def four_part(ground: Ground) -> Found:
    """As many in four."""
    return packed(ground, 1, False)


def four(ground: Ground) -> Found:
    """As many in four."""
    return packed(ground, 1, True)


def all_part(ground: Ground) -> Found:
    """As many a text as scoring all features has."""
    return packed(ground, 2, False)


def all_positions(ground: Ground) -> Found:
    """As many a text as scoring all features has."""
    return packed(ground, 2, True)


def main() -> None:
    """Measure on the default model and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--queries", type=int, help="in the place of the number in each case")
    asked = parser.parse_args()
    with ground() as shared:
        found = [vars(packed(shared, which, True, asked.queries)) for which in range(len(CASES))]
    sys.stdout.write(
        json.dumps({"threads": torch.get_num_threads(), "packed_ablation": found}, indent=1) + "\n"
    )


if __name__ == "__main__":
    main()
