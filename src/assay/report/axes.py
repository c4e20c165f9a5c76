"""An axis: numbers to places from 0 to 1, plain or logarithmic, with bins and ticks."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from assay.settings import FeatureSettings

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Axis:
    """From ``low`` to ``high``; what lies beyond is at the end."""

    title: str
    low: float
    high: float
    ticks: tuple[float, ...]
    log: bool = False

    def at(self, values: Any) -> Any:
        """Places in [0, 1], of an array or of one number."""
        with np.errstate(divide="ignore"):
            scaled, low, high = (
                np.log10(np.maximum(x, 0.0)) if self.log else np.asarray(x, np.float64)
                for x in (values, self.low, self.high)
            )
        return np.clip((scaled - low) / (high - low), 0.0, 1.0)

    def bins(self, values: Floats, n: int) -> NDArray[np.int64]:
        """The bin of each value, of ``n`` equally wide ones."""
        # The small number keeps a value that is a bin's own edge in it, whatever the division rounds to.
        places: Floats = self.at(values)
        return np.minimum((places * n + 1e-9).astype(np.int64), n - 1)

    def edge(self, bin: int, n: int) -> float:
        """The lower end of a bin."""
        share = bin / n
        if self.log:
            return float(self.low * (self.high / self.low) ** share)
        return self.low + (self.high - self.low) * share

    def names(self) -> Iterator[tuple[float, str]]:
        """Places of the ticks and what is written there; both ends say that they hold what lies beyond."""
        for tick in self.ticks:
            yield float(self.at(tick)), f"{tick:g}".replace("-", "−") if not self.log else _power(tick)


def interp_axis() -> Axis:
    """Cohen's d, of which InterpScore is the part from 0 to 1: clipped, most good labels would be one point."""
    return Axis("Cohen's d; InterpScore is d between 0 and 1", -1.0, 4.0, (-1, 0, 1, 2, 3, 4))


def purity_axis(source: str) -> Axis:
    """FeaturePurityScore of one source of sentences; sentences with nothing in common are near 0.5."""
    return Axis(
        f"mean cosine of {source}, as (1 + cosine) / 2", 0.4, 1.0, (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
    )


def mui_axis(settings: FeatureSettings) -> Axis:
    """The plain ratio behind MUI."""
    title = f"KL / entropy; MUI is {settings.gain:g} times it, at most 1"
    return Axis(title, 1e-5, 1.0, (1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0), log=True)


def times_axis() -> Axis:
    """How many times the KL of a random direction of the same length."""
    return Axis(
        "KL over that of a random direction as long", 0.125, 8.0, (0.125, 0.25, 0.5, 1, 2, 4, 8), log=True
    )


def _power(value: float) -> str:
    return f"{value:g}" if value >= 1e-3 else f"{value:.0e}".replace("e-0", "e−")
