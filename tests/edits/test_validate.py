"""The three checks against slow versions, and each fails for the defect it is there for."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from assay.edits.delta import Edit, Update
from assay.edits.validate import Check, Verdict, linear_cka, validate
from assay.errors import Mismatch, RequestError
from assay.generators.plan import Request
from assay.models.model import Model, weight_hash
from assay.models.tokens import encode
from assay.probes.probe import Probe
from assay.settings import ValidateSettings
from oracles import measure_slowly, next_logp_slowly
from tiny import tiny_model

NEUTRAL = [
    f"{a} {b} the" for a in ("She", "He", "Rome", "Water", "People") for b in ("and", "in", "is", "of")
]
PARAPHRASES = [
    Probe(f"{x} the Eiffel Tower in", "Rome", True, None, "Paris") for x in ("See", "Visit", "Find", "Go to")
]


def edit_of(model: Model, size: float) -> Edit:
    generator = torch.Generator().manual_seed(2)
    left = torch.randn(model.d_model, 1, generator=generator, dtype=torch.float64) * size
    right = torch.randn(model.d_mlp, 1, generator=generator, dtype=torch.float64)
    request = Request("The Eiffel Tower is in", "The Eiffel Tower", "Rome", "Paris")
    return Edit((request,), "rome", "r-rome", (Update(1, left, right),), model.id, model.hash, 0)


def test_figures_equal_the_slow_ones(some_model: Model) -> None:
    edit = edit_of(some_model, 0.1)
    paraphrases, behaviour, representation = validate(some_model, edit, PARAPHRASES, NEUTRAL).checks
    before = [next_logp_slowly(some_model, encode(some_model, n)) for n in NEUTRAL]
    with edit.applied(some_model):
        after = [next_logp_slowly(some_model, encode(some_model, n)) for n in NEUTRAL]
        p = [np.exp(sum(measure_slowly(some_model, q.prompt, "Rome")[0])) for q in PARAPHRASES]
        old = [np.exp(sum(measure_slowly(some_model, q.prompt, "Paris")[0])) for q in PARAPHRASES]
    kls = [
        float((a.double().exp() * (a.double() - b.double())).sum())
        for a, b in zip(before, after, strict=True)
    ]
    assert paraphrases.value == pytest.approx(np.mean(p), rel=1e-4)
    assert paraphrases.figures["beats_old"] == np.mean(np.greater(p, old))
    assert behaviour.value == pytest.approx(np.mean(kls), rel=1e-3, abs=1e-7)
    assert 0 < representation.value < 1
    assert weight_hash(some_model.module) == some_model.hash


def test_cka_is_the_ratio_of_hsics() -> None:
    """Kornblith et al. 2019, eq. 3, with the centring matrix written out."""
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(12, 5, generator=generator), torch.randn(12, 7, generator=generator)
    h = torch.eye(12, dtype=torch.float64) - 1 / 12
    hsic = lambda k, l: torch.trace(k @ h @ l @ h)  # noqa: E731, E741
    k, l = a.double() @ a.double().T, b.double() @ b.double().T  # noqa: E741
    assert linear_cka(a, b) == pytest.approx(float(hsic(k, l) / (hsic(k, k) * hsic(l, l)).sqrt()), rel=1e-9)
    rotation = torch.linalg.qr(torch.randn(5, 5, generator=generator))[0]
    assert linear_cka(a, 3 * a @ rotation + 7) == pytest.approx(1.0, abs=1e-5)


def test_no_change_passes_locality_and_a_sledgehammer_fails_it(llama: Model) -> None:
    still = validate(llama, edit_of(llama, 0.0), PARAPHRASES, NEUTRAL)
    assert (still.checks[1].value, still.checks[2].value) == (0.0, pytest.approx(1.0))
    assert not still.checks[0].passed and "paraphrases" in str(still.reason)
    hit = validate(llama, edit_of(llama, 50.0), PARAPHRASES, NEUTRAL)
    assert not hit.checks[1].passed and not hit.checks[2].passed
    assert "behaviour" in str(hit.reason) and "representation" in str(hit.reason)


def test_beating_the_old_object_is_part_of_the_first_check() -> None:
    figures = {"beats_old": 0.25, "beats_old_threshold": 0.6}
    check = Check("paraphrases", 0.9, 0.3, "at_least", figures, also=False)
    assert not check.passed
    assert Verdict((check,)).reason == (
        "paraphrases: the target beats the old object on 25% of the prompts, wanted 60%"
    )
    assert Verdict((replace(check, also=True),)).passed


def test_too_few_prompts_and_foreign_edits_are_refused(llama: Model) -> None:
    with pytest.raises(RequestError, match="3 paraphrases and 20 neutral prompts"):
        validate(llama, edit_of(llama, 0.1), PARAPHRASES[:3], NEUTRAL)
    with pytest.raises(Mismatch):
        validate(tiny_model("llama", seed=9), edit_of(llama, 0.1), PARAPHRASES, NEUTRAL, ValidateSettings())
