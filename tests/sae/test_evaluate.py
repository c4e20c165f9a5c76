"""Held-out figures against the same figures by hand, with the coder hooked into the model."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from test_coder import sae_of
from torch import Tensor

from assay.corpus.sources import hashed
from assay.errors import Mismatch
from assay.models.forward import forward, pack
from assay.models.model import Model
from assay.sae.coder import SAE
from assay.sae.evaluate import HeldOut, evaluate, held_out
from assay.settings import ActivationSettings, SaeSettings
from tiny import TEXT
from training import one_thread  # noqa: F401 - a fixture

SETTINGS = ActivationSettings(context=24, evaluated=100, spliced=60)
CORPUS = hashed("tower", [TEXT])
LAYER = 2


def coder(model: Model, seed: int = 0) -> SAE:
    """A random coder of the model's width with a threshold that some features never reach."""
    generator = torch.Generator().manual_seed(seed)
    d, f = model.d_model, 48
    w = torch.randn(f, d, generator=generator) / d**0.5
    return SAE(
        id="random",
        architecture="jumprelu",
        W_enc=w.T,
        b_enc=torch.linspace(-9, 2, f),
        W_dec=w,
        b_dec=torch.randn(d, generator=generator) * 0.1,
        threshold=torch.full((f,), 0.5),
        layer=LAYER,
    )


def loss_by_hand(model: Model, text: HeldOut, change: Callable[[Tensor], Tensor], tokens: int) -> float:
    """Cross entropy with a hook on the block, the whole model run again for every row."""

    def hook(block: Any, args: Any, output: Any) -> Any:
        hidden = (output[0] if isinstance(output, tuple) else output).clone()
        hidden[0, 1:] = change(hidden[0, 1:])
        return (hidden, *output[1:]) if isinstance(output, tuple) else hidden

    total, count, seen = 0.0, 0, 0
    for row in text.rows:
        if seen >= tokens:
            break
        seen += len(row)
        handle = model.blocks[LAYER].register_forward_hook(hook)
        logits = model.module(torch.tensor([row])).logits[0]
        handle.remove()
        logp = logits.log_softmax(-1)
        total -= sum(float(logp[i, token]) for i, token in enumerate(row[1:]))
        count += len(row) - 1
    return total / count


def test_outlying_tokens_are_counted_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    from tiny import tiny_model

    monkeypatch.setattr(SaeSettings, "outlier", 1.05)
    model = tiny_model("llama")
    sae = coder(model)
    text = held_out(model, CORPUS, LAYER, SETTINGS)
    found = evaluate(model, [sae], text, SETTINGS)[0]
    norms = text.x.norm(dim=1)
    ordinary = norms <= 1.05 * norms.median()
    active = sae.encode(text.x) > 0
    assert found.outliers == int((~ordinary).sum()) > 0
    assert found.l0 == pytest.approx(float(active[ordinary].sum(1).float().mean()))
    assert found.l0_all == pytest.approx(float(active.sum(1).float().mean()))
    share = active[ordinary].float().mean(0)
    assert found.dead == pytest.approx(float((share == 0).float().mean()))
    assert found.dense == pytest.approx(float((share > 0.1).float().mean()))


