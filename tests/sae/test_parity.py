"""Every format gives what its library's formula gives, on random weights with d_in != d_sae and real biases."""

from pathlib import Path

import foreign_libraries
import foreign_saelens
import pytest
import torch
from foreign import D_IN, D_SAE, Draw, Foreign, K

from assay.sae.coder import SAE
from assay.sae.formats.places import layer_of
from assay.sae.formats.save import save_sae
from assay.sae.formats.table import load_sae

FOREIGN = (*foreign_saelens.MAKERS, *foreign_libraries.MAKERS)
"""One for every format and class of coder that can be read."""

TOLERANCE = 2e-5
"""Largest absolute difference of numbers up to about 30: float32 against float64."""

ROWS = 200


@pytest.fixture(params=FOREIGN, ids=lambda maker: maker.__name__)
def foreign(request: pytest.FixtureRequest, tmp_path: Path) -> Foreign:
    return request.param(tmp_path, Draw())


def inputs(foreign: Foreign) -> torch.Tensor:
    # Llama Scope scales its inputs down about elevenfold: these give every format activations of order 1.
    return Draw(1)(ROWS, D_IN, spread=12.0 if foreign.folder.name.startswith("L3R") else 1.0)


def check(sae: SAE, foreign: Foreign) -> None:
    x = inputs(foreign)
    want = foreign.encode(x.double())
    codes = sae.encode(x)
    assert codes.shape == (ROWS, D_SAE) and codes.dtype == torch.float32
    assert 0.02 < (want > 0).double().mean() < 0.98  # the comparison is about something
    assert torch.equal(codes > 0, want > 0)
    assert (codes - want).abs().max() < TOLERANCE
    assert (sae.decode(codes) - foreign.decode(want)).abs().max() < TOLERANCE * foreign.decode(
        want
    ).abs().max()


def test_formula(foreign: Foreign) -> None:
    check(load_sae(foreign.folder), foreign)


def test_origin(foreign: Foreign) -> None:
    sae = load_sae(str(foreign.folder))
    assert (sae.layer, sae.model_id, sae.id) == (foreign.layer, foreign.model_id, str(foreign.folder))


def test_round_trip(foreign: Foreign, tmp_path: Path) -> None:
    first = load_sae(foreign.folder)
    second = load_sae(save_sae(first, tmp_path / "saved"))
    if first.scale == 1:
        assert second.hash == first.hash
        check(second, foreign)
    else:  # folded: the same function, other numbers
        x = inputs(foreign)
        assert (second.encode(x) - first.encode(x)).abs().max() < TOLERANCE
        assert torch.allclose(
            second.decode(second.encode(x)), first.decode(first.encode(x)), atol=TOLERANCE * 20
        )
    assert (second.layer, second.model_id) == (first.layer, first.model_id)
    assert (second.start_token, second.context) == (first.start_token, first.context)


def test_the_batch_form_of_batchtopk_is_not_used(tmp_path: Path) -> None:
    saes = {maker.__name__: load_sae(maker(tmp_path / maker.__name__, Draw()).folder) for maker in FOREIGN}
    assert {saes[name].architecture for name in ("saelens_batchtopk", "dl_batchtopk", "dl_matryoshka")} == {
        "jumprelu"
    }
    assert saes["dl_topk"].k == saes["sparsify"].k == K


@pytest.mark.parametrize(
    ("hook", "layer"),
    [
        ("blocks.8.hook_resid_post", 8),
        ("blocks.8.hook_resid_pre", 7),
        ("blocks.0.hook_resid_pre", None),
        ("model.layers.8", 8),
        ("layers.8", 8),
        ("transformer.h.8", 8),
        ("gpt_neox.layers.8", 8),
        ("model.layers.8.output", 8),
        ("layers.8.mlp", None),
        ("blocks.8.hook_mlp_out", None),
        ("blocks.8.attn.hook_z", None),
        (None, None),
    ],
)
def test_where_a_hook_reads(hook: str | None, layer: int | None) -> None:
    assert layer_of(hook) == layer
