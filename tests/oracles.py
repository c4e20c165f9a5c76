"""Slow, obvious versions of everything assay computes fast. Nothing here is clever."""

from copy import deepcopy
from dataclasses import replace
from operator import attrgetter
from statistics import mean, variance

import numpy as np
import torch

from assay.models.model import Model
from assay.models.tokens import answer_ids, encode
from assay.sae.coder import SAE
from assay.settings import EditSettings


def next_logp_slowly(model: Model, ids: list[int]) -> torch.Tensor:
    """Log-probabilities after a row of ids: the model's own forward, one row, no mask, no padding."""
    with torch.no_grad():
        return torch.log_softmax(model.module(torch.tensor([ids])).logits[0, -1].float(), -1)


def measure_slowly(model: Model, prompt: str, answer: str) -> tuple[list[float], list[bool], int]:
    """Log-probability and argmax of each answer token by one whole forward per token; rank of the first."""
    ids = encode(model, prompt)
    logps, argmax, rank = [], [], 0
    for i, token in enumerate(answer_ids(model, prompt, answer)):
        logp = next_logp_slowly(model, ids)
        logps.append(float(logp[token]))
        argmax.append(int(logp.argmax()) == token)
        if i == 0:
            rank = 1 + sum(1 for value in logp.tolist() if value > float(logp[token]))
        ids = [*ids, token]
    return logps, argmax, rank


def moments_slowly(model: Model, rows: list[list[int]], layer: int) -> torch.Tensor:
    """E[k k^T] by one forward per row, one outer product per token, float64."""
    total = torch.zeros(model.d_mlp, model.d_mlp, dtype=torch.float64)
    count = 0
    for row in rows:
        for key in _down_in(model, row, layer):
            total += torch.outer(key.double(), key.double())
            count += 1
    return total / count


def _down_in(model: Model, ids: list[int], layer: int) -> torch.Tensor:
    seen: list[torch.Tensor] = []
    handle = model.down(layer).register_forward_hook(lambda m, args, out: seen.append(args[0]))
    try:
        with torch.no_grad():
            model.module(torch.tensor([ids]))
    finally:
        handle.remove()
    return seen[0].reshape(len(ids), -1)


def optimise_slowly(
    model: Model,
    layer: int,
    prompts: list[list[int]],
    lasts: list[int],
    essence: list[int],
    target: list[int],
    settings: EditSettings,
) -> tuple[torch.Tensor, list[float]]:
    """ROME's value by the book: the whole model and the logits of every position in every step.

    Rows are padded on the right with the model's own 2-D mask; delta is added by a hook on the
    down-projection. Returns v and the losses.
    """
    rows = [p + target[:-1] for p in prompts] + [essence]
    at = [*lasts, len(essence) - 1]
    width = max(map(len, rows))
    ids = torch.tensor([r + [0] * (width - len(r)) for r in rows])
    mask = torch.tensor([[1] * len(r) + [0] * (width - len(r)) for r in rows])
    delta = torch.zeros(model.d_model, dtype=model.dtype, requires_grad=True)
    start: list[torch.Tensor] = []

    def add(module: object, args: object, out: torch.Tensor) -> torch.Tensor:
        shaped = out.view(len(rows), width, -1).clone()
        if not start:
            start.append(shaped[0, at[0]].detach().clone())
        for i, column in enumerate(at):
            shaped[i, column] = shaped[i, column] + delta
        return shaped.view_as(out)

    adam = torch.optim.Adam([delta], lr=settings.lr)
    losses: list[float] = []
    before = None
    for step in range(settings.steps):
        handle = model.down(layer).register_forward_hook(add)
        try:
            logp = torch.log_softmax(model.module(ids, attention_mask=mask).logits, -1)
        finally:
            handle.remove()
        nll = torch.stack(
            [
                -torch.stack([logp[i, len(p) - 1 + j, t] for j, t in enumerate(target)]).mean()
                for i, p in enumerate(prompts)
            ]
        ).mean()
        now = logp[-1, at[-1]]
        before = now.detach().clone() if before is None else before
        kl = (now.exp() * (now - before)).sum()
        loss = nll + settings.kl * kl + settings.weight_decay * delta.norm() / start[0].norm() ** 2
        losses.append(float(loss.detach()))
        if losses[-1] < settings.early_stop or step == settings.steps - 1:
            break
        adam.zero_grad()
        loss.backward()
        adam.step()
        with torch.no_grad():
            if delta.norm() > settings.clamp * start[0].norm():
                delta *= settings.clamp * start[0].norm() / delta.norm()
    return start[0] + delta.detach(), losses


