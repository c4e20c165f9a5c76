"""What follows from the number of steps: the learning rate, k, the penalty of the baseline, and who counts as dead."""

from math import sqrt

from assay.settings import SaeSettings

WIDTH = 16_384
"""Features at which ``SaeSettings.lr`` holds."""


def learning_rate(step: int, steps: int, settings: SaeSettings) -> float:
    """Up from 0 over the warm-up, level, and down towards 0 over the decay."""
    rise = (step + 1) / max(1.0, settings.warm_up * steps)
    fall = (steps - step) / max(1.0, settings.decay * steps)
    return settings.lr * sqrt(WIDTH / settings.features) * min(1.0, rise, fall)


def annealed(step: int, steps: int, settings: SaeSettings) -> float:
    """How far k has come, from 0 at the first step to 1."""
    return min(1.0, step / max(1.0, settings.anneal * steps))


def active(step: int, steps: int, settings: SaeSettings) -> int:
    """Features per token at this step: many at first, so that each gets something to learn from."""
    done = annealed(step, steps, settings)
    k = settings.k * (settings.anneal_from + (1 - settings.anneal_from) * done)
    return min(round(k), settings.features)


def dead_window(steps: int, settings: SaeSettings) -> int:
    """Tokens without firing after which a feature counts as dead: fitted to how many will be learnt from."""
    return min(settings.dead_window, round(settings.dead_share * steps * settings.batch))
