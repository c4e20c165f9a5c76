"""A control: an SAE of random directions that fires as often and writes as much as a given one.

Scores of features look good on random weights too often for their absolute size to be evidence (Heap et al. 2025,
"Sparse autoencoders can interpret randomly initialized transformers"); what counts is the distance from this.

A few directions of the residual stream hold most of its variance. What a random direction sees is mostly those, so
that thousands of random features are nearly the same few, each with a meaning. Unless asked otherwise, directions are
therefore drawn in the whitened stream, where none is larger than another.
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
from assay.sae.residual import ordinary_tokens, residual
from assay.sae.rows import rows_of
from assay.sae.shipped import open_sae
from assay.settings import ActivationSettings

TOKENS = 16_384
"""Of held-out text, by which the thresholds are set."""
LEAST = 1e-6
"""Variance along an axis, as a share of the largest, that whitening counts at least."""


def make_control(
    name: str | Path,
    folder: Path,
    cache: Path,
    *,
    texts: Sequence[str] = (),
    seed: int = 0,
    whitened: bool = True,
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
    x = x[ordinary_tokens(x)]  # attention sinks have no codes
    made = replace(random_like(sae, x, seed, whitened), layer=layer_read(model, sae))
    return load_sae(save_sae(made, folder, torch.float16))


@torch.no_grad()
def random_like(sae: SAE, x: Float[Tensor, "n d_in"], seed: int, whitened: bool = True) -> SAE:
    """Random directions that fire as often on ``x`` as the given SAE's features do, and write as much there.

    The encoder is unit vectors, b_dec the mean of ``x``. ``whitened``: directions uniform in the whitened ``x``; a
    decoder row is then what goes with its encoder's reading in ``x``, the covariance times it. Otherwise the two are
    the same, uniform in ``x`` as it is.

    Each feature fires on as many of the vectors as its namesake, once at least: by its threshold, or by its bias where
    that would be below 0, since no activation is. The mean length of what it writes where it fires is its namesake's,
    or, of one that never fires, the median of all.
    """
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(sae.d_sae, sae.d_in, generator=generator)
    mean = x.mean(0)
    encoder, decoder = _directions(drawn, x - mean, whitened)
    counts, written = _use(sae, x)
    kept = counts.clamp_min(1)
    cut, strength = torch.empty(sae.d_sae), torch.empty(sae.d_sae)
    for at in range(0, sae.d_sae, 1024):
        ranked = ((x - mean) @ encoder[at : at + 1024].T).sort(0, descending=True).values
        last = kept[None, at : at + 1024]
        strength[at : at + 1024] = ranked.cumsum(0).gather(0, last - 1)[0] / kept[at : at + 1024]
        # Below the last one lies the cut of a feature that always fires.
        ranked = torch.cat([ranked, ranked[-1:] - 1])
        # Halfway between the last one that fires and the first that does not: rounding moves neither across.
        cut[at : at + 1024] = (ranked.gather(0, last - 1) + ranked.gather(0, last))[0] / 2
    bias = (-cut).clamp_min(0)
    return SAE(
        id=f"{sae.id}, random weights",
        architecture="jumprelu",
        W_enc=encoder.T,
        b_enc=bias,
        W_dec=decoder * (written / (strength + bias))[:, None],
        b_dec=mean,
        threshold=cut.clamp_min(0),
        model_id=sae.model_id,
        layer=sae.layer,
        hook=sae.hook,
        start_token=sae.start_token,
        context=sae.context,
        metadata={"control_of": sae.hash, "seed": seed, "whitened": whitened},
    )


def _directions(drawn: Tensor, x: Tensor, whitened: bool) -> tuple[Tensor, Tensor]:
    """Encoder and decoder rows, of unit length; the encoder as a file of float16 has it, so that counts hold of it."""
    if not whitened:
        encoder = torch.nn.functional.normalize(drawn, dim=1).half().float()
        return encoder, torch.nn.functional.normalize(encoder, dim=1)
    spread, axes = torch.linalg.eigh((x.double().T @ x.double() / len(x)).cpu())
    root = spread.clamp_min(float(spread.max()) * LEAST).sqrt()
    rows = ((drawn.double() / root) @ axes.T, (drawn.double() * root) @ axes.T)
    encoder, decoder = (torch.nn.functional.normalize(part, dim=1).float() for part in rows)
    return encoder.half().float(), decoder


def _use(sae: SAE, x: Tensor) -> tuple[Tensor, Tensor]:
    """Of each feature: on how many of the vectors it fires, and the mean length of what it writes there."""
    counts, total = torch.zeros(sae.d_sae, dtype=torch.int64), torch.zeros(sae.d_sae)
    for at in range(0, len(x), 2048):
        codes = sae.encode(x[at : at + 2048])
        counts += (codes > 0).sum(0).cpu()
        total += codes.sum(0).cpu()
    lengths = sae.contribution(torch.arange(sae.d_sae), torch.ones(sae.d_sae)).norm(dim=1).cpu()
    written = total / counts.clamp_min(1) * lengths
    fired = counts > 0
    return counts, torch.where(fired, written, written[fired].median() if fired.any() else written)


def _vectors(model: Model, layer: int, rows: list[list[int]], emit: Emit) -> Tensor:
    parts = []
    with stage(emit, "activations", f"activations of layer {layer}", len(rows)) as tick:
        for at in range(0, len(rows), 16):
            parts.append(residual(model, layer, rows[at : at + 16]).cpu())
            tick(min(at + 16, len(rows)))
    return torch.cat(parts)
