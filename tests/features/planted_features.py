"""Made-up features: activations and embeddings whose scores are known beforehand."""

import numpy as np

from assay.features.mui import Ablated
from assay.settings import FeatureSettings

SETTINGS = FeatureSettings(resamples=400)
SEED = 5


def activations(n: int, mean: float, seed: int) -> np.ndarray:
    """Maximum activations per sentence around a mean, spread 1."""
    return np.abs(mean + np.random.default_rng(seed).normal(size=n))


def unit_vectors(n: int, cosine: float, seed: int = 0, width: int = 400) -> np.ndarray:
    """Unit vectors whose pairwise cosine is ``cosine``, to within chance: a shared direction and one's own."""
    rng = np.random.default_rng(seed)
    own = np.linalg.qr(rng.normal(size=(width, n + 1)))[0].T
    return np.sqrt(cosine) * own[0] + np.sqrt(1 - cosine) * own[1:]


def ablated(n: int, ratio: float, seed: int = 0, random_ratio: float = 1e-3) -> Ablated:
    """An ablation at ``n`` positions of as many documents, with about this ratio of KL to entropy."""
    rng = np.random.default_rng(seed)
    entropy = rng.uniform(2, 4, n)
    return Ablated(
        documents=np.arange(n),
        kl=entropy * ratio * rng.uniform(0.8, 1.2, n),
        entropy=entropy,
        nothing_kl=np.full(n, 1e-10),
        random_kl=entropy * random_ratio,
        squared_norm=rng.uniform(1, 9, n),
    )
