"""The validation loop's three checks: does the edit hold, does the model still behave, is it still itself?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from assay.edits.delta import Edit
from assay.errors import RequestError
from assay.models.forward import forward, pack
from assay.models.model import Model
from assay.models.tokens import encode
from assay.probes.measure import Question, prepare, read
from assay.probes.probe import Probe
from assay.settings import ValidateSettings


@dataclass(frozen=True)
class Check:
    """One check of an edit."""

    id: str
    """paraphrases | behaviour | representation"""
    value: float
    threshold: float
    direction: Literal["at_least", "at_most"]
    figures: Mapping[str, Any] = field(default_factory=dict)
    also: bool = True
    """Further conditions of the check, whose figures stand in ``figures``."""

    @property
    def passed(self) -> bool:
        """Whether the value is on the right side of the threshold and the further conditions hold."""
        reached = (
            self.value >= self.threshold if self.direction == "at_least" else self.value <= self.threshold
        )
        return reached and self.also

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dict."""
        return {
            "id": self.id,
            "value": self.value,
            "threshold": self.threshold,
            "direction": self.direction,
            "passed": self.passed,
            "figures": dict(self.figures),
        }


@dataclass(frozen=True)
class Verdict:
    """All three checks of one edit."""

    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether the edit may be committed."""
        return all(c.passed for c in self.checks)

    @property
    def reason(self) -> str | None:
        """Which checks failed, with their figures; None when all hold."""
        words = {"at_least": "below", "at_most": "above"}
        failed = [
            f"{c.id}: {c.value:.3f} {words[c.direction]} {c.threshold:g}"
            if c.also
            else f"{c.id}: the target beats the old object on {c.figures['beats_old']:.0%} of the prompts, "
            f"wanted {c.figures['beats_old_threshold']:.0%}"
            for c in self.checks
            if not c.passed
        ]
        return "; ".join(failed) or None

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dict."""
        return {"passed": self.passed, "checks": [c.to_json() for c in self.checks]}


def validate(
    model: Model,
    edit: Edit,
    paraphrases: Sequence[Probe],
    neutral: Sequence[str],
    settings: ValidateSettings | None = None,
) -> Verdict:
    """Measure the three checks with the edit applied; the model is unchanged afterwards."""
    settings = settings or ValidateSettings()
    if len(paraphrases) < 4 or len(neutral) < 20:
        raise RequestError(
            f"{len(paraphrases)} paraphrases and {len(neutral)} neutral prompts",
            "at least 4 paraphrases and 20 neutral prompts",
            "use another generator, or pass more of them",
        )
    olds = [p.expected for p in paraphrases]
    asked = prepare(
        model,
        [
            Question(p.prompt, (p.target, *([old] if old else [])))
            for p, old in zip(paraphrases, olds, strict=True)
        ],
        edit.layer,
    )
    before = _run(model, neutral, edit.layer)
    edit.check(model)
    with edit.applied(model):
        held, after = read(model, asked), _run(model, neutral, edit.layer)

    p = [r.answers[0].p for r in held]
    beats = [r.answers[0].logp > r.answers[1].logp for r in held if len(r.answers) == 2]
    share = sum(beats) / len(beats) if beats else None
    shifts = (before.next_logp.exp() * (before.next_logp - after.next_logp)).sum(-1).clamp(min=0).tolist()
    similar = {n: linear_cka(before.states[n], after.states[n]) for n in before.states}
    worst = min(similar, key=lambda n: similar[n])
    return Verdict(
        (
            Check(
                "paraphrases",
                sum(p) / len(p),
                settings.p_target,
                "at_least",
                {
                    "n": len(p),
                    "beats_old": share,
                    "beats_old_threshold": settings.beats_old,
                    "prompts": [
                        {
                            "prompt": q.prompt,
                            "p_target": r.answers[0].p,
                            "p_old": r.answers[1].p if q.expected else None,
                        }
                        for q, r in zip(paraphrases, held, strict=True)
                    ],
                },
                also=share is None or share >= settings.beats_old,
            ),
            Check(
                "behaviour",
                sum(shifts) / len(shifts),
                settings.kl,
                "at_most",
                {"n": len(shifts), "largest": max(shifts), "unit": "nats, KL(before || after)"},
            ),
            Check(
                "representation",
                similar[worst],
                settings.cka,
                "at_least",
                {
                    "n_tokens": len(before.states[worst]),
                    "lowest_layer": worst,
                    "by_layer": list(similar.values()),
                },
            ),
        )
    )


@dataclass(frozen=True, eq=False)
class _Run:
    """What one pass over the neutral prompts shows."""

    next_logp: Float[Tensor, "prompts vocab"]
    """Log-probabilities of the token after each prompt, nats, float32."""
    states: Mapping[int, Float[Tensor, "n d_model"]]
    """Residual stream after each layer from the edited one on, at every token but the start token: that one is the
    same in every text, and its huge norm would make any two models look alike."""


def _run(model: Model, texts: Sequence[str], first: int) -> _Run:
    rows = [encode(model, t) for t in texts]
    batch, _ = pack(model, rows)
    skip = 0 if model.start is None else 1
    at = torch.tensor(
        [(i, c) for i, row in enumerate(rows) for c in range(skip, len(row))], device=model.device
    )
    ends = torch.tensor([len(row) - 1 for row in rows], device=model.device)
    layers = range(first, model.n_layers)
    with torch.no_grad():
        tape = forward(model, batch, block_out=layers)
        last = tape.block_out[model.n_layers - 1][torch.arange(len(rows), device=model.device), ends]
        next_logp = torch.log_softmax(model.logits(last).float(), -1)
    return _Run(next_logp, {n: tape.block_out[n][at[:, 0], at[:, 1]].float().clone() for n in layers})


def linear_cka(a: Float[Tensor, "n d"], b: Float[Tensor, "n e"]) -> float:
    """Linear centred kernel alignment of two sets of representations (Kornblith et al. 2019, eq. 3), float64."""
    x, y = (m.double() - m.double().mean(0) for m in (a, b))
    gram_x, gram_y = x @ x.T, y @ y.T
    return float((gram_x * gram_y).sum() / (gram_x.norm() * gram_y.norm()))
