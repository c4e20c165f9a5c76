"""A control: the SAE with random weights that fires as often as a given one, to see what scores are worth.

Scores of features look good on random weights too often for their absolute size to be evidence (Heap et al. 2025,
"Sparse autoencoders can interpret randomly initialized transformers"); what counts is the distance from this.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from assay.corpus.sources import corpora
from assay.corpus.split import split
from assay.events import Emit, ignore, stage
from assay.models.model import Model
from assay.sae.coder import SAE
from assay.sae.exam import CORPORA
from assay.sae.formats.convert import check_free
from assay.sae.formats.save import save_sae
from assay.sae.formats.table import load_sae
from assay.sae.host import layer_read, model_read, open_host
from assay.sae.residual import residual
from assay.sae.rows import rows_of
from assay.sae.shipped import open_sae
from assay.settings import ActivationSettings

TOKENS = 16_384
"""Of held-out text, by which the thresholds are set."""


def make_control(
    name: str | Path,
    folder: Path,
    cache: Path,
    *,
    texts: Sequence[str] = (),
    seed: int = 0,
    emit: Emit = ignore,
) -> SAE:
    """The control of an alias or a folder, saved in ``folder`` in SAELens' format, its matrices in float16.

    Raises StoreError where ``folder`` holds an SAE already, InputError where the given one does not say which model
    it reads.
    """
    sae = open_sae(name)
    check_free(folder)
    model = open_host(model_read(sae), cache, emit, torch.float32)
    settings = ActivationSettings()
    text = split(corpora(texts or CORPORA), settings.held_out).held_out
    rows = [
        row[0 if model.start is None else 1 :]
        for row in rows_of(model, text, sae.context or settings.context, TOKENS)
    ]
    x = _vectors(model, layer_read(model, sae), rows, emit)
    made = replace(random_like(sae, x, seed), layer=layer_read(model, sae))
    return load_sae(save_sae(made, folder, torch.float16))


@torch.no_grad()
def random_like(sae: SAE, x: Float[Tensor, "n d_in"], seed: int) -> SAE:
    """Random directions of the given SAE's lengths, the encoder unit vectors along them, b_dec the mean of ``x``.

    Each feature fires on as many of the vectors ``x`` as its namesake does, once at least: by its threshold, or by
    its bias where that would be below 0, since no activation is.
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.nn.functional.normalize(torch.randn(sae.d_sae, sae.d_in, generator=generator), dim=1)
    drawn = drawn.half().float()  # as a file of float16 has them, so that the counts hold of it too
    mean = x.mean(0)
    counts = torch.zeros(sae.d_sae, dtype=torch.int64)
    for at in range(0, len(x), 2048):
        counts += (sae.encode(x[at : at + 2048]) > 0).sum(0).cpu()
    kept = counts.clamp_min(1)
    cut = torch.empty(sae.d_sae)
    for at in range(0, sae.d_sae, 1024):
        ranked = ((x - mean) @ drawn[at : at + 1024].T).sort(0, descending=True).values
        ranked = torch.cat(
            [ranked, ranked[-1:] - 1]
        )  # below the last one lies the cut of a feature that always fires
        last = kept[None, at : at + 1024]
        # Halfway between the last one that fires and the first that does not: rounding moves neither across.
        cut[at : at + 1024] = (ranked.gather(0, last - 1) + ranked.gather(0, last))[0] / 2
    return SAE(
        id=f"{sae.id}, random weights",
        architecture="jumprelu",
        W_enc=drawn.T,
        b_enc=(-cut).clamp_min(0),
        W_dec=drawn * sae.W_dec.norm(dim=1, keepdim=True) / sae.scale,
        b_dec=mean,
        threshold=cut.clamp_min(0),
        model_id=sae.model_id,
        layer=sae.layer,
        hook=sae.hook,
        start_token=sae.start_token,
        context=sae.context,
        metadata={"control_of": sae.hash, "seed": seed},
    )


def _vectors(model: Model, layer: int, rows: list[list[int]], emit: Emit) -> Tensor:
    parts = []
    with stage(emit, "activations", f"activations of layer {layer}", len(rows)) as tick:
        for at in range(0, len(rows), 16):
            parts.append(residual(model, layer, rows[at : at + 16]).cpu())
            tick(min(at + 16, len(rows)))
    return torch.cat(parts)
