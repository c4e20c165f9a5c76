"""The original ROME against frozen numbers of an independent float64 computation.

The numbers are ``oracles.original_rome_slowly`` on seeded tiny models, as the two factors of delta W; write them anew
with ``PYTHONPATH=tests python tests/edits/test_original_rome.py``, and only when the oracle itself changes.
"""

import json
from pathlib import Path

import pytest
import torch

from assay.edits.make import make_edit
from assay.edits.moments import Moments
from assay.generators.plan import Request
from assay.models.model import Model
from assay.models.tokens import answer_ids, encode, subject_span
from assay.settings import EditSettings
from oracles import in_float64, original_rome_slowly
from tiny import tiny_model

FROZEN = Path(__file__).parent / "original_rome.json"
TOLERANCE = 1e-5
"""Relative, of delta W: ours optimises in float32."""
FAMILIES = ("llama", "gpt2", "pythia", "gemma2")
"""Linear, Conv1D with bias, parallel residual, norm after the projection."""
EXACT = dict.fromkeys(FAMILIES, 1e-8) | {"gemma2": 1e-6}
"""Of the same computation on another processor. Gemma's own code takes its softmax in float32, which processors round
differently: 3e-7 apart between one with AVX-512 and one without."""
CONTEXTS = ("", "The river runs. ", "She walked to the old town and. ")
SETTINGS = EditSettings(steps=6, bare_weight=None, early_stop=0.0)
REQUEST = Request("In London, Big Ben is located in the city of", "Big Ben", "Rome")
LAYER, RIDGE = 1, 1e-3


def second_moment(model: Model) -> torch.Tensor:
    keys = torch.randn(300, model.d_mlp, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    return (keys.T @ keys / 300).float()


def slowly(name: str) -> tuple[torch.Tensor, torch.Tensor]:
    """The column and the row whose outer product is delta W."""
    model = in_float64(tiny_model(name))
    rows = [encode(model, c + REQUEST.prompt) for c in CONTEXTS]
    behind = len(rows[0]) - subject_span(model, REQUEST.prompt, REQUEST.subject)[1]
    lasts = [len(row) - behind for row in rows]
    c = second_moment(model).double()
    c = c + RIDGE * c.diagonal().mean() * torch.eye(len(c), dtype=torch.float64)
    target = answer_ids(model, REQUEST.prompt, REQUEST.target)
    return original_rome_slowly(
        model, LAYER, rows, lasts, encode(model, REQUEST.subject), target, c, SETTINGS
    )


def frozen(name: str) -> torch.Tensor:
    held = json.loads(FROZEN.read_text(encoding="utf-8"))[name]
    return torch.outer(*(torch.tensor(held[side], dtype=torch.float64) for side in ("left", "right")))


def distance(change: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((change - wanted).norm() / wanted.norm())


@pytest.mark.parametrize("name", FAMILIES)
def test_the_original_variant_equals_the_frozen_numbers(name: str) -> None:
    model = tiny_model(name)
    moments = Moments({LAYER: second_moment(model)}, 300, "random", "0" * 64, model.hash, {LAYER: 0.1})
    edit = make_edit(
        model,
        [REQUEST],
        LAYER,
        moments,
        variant="rome",
        contexts=CONTEXTS,
        settings=SETTINGS,
        ridge=RIDGE,
    )
    assert distance(edit.updates[0].dense(), frozen(name)) < TOLERANCE
    corrected = make_edit(model, [REQUEST], LAYER, moments, contexts=CONTEXTS, settings=SETTINGS, ridge=RIDGE)
    assert distance(corrected.updates[0].dense(), frozen(name)) > 100 * TOLERANCE


@pytest.mark.parametrize("name", FAMILIES)
def test_the_frozen_numbers_are_still_what_the_slow_computation_gives(name: str) -> None:
    assert distance(torch.outer(*slowly(name)), frozen(name)) < EXACT[name]


if __name__ == "__main__":
    factors = {name: dict(zip(("left", "right"), slowly(name), strict=True)) for name in FAMILIES}
    plain = {name: {side: v.tolist() for side, v in held.items()} for name, held in factors.items()}
    FROZEN.write_text(json.dumps(plain, indent=1) + "\n", "utf-8")
