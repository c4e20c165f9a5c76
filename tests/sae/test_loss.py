"""Gradients by hand against a dense step with plain autograd."""

import pytest
import torch
from torch import Tensor

from assay.sae.loss import batchtopk_step, relu_step
from assay.sae.weights import Weights
from training import directions, one_thread  # noqa: F401 - a fixture

B, D, F, K = 40, 12, 64, 5


def weights(seed: int = 0) -> Weights:
    generator = torch.Generator().manual_seed(seed)
    return Weights(
        torch.randn(F, D, generator=generator),
        directions(F, D, seed),
        torch.randn(F, generator=generator) * 0.1,
        torch.randn(D, generator=generator) * 0.1,
    )


def batch() -> Tensor:
    return torch.randn(B, D, generator=torch.Generator().manual_seed(9))


def slow(w: Weights, x: Tensor, dead: Tensor, aux: float) -> tuple[list[Tensor], Tensor]:
    """The dense step: all codes, a full sort, autograd."""
    leaves = [tensor.clone().requires_grad_() for tensor in w.tensors()]
    enc, dec, b_enc, b_dec = leaves
    pre = x @ enc.T + b_enc
    codes = pre.relu()
    cut = codes.flatten().sort(descending=True).values[K * B - 1]
    codes = torch.where(codes >= cut, codes, 0.0)
    error = codes @ dec + b_dec - x
    loss = error.square().sum(-1).mean()
    if len(dead):
        z = pre[:, dead].relu()
        most = min(D // 2, len(dead))
        z = torch.where(z >= z.sort(descending=True).values[:, most - 1 : most], z, 0.0)
        loss = loss + aux * (z @ dec[dead] + error.detach()).square().sum(-1).mean()
    return list(torch.autograd.grad(loss, leaves)), codes.detach()


@pytest.mark.parametrize("dead", [[], [3, 9, 40], list(range(20, 50))], ids=["none", "few", "more than d/2"])
def test_the_sparse_step_is_the_dense_one(dead: list[int]) -> None:
    w, x, aux = weights(), batch(), 0.3
    seen = batchtopk_step(w, x, K, torch.tensor(dead, dtype=torch.int64), aux=aux, dtype=torch.float32)
    gradients, codes = slow(w, x, torch.tensor(dead, dtype=torch.int64), aux)
    for found, wanted in zip(seen.gradients, gradients, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6)
    assert seen.l0 == K
    assert torch.equal(seen.fired, (codes > 0).any(0))
    assert seen.smallest == pytest.approx(float(codes[codes > 0].min()), rel=1e-6)
    error = codes @ w.dec + w.b_dec - x
    assert seen.error == pytest.approx(float(error.square().sum() / B), rel=1e-5)


def test_a_bfloat16_encoder_is_close() -> None:
    """bfloat16 keeps 8 bits: gradients point the same way to within 1%."""
    w, x = weights(), batch()
    none = torch.zeros(0, dtype=torch.int64)
    exact = batchtopk_step(w, x, K, none, aux=0.0, dtype=torch.float32).gradients
    rough = batchtopk_step(w, x, K, none, aux=0.0, dtype=torch.bfloat16).gradients
    for a, b in zip(exact, rough, strict=True):
        assert torch.cosine_similarity(a.flatten(), b.flatten(), dim=0) > 0.99


def test_the_baselines_step() -> None:
    w, x, l1 = weights(), batch(), 0.7
    seen = relu_step(w, x, l1, dtype=torch.float32)
    leaves = [tensor.double().requires_grad_() for tensor in w.tensors()]
    enc, dec, b_enc, b_dec = leaves
    codes = (x.double() @ enc.T + b_enc).relu()
    loss = (codes @ dec + b_dec - x).square().sum(-1).mean() + l1 * codes.sum(-1).mean()
    for found, wanted in zip(seen.gradients, torch.autograd.grad(loss, leaves), strict=True):
        torch.testing.assert_close(found.double(), wanted, rtol=1e-4, atol=1e-5)
    assert seen.l0 == pytest.approx(float((codes > 0).sum(1).double().mean()))
