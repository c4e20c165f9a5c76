"""Where a feature counts as firing, and which of those positions are looked at."""

from typing import Any

import numpy as np
from jaxtyping import Bool, Float
from numpy.typing import NDArray

from assay.sae.index.records import Firing
from assay.settings import FeatureSettings

__all__ = ["Firing", "fires", "spread_out"]


def fires(
    activations: Float[np.ndarray, "*shape"], settings: FeatureSettings, top: float | None = None
) -> Bool[np.ndarray, "*shape"]:
    """Whether a feature fires: above a share (a setting) of ``top``, its largest activation known.

    Activations have no unit that two features share, so the threshold is relative. Without ``top`` the
    largest value given stands for it. Silence (0 or NaN) never counts.
    """
    finite = activations[np.isfinite(activations)]
    most = top if top is not None else float(finite.max()) if finite.size else 0.0
    loud: NDArray[Any] = activations > max(0.0, settings.firing * most)
    return loud


def spread_out(firing: Firing, settings: FeatureSettings, seed: int) -> Firing:
    """At most ``positions`` (a setting) of the positions, drawn evenly over the activation: in its order they
    are cut into so many strata of equal size, and one is drawn from each.

    Every position is about as likely as any other, so that means over the drawn ones estimate means over all;
    the top alone would flatter the feature, and a plain draw might miss its few strong positions.
    """
    if len(firing.rows) <= settings.positions:
        return firing
    # Ties are broken by place, so that the order of the input does not matter.
    order = np.lexsort((firing.positions, firing.rows, firing.activations))
    rng = np.random.default_rng(seed)
    chosen = np.array(
        [stratum[rng.integers(len(stratum))] for stratum in np.array_split(order, settings.positions)]
    )
    return Firing(firing.rows[chosen], firing.positions[chosen], firing.activations[chosen])
