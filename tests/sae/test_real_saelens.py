"""The real sae-lens opens our folders and computes the same (extra ``saelens``; skipped without it)."""

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from foreign import D_IN, Draw
from foreign_saelens import MAKERS, saelens_batchtopk
from test_coder import sae_of

from assay.sae.coder import Architecture
from assay.sae.formats.save import save_sae
from assay.sae.formats.table import load_sae
from assay.sae.shipped import sae_folder

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # those of what it imports are not ours
    sae_lens = pytest.importorskip(
        "sae_lens",
        reason="sae-lens is not installed: pip install 'assay[saelens]'",
        exc_type=ImportError,
    )

TOLERANCE = 1e-5
"""Both compute in float32, in the same order but for the fold of a scale."""


def theirs(folder: Path) -> "sae_lens.SAE":
    with warnings.catch_warnings():
        # It says how to load the model; what such a model shows is ``Foreign.shown``.
        warnings.filterwarnings("ignore", r"\s*This SAE has non-empty model_from_pretrained_kwargs")
        return sae_lens.SAE.load_from_disk(str(folder))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
@pytest.mark.parametrize("scale", [1.0, 2.5])
@pytest.mark.parametrize("subtract", [True, False])
@pytest.mark.parametrize("architecture", ["relu", "topk", "jumprelu"])
def test_it_reads_what_we_write(
    tmp_path: Path, architecture: Architecture, subtract: bool, scale: float, dtype: torch.dtype
) -> None:
    ours = sae_of(
        architecture, subtract_b_dec=subtract, scale=scale, layer=3, model_id="gpt2", start_token=False
    )
    folder = save_sae(ours, tmp_path, dtype)
    other, stored, x = theirs(folder), load_sae(folder), Draw(1)(200, D_IN)
    with torch.no_grad():
        codes = other.encode(x)
        assert (codes - stored.encode(x)).abs().max() < TOLERANCE
        assert (other.decode(codes) - stored.decode(stored.encode(x))).abs().max() < TOLERANCE * 10
    assert other.cfg.metadata.hook_name == "blocks.3.hook_resid_post"
    assert (other.cfg.metadata.model_name, other.cfg.metadata.prepend_bos) == ("gpt2", False)


@pytest.mark.parametrize("maker", [maker for maker in MAKERS if maker is not saelens_batchtopk])
def test_we_read_what_it_reads(tmp_path: Path, maker: Any) -> None:
    """All but the training checkpoint, which it opens as a TrainingSAE only."""
    foreign = maker(tmp_path, Draw())
    ours, other, x = load_sae(foreign.folder), theirs(foreign.folder), Draw(1)(200, D_IN)
    with torch.no_grad():
        codes = other.encode(foreign.shown(x))
        assert (codes - ours.encode(x)).abs().max() < TOLERANCE
        assert (other.decode(codes) - ours.decode(ours.encode(x))).abs().max() < TOLERANCE * 10


def test_it_saves_what_we_read(tmp_path: Path) -> None:
    ours = sae_of("jumprelu", layer=3)
    theirs(save_sae(ours, tmp_path / "ours")).save_model(tmp_path / "theirs")
    assert load_sae(tmp_path / "theirs").hash == ours.hash


def test_it_opens_the_autoencoder_of_this_package() -> None:
    folder = sae_folder("smollm2")
    ours, other = load_sae(folder), theirs(folder)
    x = Draw(1)(64, ours.d_in) * 20  # about as long as activations there are
    with torch.no_grad():
        codes, expected = other.encode(x), ours.encode(x)
        assert (expected > 0).sum() > 64
        assert (codes - expected).abs().max() < TOLERANCE * expected.abs().max()
        decoded = ours.decode(expected)
        assert (other.decode(codes) - decoded).abs().max() < TOLERANCE * decoded.abs().max()
    assert other.cfg.metadata.hook_name == "blocks.15.hook_resid_post"
