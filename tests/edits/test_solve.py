"""What the updates promise, in numbers: values met, rank one, least change, order of a batch irrelevant."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.edits.delta import Edit, Update
from assay.edits.key_value import KeyValue
from assay.edits.moments import Moments
from assay.edits.solve import joint, output, rank_one
from assay.errors import ModelError
from assay.models.model import Model
from tiny import tiny_model

LAYER = 2
TOLERANCE = 1e-5


def moments_for(model: Model, seed: int = 0, scale: float = 1.0) -> Moments:
    keys = torch.randn(500, model.d_mlp, generator=torch.Generator().manual_seed(seed))
    keys *= torch.linspace(0.1, 3, model.d_mlp)
    c = keys.T @ keys / len(keys) * scale
    return Moments({LAYER: c}, len(keys), "random", "0" * 64, model.hash, {LAYER: 0.1})


def fact(model: Model, seed: int) -> KeyValue:
    generator = torch.Generator().manual_seed(seed)
    k = torch.randn(2, model.d_mlp, generator=generator)
    v = torch.randn(2, model.d_model, generator=generator)
    return KeyValue(LAYER, k[0], k[0] + 0.3 * k[1], v[0], v[1], (1.0,), (0.1,))


def put(model: Model, update: Update, key: torch.Tensor) -> torch.Tensor:
    """W' k + b as the edited module computes it in float32."""
    edit = Edit((), "rome", "r-rome", (update,), model.id, model.hash, 0)
    with edit.applied(model):
        result: torch.Tensor = model.down(LAYER)(key[None])[0]
    return result


@pytest.mark.parametrize(("variant", "key"), [("r-rome", "k_mean"), ("rome", "k_bare")])
def test_rank_one_meets_its_value_at_its_key(any_model: Model, variant: str, key: str) -> None:
    kv = fact(any_model, 3)
    update = rank_one(any_model, kv, moments_for(any_model), variant)
    got = put(any_model, update, getattr(kv, key))
    assert float((got - kv.v).norm() / kv.v.norm()) < TOLERANCE
    assert torch.linalg.matrix_rank(update.dense()) == 1


def test_variants_agree_without_contexts(any_model: Model) -> None:
    kv = fact(any_model, 1)
    kv = KeyValue(LAYER, kv.k_mean, kv.k_mean, kv.v_start, kv.v, kv.loss, kv.p_target)
    moments = moments_for(any_model)
    assert torch.allclose(
        rank_one(any_model, kv, moments, "rome").dense(), rank_one(any_model, kv, moments, "r-rome").dense()
    )


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 50), st.sampled_from(["llama", "gpt2", "pythia"]))
def test_no_rank_one_change_that_meets_the_value_disturbs_the_corpus_less(seed: int, name: str) -> None:
    """ROME's closed form minimises tr(D C D^T) subject to D k = r; any other feasible D costs more."""
    model = tiny_model(name)
    kv, moments = fact(model, seed), moments_for(model)
    best = rank_one(model, kv, moments, ridge=1e-9).dense()
    k, c = kv.k_mean.double(), moments.c[LAYER].double()
    other = torch.randn(best.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    feasible = best + other - torch.outer(other @ k, k) / (k @ k)
    cost = lambda d: float((d @ c * d).sum())  # noqa: E731
    assert cost(best) < cost(feasible)


def test_joint_solve_meets_all_values_and_equals_rome_for_one(any_model: Model) -> None:
    facts, moments = [fact(any_model, s) for s in range(4)], moments_for(any_model)
    update = joint(any_model, facts, moments)
    for kv in facts:
        assert float((put(any_model, update, kv.k_mean) - kv.v).norm() / kv.v.norm()) < TOLERANCE
    assert torch.linalg.matrix_rank(update.dense()) == 4
    one = joint(any_model, facts[:1], moments).dense()
    assert torch.allclose(one, rank_one(any_model, facts[0], moments).dense(), rtol=1e-9, atol=1e-12)


def test_joint_solve_is_memits_formula_and_ignores_order(llama: Model) -> None:
    facts, moments, weight = [fact(llama, s) for s in range(3)], moments_for(llama), 0.7
    keys = torch.stack([kv.k_mean.double() for kv in facts], 1)
    wanted = torch.stack([kv.v.double() for kv in facts], 1) - output(llama, LAYER, keys)
    c = moments.c[LAYER].double()
    c = c + 1e-3 * c.diagonal().mean() * torch.eye(len(c), dtype=torch.float64)
    book = wanted @ keys.T @ torch.linalg.inv(weight * c + keys @ keys.T)
    assert torch.allclose(joint(llama, facts, moments, weight).dense(), book, rtol=1e-6, atol=1e-9)
    assert torch.allclose(joint(llama, facts[::-1], moments, weight).dense(), book, rtol=1e-6, atol=1e-9)


def test_the_scale_of_c_does_not_matter_to_rome(llama: Model) -> None:
    kv = fact(llama, 0)
    a, b = (rank_one(llama, kv, moments_for(llama, scale=s)).dense() for s in (1.0, 1000.0))
    assert torch.allclose(a, b, rtol=1e-4, atol=1e-7)


def test_facts_of_two_layers_are_refused(llama: Model) -> None:
    kv = fact(llama, 0)
    other = KeyValue(1, kv.k_mean, kv.k_bare, kv.v_start, kv.v, kv.loss, kv.p_target)
    with pytest.raises(ModelError, match=r"facts at layers \[1, 2\]"):
        joint(llama, [kv, other], moments_for(llama))
