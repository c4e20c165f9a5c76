"""Second moments of keys: C = E[k k^T] over text, uncentred, for all layers in one pass.

ROME's update spares what the model says elsewhere by leaning on C (Meng et al. 2022, eq. 2). The pass
streams, can be killed and goes on where it stopped, and says how sure C is.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
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

ROWS_PER_BATCH = 8
SKETCH = 16
"""Random directions q by which the halves of the text are compared: E ||D q||^2 = ||D||_F^2 for any D."""
SAVES = 4
"""How often the state is written during a pass, besides at its end."""
ALL_LAYERS_UP_TO = 2 << 30
"""Bytes of C over all layers up to which every layer is collected; above, only the layers asked for."""


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


def layers_to_collect(model: Model, wanted: Sequence[int]) -> tuple[int, ...]:
    """Every layer when that fits in memory, else the wanted ones."""
    if model.n_layers * model.d_mlp**2 * 4 <= ALL_LAYERS_UP_TO:
        return tuple(range(model.n_layers))
    return tuple(sorted(set(wanted)))


def _rows(model: Model, corpus: Corpus, settings: MomentSettings) -> Iterator[list[int]]:
    for document in corpus.documents:
        row = encode(model, document)[: settings.row]
        if len(row) >= settings.row // 4:
            yield row


@dataclass
class _State:
    """What is on disk while a pass is under way."""

    c: dict[int, Tensor]
    halves: dict[int, Tensor]
    """Layer to the two halves' C q, (2, d_mlp, SKETCH), sums over tokens."""
    counts: list[int]
    """Tokens of each half."""
    rows: int

    def tensors(self) -> dict[str, Tensor]:
        return {f"c.{n}": t for n, t in self.c.items()} | {f"half.{n}": t for n, t in self.halves.items()}


def second_moments(
    model: Model,
    corpus: Corpus,
    cache: Path,
    *,
    layers: Sequence[int],
    settings: MomentSettings | None = None,
    emit: Emit = ignore,
) -> Moments:
    """C of the unedited model for (at least) the wanted layers: from the cache, or in one pass over text.

    The cache key holds the weights' hash, the corpus' hash and the settings, so edits and other models
    never share statistics. An interrupted pass goes on from its last saved state.
    """
    settings = settings or MomentSettings()
    for layer in layers:
        model.check_layer(layer)
    chosen = layers_to_collect(model, layers)
    wanted = max(settings.tokens, settings.tokens_per_dimension * model.d_mlp)
    span = "all" if len(chosen) == model.n_layers else "-".join(map(str, chosen))
    name = f"{model.hash[:16]}-{corpus.hash[:16]}-{wanted}x{settings.row}-{model.start}-{span}.safetensors"
    path = cache / "moments" / name
    partial = path.with_suffix(".partial")
    state = _load(path)
    if state is None:
        state = _load(partial) or _State(
            {n: torch.zeros(model.d_mlp, model.d_mlp, device=model.device) for n in chosen},
            {n: torch.zeros(2, model.d_mlp, SKETCH, device=model.device) for n in chosen},
            [0, 0],
            0,
        )
        _collect(model, corpus, settings, state, wanted, partial, emit)
        _save(state, path)
        partial.unlink(missing_ok=True)
    total = sum(state.counts)
    return Moments(
        c={n: (t / total).to(model.device) for n, t in state.c.items()},
        tokens=total,
        corpus=corpus.name,
        corpus_hash=corpus.hash,
        model_hash=model.hash,
        convergence={n: _spread(state, n) for n in state.c},
    )


def _spread(state: _State, layer: int) -> float:
    a, b = (state.halves[layer][i] / max(1, state.counts[i]) for i in (0, 1))
    whole = state.halves[layer].sum(0) / sum(state.counts)
    return float((a - b).norm() / whole.norm() / 2)


def _collect(
    model: Model,
    corpus: Corpus,
    settings: MomentSettings,
    state: _State,
    wanted: int,
    partial: Path,
    emit: Emit,
) -> None:
    generator = torch.Generator().manual_seed(0)
    q = torch.randn(model.d_mlp, SKETCH, generator=generator).to(model.device)
    rows = list(_rows_from(model, corpus, settings, state.rows, wanted - sum(state.counts)))
    if not rows and not sum(state.counts):
        raise InputError(
            f"no usable text in corpus {corpus.name!r}",
            f"documents of at least {settings.row // 4} tokens",
            "use another corpus",
        )
    save_every = max(1, len(rows) // ROWS_PER_BATCH // (SAVES + 1))
    with stage(emit, "moments", "second moments of keys", wanted) as tick:
        for number, at in enumerate(range(0, len(rows), ROWS_PER_BATCH), 1):
            _add(model, state, sorted(rows[at : at + ROWS_PER_BATCH], key=len), q, number % 2)
            tick(min(sum(state.counts), wanted))
            if number % save_every == 0 and at + ROWS_PER_BATCH < len(rows):
                _save(state, partial)


def _add(model: Model, state: _State, rows: list[list[int]], q: Tensor, half: int) -> None:
    """Add one batch of rows to the sums."""
    batch, _ = pack(model, rows)
    with torch.no_grad():
        tape = forward(model, batch, down_in=tuple(state.c), stop=max(state.c))
    real = torch.arange(batch.ids.shape[1]) < torch.tensor([len(r) for r in rows])[:, None]
    real = real.to(model.device)
    for layer in state.c:
        keys = tape.down_in[layer][real].float()
        state.c[layer].addmm_(keys.T, keys)
        state.halves[layer][half] += keys.T @ (keys @ q)
    state.counts[half] += int(real.sum())
    state.rows += len(rows)


def _rows_from(
    model: Model, corpus: Corpus, settings: MomentSettings, skip: int, tokens: int
) -> Iterator[list[int]]:
    for number, row in enumerate(_rows(model, corpus, settings)):
        if tokens <= 0:
            return
        if number >= skip:
            tokens -= len(row)
            yield row


def _save(state: _State, path: Path) -> None:
    write_tensors(
        path,
        state.tensors(),
        ("assay", json.dumps({"counts": state.counts, "rows": state.rows})),
        "room and permission for the second moments (about 300 MB for the default model)",
        "free space, or set ASSAY_HOME to a folder on another disk",
    )


def _load(path: Path) -> _State | None:
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt") as file:
            note = json.loads(file.metadata()["assay"])
            tensors = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118 - not a dict
    except FileNotFoundError:  # another process has just finished what was partial
        return None
    except SafetensorError:
        path.unlink()  # written by a machine that died in the middle: collect again
        return None
    part = {
        kind: {int(k.split(".")[1]): t for k, t in tensors.items() if k.startswith(kind)}
        for kind in ("c", "half")
    }
    return _State(part["c"], part["half"], note["counts"], note["rows"])
