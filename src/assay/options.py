"""What a user chooses for one run of the main job."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """What a user chooses for one run."""

    model: str = "smollm2"
    layer: int | None = None
    """None: the model's own swept layer first, then the trace's ranking."""
    method: str = "rome"
    variant: str = "r-rome"
    generator: str = "catalogue"
    corpus: str = "factbook"
    bench: bool = True
    only: tuple[str, ...] | None = None
    seed: int = 0
    trace: bool = True
    sae: str | None = None
    """A folder or an alias; None: the one that comes with the model, if any; ``none``: none."""
    base_url: str | None = None
    """Address of the server that a generator asks; None: the provider's own."""
    timeout: float | None = None
    """Seconds to wait for one answer of it; None: the setting."""
