"""MUI, the Model Utilisation Index: does the model use the feature?

Wherever the feature fires, its contribution is taken out of the residual stream at that token alone (what
the SAE does not explain stays in) and the next-token distribution there is compared with the clean one. The
ratio of mean KL to mean entropy, times a gain, is the score. The gain is the reference text's own: its worked
example divides 0.1752 by 2.3104, which is 0.0758, and shows 76%.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from assay.errors import InputError
from assay.events import Emit, ignore
from assay.features.firing import Firing
from assay.features.packed import Queries, ablate
from assay.features.resample import counts, interval
from assay.models.model import Model
from assay.score import Interval, Score, unscored
from assay.settings import FeatureSettings

ID = "mui"
CONTROLS = 256
"""Different random directions; a position's own is among them."""


@dataclass(frozen=True)
class Ablated:
    """What taking one feature out did at each measured position, with the controls of the same batch."""

    documents: Int[np.ndarray, " n"]
    """The document each position is in."""
    kl: Float[np.ndarray, " n"]
    """KL(clean || ablated), nats."""
    entropy: Float[np.ndarray, " n"]
    """Entropy of the clean distribution, nats."""
    nothing_kl: Float[np.ndarray, " n"]
    """KL when nothing is subtracted at one position of the same row: the numerical floor, nats."""
    random_kl: Float[np.ndarray, " n"]
    """KL when a random vector of the same length is subtracted, nats."""
    squared_norm: Float[np.ndarray, " n"]
    """Squared length of what was subtracted, in the model's own scale."""


def ablate_features(
    model: Model,
    layer: int,
    rows: Sequence[Sequence[int]],
    firings: Sequence[Firing],
    directions: Float[Tensor, "features d_model"],
    seed: int,
    emit: Emit = ignore,
    documents: Int[np.ndarray, " rows"] | None = None,
    numbers: Int[np.ndarray, " rows"] | None = None,
) -> list[Ablated]:
    """Ablate many features at once, each at its own positions, ``activation * direction`` at a time.

    ``rows`` are token ids, start token included; the residual stream is the one after block ``layer``;
    ``directions`` are decoder rows in the model's own scale; ``documents`` says which document each row is of
    (without it, every row is one), ``numbers`` which row of the whole text each one is (without it, its place
    here). The random directions depend on the seed, that number and the position alone, so that a feature gets
    the same controls whichever features it is measured with.
    Features that share rows share their clean pass; two vectors of d_model are held for every position, so
    hand over a large SAE in portions. Raises what ``ablate`` raises, and InputError where the numbers of
    features differ.
    """
    if len(firings) != len(directions):
        raise InputError(
            f"{len(directions)} directions for {len(firings)} features",
            "one direction a feature",
            "pass the decoder rows of the same features, in the same order",
        )
    sizes = [len(f.rows) for f in firings]
    at = np.concatenate([np.zeros((2, 0), np.int64), *(np.stack([f.rows, f.positions]) for f in firings)], 1)
    where = torch.from_numpy(at)
    values = torch.cat(
        [torch.from_numpy(f.activations).to(directions) for f in firings] or [directions[:0, 0]]
    )
    owner = torch.repeat_interleave(torch.arange(len(firings)), torch.tensor(sizes, dtype=torch.int64))
    deltas = values[:, None] * directions[owner.to(directions.device)]
    lengths = deltas.norm(dim=1, keepdim=True)
    noise = _units(CONTROLS, model.d_model, seed).to(deltas)
    row = where[0] if numbers is None else torch.from_numpy(numbers.astype(np.int64))[where[0]]
    number = ((row * 131 + where[1]) % CONTROLS).to(deltas.device)
    # One place of a row is enough to see how far rounding alone moves its numbers.
    _, first, inverse = np.unique(at[0], return_index=True, return_inverse=True)
    every = torch.cat([where, where, where[:, torch.from_numpy(first)]], 1)
    nothing = deltas.new_zeros(len(first), deltas.shape[1])
    queries = Queries(every[0], every[1], torch.cat([deltas, lengths * noise[number], nothing]))
    found = ablate(model, layer, rows, queries, emit)
    n = len(values)
    columns = (
        where[0] if documents is None else torch.from_numpy(documents.astype(np.int64))[where[0]],
        found.kl[:n],
        found.entropy[:n],
        found.kl[2 * n :][torch.from_numpy(inverse)],
        found.kl[n : 2 * n],
        lengths[:, 0].float().cpu() ** 2,
    )
    parts = zip(*(column.split(sizes) for column in columns), strict=True)
    return [Ablated(part[0].numpy(), *(p.double().numpy() for p in part[1:])) for part in parts]


