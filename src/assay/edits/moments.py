"""Second moments of keys: C = E[k k^T] over text, uncentred, of the layers that are asked for.

ROME's update spares what the model says elsewhere by leaning on C (Meng et al. 2022, eq. 2). One pass
serves several layers and ends at the highest; it can be killed and goes on where it stopped, and says
how sure C is.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from assay.corpus.sources import Corpus
from assay.edits.tensors import write_tensors
from assay.errors import InputError, ModelError
from assay.events import Emit, ignore, stage
from assay.models.forward import forward, pack
from assay.models.model import Model
from assay.models.tokens import encode
from assay.settings import MomentSettings

BATCH = 1024
"""Tokens of one forward pass, padding included."""
SKETCH = 16
"""Random directions q by which the halves of the text are compared: E ||D q||^2 = ||D||_F^2 for any D."""
SAVES = 4
"""How often the sums are written during a pass, besides at its end."""


@dataclass(frozen=True)
class Moments:
    """C per layer, with its provenance."""

    c: Mapping[int, Float[Tensor, "d_mlp d_mlp"]]
    """Layer to C, float32."""
    tokens: int
    """How many keys were averaged."""
    corpus: str
    corpus_hash: str
    model_hash: str
    convergence: Mapping[int, float]
    """Layer to the relative Frobenius error of C: half the distance of the two halves' C over ||C||."""
    _factors: dict[tuple[int, float], Tensor] = field(default_factory=dict, repr=False, compare=False)

    def solve(
        self, layer: int, keys: Float[Tensor, "d_mlp n"], ridge: float = MomentSettings.ridge
    ) -> Float[Tensor, "d_mlp n"]:
        """(C + ridge * mean(diag C) * I)^-1 keys in float64; the factor is kept for the next call."""
        if layer not in self.c:
            raise ModelError(
                f"no second moments for layer {layer}",
                f"one of the collected layers: {', '.join(map(str, sorted(self.c)))}",
                "collect moments for that layer first",
            )
        at = (layer, ridge)
        if at not in self._factors:
            c = self.c[layer].double()
            c = c + ridge * c.diagonal().mean() * torch.eye(len(c), dtype=torch.float64, device=c.device)
            self._factors[at] = torch.linalg.cholesky(c)
        return torch.cholesky_solve(keys.double(), self._factors[at])


@dataclass
class _Sums:
    """What is on disk of one layer, at the end of a pass and during it."""

    c: Float[Tensor, "d_mlp d_mlp"]
    """Sum of k k^T."""
    halves: Float[Tensor, "2 d_mlp sketch"]
    """The two halves' sums of k k^T q; batches belong to them in turn."""
    counts: list[int]
    """Tokens of each half."""
    batches: int
    """How many batches have been added."""


def second_moments(
    model: Model,
    corpus: Corpus,
    cache: Path,
    *,
    layers: Sequence[int],
    settings: MomentSettings | None = None,
    emit: Emit = ignore,
) -> Moments:
    """C of the unedited model for the wanted layers: from the cache, the missing ones in one pass over text.

    The cache key holds the weights' hash, the corpus' hash and the settings, so edits and other models
    never share statistics. What a layer's C is does not depend on the layers it is collected with, nor on
    whether a pass was interrupted: the next one goes on from its last saved sums.
    """
    settings = settings or MomentSettings()
    wanted = max(settings.tokens, settings.tokens_per_dimension * model.d_mlp)
    text = f"{model.hash[:16]}-{corpus.hash[:16]}-{wanted}x{settings.row}-{model.start}"
    files = {
        model.check_layer(n): cache / "moments" / f"{text}-layer{n}.safetensors" for n in sorted(set(layers))
    }
    cached = {n: _load(file, model.device) for n, file in files.items()}
    sums = {n: found for n, found in cached.items() if found is not None}
    missing = {n: file for n, file in files.items() if n not in sums}
    if missing:
        sums |= _collect(model, corpus, settings, missing, wanted, emit)
    return Moments(
        c={n: sums[n].c / sum(sums[n].counts) for n in files},
        tokens=sum(sums[min(files)].counts),
        corpus=corpus.name,
        corpus_hash=corpus.hash,
        model_hash=model.hash,
        convergence={n: _spread(sums[n]) for n in files},
    )