@pytest.mark.parametrize("family", ["llama", "gpt2", "gemma2"])
def test_by_hand(family: str) -> None:
    from tiny import tiny_model

    model = tiny_model(family)
    sae = coder(model)
    text = held_out(model, CORPUS, LAYER, SETTINGS)
    found = evaluate(model, [sae], text, SETTINGS)[0]

    xs = []
    for row in text.rows:
        batch, _ = pack(model, [row])
        xs.append(forward(model, batch, block_out=(LAYER,)).block_out[LAYER][0, 1:])
    x = torch.cat(xs)
    torch.testing.assert_close(text.x, x, rtol=1e-4, atol=1e-4)
    codes = sae.encode(x)
    active = (codes > 0).sum(1).float()
    assert found.tokens == len(x) == SETTINGS.evaluated
    assert found.l0 == pytest.approx(float(active.mean()))
    assert (found.l0_p5, found.l0_p95) == tuple(
        pytest.approx(float(active.quantile(q))) for q in (0.05, 0.95)
    )
    error = (sae.decode(codes) - x).square().sum()
    assert found.ev_all == pytest.approx(1 - float(error / (x - x.mean(0)).square().sum()), abs=1e-4)
    share = (codes > 0).float().mean(0)
    assert found.dead == pytest.approx(float((share == 0).float().mean())) and found.dead > 0
    assert found.dense == pytest.approx(float((share > 0.1).float().mean())) and found.dense > 0
    assert sum(count for _, count in found.density) == int((share > 0).sum())
    assert all(low <= 0 for low, _ in found.density)

    by_hand = {
        "ce": lambda x: x,
        "ce_spliced": lambda x: sae.decode(sae.encode(x)),
        "ce_zero": torch.zeros_like,
        "ce_mean": lambda x: text.x.mean(0).expand_as(x),
    }
    for name, change in by_hand.items():
        wanted = loss_by_hand(model, text, change, SETTINGS.spliced)
        assert getattr(found, name) == pytest.approx(wanted, abs=1e-4), name
    if found.ce_zero > found.ce:
        share_back = (found.ce_zero - found.ce_spliced) / (found.ce_zero - found.ce)
        assert found.recovered_zero == pytest.approx(share_back)
    else:
        assert found.recovered_zero is None


def test_a_perfect_coder(llama: Model) -> None:
    """Encoder (I, -I) and its transpose as decoder: nothing is lost."""
    eye = torch.eye(llama.d_model)
    w = torch.cat([eye, -eye])
    none = torch.zeros(llama.d_model)
    sae = SAE(id="all", architecture="relu", W_enc=w.T, b_enc=torch.zeros(len(w)), W_dec=w, b_dec=none)
    found = evaluate(llama, [sae], held_out(llama, CORPUS, LAYER, SETTINGS), SETTINGS)[0]
    assert found.ev == pytest.approx(1) and found.ce_spliced == pytest.approx(found.ce, abs=1e-6)
    assert found.l0 == llama.d_model
    assert found.recovered_mean is None or found.recovered_mean == pytest.approx(1, abs=1e-4)


def test_tokens_of_outlying_norm_count_apart(llama: Model) -> None:
    text = held_out(llama, CORPUS, LAYER, SETTINGS)
    x = text.x.clone()
    x[5] *= 1000
    found = evaluate(llama, [coder(llama)], replace(text, x=x), SETTINGS)[0]
    plain = evaluate(llama, [coder(llama)], text, SETTINGS)[0]
    assert found.outliers == 1
    assert found.ev == pytest.approx(plain.ev_all, abs=0.1)
    assert found.ev_all != pytest.approx(found.ev, abs=0.1)


def test_together_as_alone(llama: Model) -> None:
    text = held_out(llama, CORPUS, LAYER, SETTINGS)
    saes = [coder(llama, seed) for seed in (0, 1)]
    assert evaluate(llama, saes, text, SETTINGS) == [evaluate(llama, [s], text, SETTINGS)[0] for s in saes]


def test_the_model_is_as_before(llama: Model) -> None:
    from assay.models.model import weight_hash

    evaluate(llama, [coder(llama)], held_out(llama, CORPUS, LAYER, SETTINGS), SETTINGS)
    assert weight_hash(llama.module) == llama.hash
    assert not any(block._forward_hooks for block in llama.blocks)


def test_another_width_or_layer(llama: Model) -> None:
    text = held_out(llama, CORPUS, LAYER, SETTINGS)
    with pytest.raises(Mismatch, match="width"):
        evaluate(llama, [sae_of()], text, SETTINGS)
    with pytest.raises(Mismatch, match="trained after block 1"):
        evaluate(llama, [replace(coder(llama), layer=1)], text, SETTINGS)