def joined(parts: Sequence[Ablated]) -> Ablated:
    """One feature's positions that were measured in several calls, in the order of the calls."""
    names = [field.name for field in fields(Ablated)]
    return Ablated(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def mui_score(ablated: Ablated, settings: FeatureSettings, seed: int, n_firing: int | None = None) -> Score:
    """The score of one feature; ``raw`` is the plain ratio sum KL / sum entropy over the positions.

    The sums come first because the ratio at a single position explodes where the model is certain. The interval
    resamples documents, whose positions are not independent; positions where there is one document only.
    ``n_firing`` is how many positions the measured ones were drawn from.

    Figures: ``ratio``; ``mean_kl`` and ``median_kl``, ``mean_entropy``, nats; ``nothing_kl``, the largest of
    the no-op rows; ``random_ratio``, the ratio of random vectors as long, and ``over_random``, how many times
    that the feature's is; ``kl_per_norm``, nats per squared unit subtracted; ``n_firing``; ``gain``.
    """
    good = np.isfinite(ablated.kl) & np.isfinite(ablated.entropy)
    kl, entropy = ablated.kl[good], ablated.entropy[good]
    lost = len(good) - len(kl)
    if not len(kl):
        reason = (
            f"the model gives no finite distribution at any of {lost} positions"
            if lost
            else "the feature never fires"
        )
        return unscored(ID, reason, settings.mui_threshold, lost)
    total = float(entropy.sum())
    if total <= 0:
        return unscored(
            ID, "the model is certain wherever the feature fires", settings.mui_threshold, len(good)
        )
    ratio = float(kl.sum()) / total
    random_ratio = float(ablated.random_kl[good].sum()) / total
    norm = float(ablated.squared_norm[good].sum())
    figures: dict[str, float | None] = {
        "ratio": ratio,
        "mean_kl": float(kl.mean()),
        "median_kl": float(np.median(kl)),
        "mean_entropy": float(entropy.mean()),
        "nothing_kl": float(ablated.nothing_kl[good].max()),
        "random_ratio": random_ratio,
        "over_random": ratio / random_ratio if random_ratio > 0 else None,
        "kl_per_norm": float(kl.sum()) / norm if norm > 0 else None,
        "n_firing": float(len(good) if n_firing is None else n_firing),
        "gain": settings.gain,
    }
    span = _interval(kl, entropy, ablated.documents[good], settings.resamples, seed)
    return Score(
        id=ID,
        value=shown(ratio, settings.gain),
        raw=ratio,
        interval=span and (shown(span[0], settings.gain), shown(span[1], settings.gain)),
        n=len(kl),
        n_unscored=lost,
        threshold=settings.mui_threshold,
        figures=figures,
    )


def shown(ratio: float, gain: float) -> float:
    """The displayed score, clip(gain * ratio, 0, 1)."""
    return min(max(gain * ratio, 0.0), 1.0)


def percentile(ratio: float, ratios: Float[np.ndarray, " features"]) -> float:
    """Percent of the live features' plain ratios that lie below this one, equal ones counted half."""
    return float(100 * ((ratios < ratio).mean() + (ratios == ratio).mean() / 2))


def _units(n: int, width: int, seed: int) -> Float[Tensor, "n d_model"]:
    """Random directions, uniform on the sphere."""
    drawn = torch.randn(n, width, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(drawn, dim=1)


def _interval(
    kl: Float[np.ndarray, " n"],
    entropy: Float[np.ndarray, " n"],
    documents: Int[np.ndarray, " n"],
    resamples: int,
    seed: int,
) -> Interval | None:
    names, owner = np.unique(documents, return_inverse=True)
    if len(names) > 1:
        kl, entropy = (np.bincount(owner, weights=values) for values in (kl, entropy))
    if len(kl) < 2:
        return None
    weights = counts(len(kl), resamples, seed)
    below = weights @ entropy
    return interval(np.divide(weights @ kl, below, out=np.full(resamples, np.nan), where=below > 0))