def in_float64(model: Model) -> Model:
    """A copy of a model whose weights are float64."""
    return replace(model, module=deepcopy(model.module).double())


def original_rome_slowly(
    model: Model,
    layer: int,
    prompts: list[list[int]],
    lasts: list[int],
    essence: list[int],
    target: list[int],
    c: torch.Tensor,
    settings: EditSettings,
) -> tuple[torch.Tensor, torch.Tensor]:
    """ROME as first published (Meng et al. 2022, eq. 2), by the book: left and right with delta W = left right^T.

    The direction comes from the mean key over all contexts, numerator and scale from the bare prompt's key
    (the first); C is given with its ridge. Nothing is shared with the package but the model.
    """
    keys = torch.stack([_down_in(model, p, layer)[n] for p, n in zip(prompts, lasts, strict=True)])
    u = torch.linalg.inv(c) @ keys.mean(0)
    v, _ = optimise_slowly(model, layer, prompts, lasts, essence, target, settings)
    down = model.down(layer)
    with torch.no_grad():
        now = down(keys[0][None])[0]
    return (v - now) / (keys[0] @ u), u


def trace_slowly(
    model: Model, ids: list[int], span: tuple[int, int], goal: int, noise: torch.Tensor
) -> tuple[float, torch.Tensor]:
    """Causal trace with one whole forward per (layer, token): mean corrupted p, and effect [layer, token]."""

    def drown(module: object, args: object, out: torch.Tensor) -> torch.Tensor:
        moved = out.clone()
        moved[:, span[0] : span[1] + 1] += noise
        return moved

    def run(rows: int, hooks: list[tuple[torch.nn.Module, object]]) -> torch.Tensor:
        handles = [module.register_forward_hook(hook) for module, hook in hooks]  # type: ignore[arg-type]
        try:
            with torch.no_grad():
                logits: torch.Tensor = model.module(torch.tensor([ids] * rows)).logits
                return logits[:, -1].softmax(-1)[:, goal]
        finally:
            for handle in handles:
                handle.remove()

    clean: dict[int, torch.Tensor] = {}

    def note(layer: int):  # type: ignore[no-untyped-def]
        def hook(module: object, args: object, out: object) -> None:
            clean[layer] = (out[0] if isinstance(out, tuple) else out).clone()  # type: ignore[union-attr]

        return hook

    def restore(layer: int, token: int):  # type: ignore[no-untyped-def]
        def hook(module: object, args: object, out: object) -> object:
            state = (out[0] if isinstance(out, tuple) else out).clone()  # type: ignore[union-attr]
            state[:, token] = clean[layer][0, token]
            return (state, *out[1:]) if isinstance(out, tuple) else state

        return hook

    run(1, [(block, note(n)) for n, block in enumerate(model.blocks)])
    runs = len(noise)
    corrupted = float(run(runs, [(model.embed, drown)]).mean())
    effect = torch.zeros(model.n_layers, len(ids) - span[0])
    for layer, block in enumerate(model.blocks):
        for token in range(span[0], len(ids)):
            p = run(runs, [(model.embed, drown), (block, restore(layer, token))]).mean()
            effect[layer, token - span[0]] = p - corrupted
    return corrupted, effect


def ablate_slowly(
    model: Model, layer: int, row: list[int], position: int, delta: torch.Tensor
) -> tuple[float, float]:
    """KL(clean || ablated) and the clean entropy at a position, nats: two whole forwards, sums in float64."""

    def subtract(module: object, args: object, out: object) -> object:
        state = (out[0] if isinstance(out, tuple) else out).clone()  # type: ignore[union-attr]
        state[0, position] -= delta
        return (state, *out[1:]) if isinstance(out, tuple) else state

    def logp() -> torch.Tensor:
        ids = torch.tensor([row], device=model.device)
        return torch.log_softmax(model.module(ids, use_cache=False).logits[0, position].double(), -1)

    with torch.no_grad():
        before = logp()
        handle = model.blocks[layer].register_forward_hook(subtract)
        try:
            after = logp()
        finally:
            handle.remove()
    return float((before.exp() * (before - after)).sum()), float(-(before.exp() * before).sum())


