"""Causal trace: at which layer and token does the model fetch the fact? (Meng et al. 2022, section 2.1)

The subject's embeddings are drowned in noise, then one clean state (one layer, one token) is put back at
a time; the effect is how much of the answer's probability returns. Shown as evidence: where the trace
peaks is not where editing works best (Hase et al. 2023), so a model's own swept layer goes first.

Only what a restored state can change is computed: later layers, from its token on; restored states of
all layers ride through the upper blocks together. Slow version: ``tests/oracles/edits.py:trace_slowly``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from assay.events import Emit, ignore, stage
from assay.generators.plan import Request
from assay.models.forward import forward, pack
from assay.models.model import Model
from assay.models.resume import resume
from assay.models.tokens import answer_ids, encode, subject_span
from assay.settings import DEFAULT_LAYERS, TraceSettings

SPACING = 2
"""Candidate layers lie at least this far apart: neighbours fail for the same reason."""


@dataclass(frozen=True)
class Trace:
    """Indirect effect of every layer and token from the subject's first on."""

    answer: str
    """Whose probability was followed: the old object, or the model's own most probable next token."""
    tokens: tuple[str, ...]
    """Text of each traced token, from the subject's first on."""
    subject_span: tuple[int, int]
    """First and last index into ``tokens`` of the subject."""
    clean_p: float
    """P(answer) on the clean run; first token of the answer."""
    corrupted_p: float
    """Mean P(answer) with the subject drowned in noise."""
    effect: tuple[tuple[float, ...], ...]
    """[layer][token]: mean P(answer) with that state restored, minus ``corrupted_p``."""
    ranking: tuple[int, ...]
    """Layers by their largest effect at any token of the subject, best first."""
    noise_runs: int
    noise_std: float
    """Standard deviation of the noise, in embedding units."""

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dict, as events and reports carry it."""
        return {
            "answer": self.answer,
            "tokens": list(self.tokens),
            "subject_span": list(self.subject_span),
            "layers": list(range(len(self.effect))),
            "clean_p": self.clean_p,
            "corrupted_p": self.corrupted_p,
            "effect": [list(row) for row in self.effect],
            "ranking": list(self.ranking),
            "noise_runs": self.noise_runs,
            "noise_std": self.noise_std,
        }


def trace(
    model: Model,
    request: Request,
    *,
    seed: int = 0,
    settings: TraceSettings | None = None,
    emit: Emit = ignore,
) -> Trace:
    """The causal trace of the request's prompt on the model as it is now."""
    settings = settings or TraceSettings()
    ids = encode(model, request.prompt)
    first, last = subject_span(model, request.prompt, request.subject)
    layers, top = model.n_layers, model.n_layers - 1
    std = settings.noise * float(model.module.get_input_embeddings().weight.float().std())
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(settings.runs, last - first + 1, model.d_model, generator=generator) * std

    def drown(embedded: Tensor) -> Tensor:
        drowned = embedded.clone()
        drowned[:, first : last + 1] += noise.to(embedded)
        return drowned

    everything = tuple(range(layers))
    with torch.no_grad():
        batch, _ = pack(model, [ids])
        clean = forward(model, batch, block_out=everything)
        clean_p = model.logits(clean.block_out[top][0, -1]).float().softmax(-1)
        goal = answer_ids(model, request.prompt, request.old)[0] if request.old else int(clean_p.argmax())
        noisy_batch, _ = pack(model, [ids] * settings.runs)
        noisy = forward(
            model, noisy_batch, block_out=everything, calls=True, keep_prefix=True, patch_embed=drown
        )
        corrupted = model.logits(noisy.block_out[top][:, -1]).float().softmax(-1)[:, goal].mean()

        effect = torch.zeros(layers, len(ids) - first)
        with stage(emit, "trace", "causal trace", len(ids) - first) as tick:
            for number, token in enumerate(range(first, len(ids))):
                restored = _column(model, clean.block_out, noisy, token, goal)
                effect[:, number] = restored.cpu() - corrupted.cpu()
                tick(number + 1)
    at_subject = effect[:, : last - first + 1].amax(1)
    by_effect = sorted(everything, key=lambda n: -float(at_subject[n]))
    return Trace(
        answer=str(model.tokenizer.decode([goal])).strip(),
        tokens=tuple(str(model.tokenizer.decode([i])) for i in ids[first:]),
        subject_span=(0, last - first),
        clean_p=float(clean_p[goal]),
        corrupted_p=float(corrupted),
        effect=tuple(tuple(row) for row in effect.tolist()),
        ranking=tuple(by_effect),
        noise_runs=settings.runs,
        noise_std=std,
    )


def _column(model: Model, clean: Mapping[int, Tensor], noisy: Any, token: int, goal: int) -> Tensor:
    """Mean P(goal) with the clean state of ``token`` restored at each layer in turn, (n_layers,)."""
    runs = noisy.block_out[0].shape[0]
    riding: list[Tensor] = []
    for layer in range(model.n_layers):
        if riding:
            together = torch.cat(riding)
            rows = torch.arange(runs, device=together.device).repeat(len(riding))
            moved = resume(model, noisy, layer, together, start=token, stop=layer, rows=rows)
            riding = list(torch.split(moved, runs))
        restored = noisy.block_out[layer][:, token:].clone()
        restored[:, 0] = clean[layer][0, token]
        riding.append(restored)
    at_end = torch.stack([h[:, -1] for h in riding])  # (n_layers, runs, d_model)
    return model.logits(at_end).float().softmax(-1)[..., goal].mean(1)


def candidate_layers(
    model: Model, found: Trace | None, wanted: int | None, count: int
) -> list[tuple[int, str]]:
    """Layers to try in order, each with why: the asked one alone, else the default, then the trace's.

    The last layer is tried only when asked for: words after the subject cannot read it there.
    """
    if wanted is not None:
        return [(model.check_layer(wanted), "asked")]
    out: list[tuple[int, str]] = []
    if model.id in DEFAULT_LAYERS:
        out.append((DEFAULT_LAYERS[model.id], "default"))
    # Without a sweep or a trace, a sixth of the depth: where ROME's own settings lie for GPT-J (5 of 28).
    fallback = [model.n_layers // 6 + SPACING * i for i in range(count)]
    for layer in found.ranking if found else fallback:
        if len(out) == count:
            break
        if layer < max(1, model.n_layers - 1) and all(abs(layer - other) >= SPACING for other, _ in out):
            out.append((layer, "trace" if found else "fallback"))
    return out
