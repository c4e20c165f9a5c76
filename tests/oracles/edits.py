"""Editing by the book: moments of keys, ROME's value, the update as first published, causal traces."""

from copy import deepcopy
from dataclasses import replace

import torch

from assay.models.model import Model
from assay.settings import EditSettings


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