def mean_cosine_slowly(vectors: np.ndarray) -> float:
    """Mean of the upper triangle of the cosine matrix."""
    cosines = [
        float(a @ b) / float(np.linalg.norm(a) * np.linalg.norm(b))
        for i, a in enumerate(vectors)
        for b in vectors[i + 1 :]
    ]
    return sum(cosines) / len(cosines)


def cohens_d_slowly(a: list[float], b: list[float]) -> float:
    """Difference of means over the pooled standard deviation, by the standard library."""
    pooled = (len(a) - 1) * variance(a) + (len(b) - 1) * variance(b)
    return (mean(a) - mean(b)) / (pooled / (len(a) + len(b) - 2)) ** 0.5


def codes_slowly(model: Model, sae: SAE, layer: int, row: list[int]) -> np.ndarray:
    """Activations of all features on every token of a row of ids, the start token left out: one whole forward
    of that row alone, everything dense."""
    seen: list[torch.Tensor] = []

    def note(module: object, args: object, out: object) -> None:
        seen.append(out[0] if isinstance(out, tuple) else out)  # type: ignore[arg-type]

    handle = model.blocks[layer].register_forward_hook(note)
    try:
        with torch.no_grad():
            model.module(torch.tensor([row]))
    finally:
        handle.remove()
    return sae.encode(seen[0][0, 0 if model.start is None else 1 :].float()).numpy()


def postings_slowly(tokens: list[dict[int, float]], features: int) -> list[list[tuple[int, float]]]:
    """(place, value) of every feature, from what fired on each token."""
    return [
        [(place, fired[feature]) for place, fired in enumerate(tokens) if feature in fired]
        for feature in range(features)
    ]


Sentences = list[tuple[int, int, int, str]]
"""(row, first token, token after the last, text) of every sentence of a corpus."""


def ranked_slowly(column: np.ndarray, sentences: Sentences) -> list[int]:
    """Numbers of the sentences on which a feature fires, by falling maximum, the best of each row only."""
    peaks = [(-float(column[a:b].max()), number, row) for number, (row, a, b, _) in enumerate(sentences)]
    chosen: list[int] = []
    rows: list[int] = []
    for value, number, row in sorted(peaks):
        if value < 0 and row not in rows:
            chosen.append(number)
            rows.append(row)
    return chosen


def distinct_slowly(numbers: list[int], sentences: Sentences, n: int) -> list[int]:
    """The first n that share less than four fifths of their words with each one before."""

    def words(number: int) -> set[str]:
        letters = [c if c.isalnum() or c == "_" else " " for c in sentences[number][3].casefold()]
        return set("".join(letters).split())

    kept: list[int] = []
    for number in numbers:
        mine = words(number)
        if all(5 * len(mine & words(other)) < 4 * len(mine | words(other)) for other in kept):
            kept.append(number)
    return kept[:n]


def logit_weights_slowly(model: Model, direction: np.ndarray) -> np.ndarray:
    """W_U (gain * direction) in float64, one token at a time, less the mean over the tokens that the tokenizer has."""
    norm = attrgetter(model.family.norm)(model.module)
    gain = norm.weight.double().numpy() + ("Gemma" in type(norm).__name__)
    head = attrgetter(model.family.head)(model.module).weight.double().numpy()
    logits = np.array([float(row @ (gain * direction)) for row in head[: len(model.tokenizer)]])
    return logits - logits.mean()


def cosines_slowly(rows: np.ndarray) -> np.ndarray:
    """The whole matrix of cosines in float64; 0 with a row of zeros."""
    lengths = np.linalg.norm(rows.astype(np.float64), axis=1)
    product = rows.astype(np.float64) @ rows.astype(np.float64).T
    both = lengths[:, None] * lengths[None]
    return np.divide(product, both, out=np.zeros_like(product), where=both > 0)