def _spread(sums: _Sums) -> float:
    a, b = (half / max(1, count) for half, count in zip(sums.halves, sums.counts, strict=True))
    whole = sums.halves.sum(0) / sum(sums.counts)
    return float((a - b).norm() / whole.norm() / 2)


def _collect(
    model: Model,
    corpus: Corpus,
    settings: MomentSettings,
    files: Mapping[int, Path],
    wanted: int,
    emit: Emit,
) -> dict[int, _Sums]:
    """The sums of these layers in one pass, which leaves out for each layer what a killed pass has added."""
    generator = torch.Generator().manual_seed(0)
    q = torch.randn(model.d_mlp, SKETCH, generator=generator).to(model.device)
    batches = batches_of(_rows(model, corpus, settings, wanted))
    partial = {n: file.with_suffix(".partial") for n, file in files.items()}
    sums = {n: _load(file, model.device) or _nothing(model) for n, file in partial.items()}
    save_every = max(1, len(batches) // (SAVES + 1))
    with stage(emit, "moments", "second moments of keys", wanted) as tick:
        for number, rows in enumerate(batches):
            due = {n: one for n, one in sums.items() if one.batches == number}
            if not due:
                continue
            _add(model, due, rows, q)
            tick(min(wanted, *(sum(one.counts) for one in due.values())))
            if (number + 1) % save_every == 0 and number + 1 < len(batches):
                for n, one in due.items():
                    _save(one, partial[n])
    for n, one in sums.items():
        _save(one, files[n])
        partial[n].unlink(missing_ok=True)
    return sums


def _nothing(model: Model) -> _Sums:
    return _Sums(
        torch.zeros(model.d_mlp, model.d_mlp, device=model.device),
        torch.zeros(2, model.d_mlp, SKETCH, device=model.device),
        [0, 0],
        0,
    )


def _rows(model: Model, corpus: Corpus, settings: MomentSettings, wanted: int) -> list[list[int]]:
    """The beginnings of the first documents that are not too short, ``wanted`` tokens of them."""
    rows, tokens = [], 0
    for document in corpus.documents:
        if tokens >= wanted:
            break
        row = encode(model, document)[: settings.row]
        if len(row) >= settings.row // 4:
            rows.append(row)
            tokens += len(row)
    if not rows:
        raise InputError(
            f"no usable text in corpus {corpus.name!r}",
            f"documents of at least {settings.row // 4} tokens",
            "use another corpus",
        )
    return rows


def batches_of(rows: Sequence[list[int]]) -> list[list[list[int]]]:
    """Rows of about one length together, so that little is padded, at most BATCH tokens of them."""
    batches: list[list[list[int]]] = []
    for row in sorted(rows, key=len, reverse=True):
        if not batches or (len(batches[-1]) + 1) * len(batches[-1][0]) > BATCH:
            batches.append([])
        batches[-1].append(row)
    return batches


def _add(model: Model, due: Mapping[int, _Sums], rows: list[list[int]], q: Tensor) -> None:
    """Add one batch of rows to the sums of these layers."""
    batch, _ = pack(model, rows)
    with torch.no_grad():
        tape = forward(model, batch, down_in=tuple(due), stop=max(due))
    real = torch.arange(batch.ids.shape[1]) < torch.tensor([len(r) for r in rows])[:, None]
    real = real.to(model.device)
    for layer, sums in due.items():
        keys = tape.down_in[layer][real].float()
        half = sums.batches % 2
        sums.c.addmm_(keys.T, keys)
        sums.halves[half] += keys.T @ (keys @ q)
        sums.counts[half] += len(keys)
        sums.batches += 1


def _save(sums: _Sums, path: Path) -> None:
    write_tensors(
        path,
        {"c": sums.c, "halves": sums.halves},
        ("assay", json.dumps({"counts": sums.counts, "batches": sums.batches})),
        "room and permission for the second moments (about 10 MB a layer for the default model)",
        "free space, or set ASSAY_HOME to a folder on another disk",
    )


def _load(path: Path, device: torch.device) -> _Sums | None:
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            note = json.loads(file.metadata()["assay"])
            c, halves = (file.get_tensor(name).to(device) for name in ("c", "halves"))
    except FileNotFoundError:  # another process has just finished what was partial
        return None
    except SafetensorError:
        path.unlink()  # written by a machine that died in the middle: collect again
        return None
    return _Sums(c, halves, note["counts"], note["batches"])
