"""What a generator may use besides the request: where things are kept, a server's address, who listens."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from assay.events import Emit, ignore
from assay.runs.home import Home
from assay.settings import LlmSettings


@dataclass(frozen=True)
class Means:
    """A generator takes what it needs of these; most need nothing."""

    cache: Path | None = None
    """Where answers of language models are kept; None: nowhere."""
    runs: Path | None = None
    """The folder of stored runs, whose probes can be asked again; None: there is none."""
    base_url: str | None = None
    """Address of a server that runs language models; None: the provider's own."""
    llm: LlmSettings = field(default_factory=LlmSettings)
    emit: Emit = ignore


def means_in(
    cache: Path,
    base_url: str | None = None,
    timeout: float | None = None,
    emit: Emit = ignore,
    llm: LlmSettings | None = None,
) -> Means:
    """Means of a run in the home whose cache this is; ``timeout`` goes before the setting."""
    llm = llm or LlmSettings()
    if timeout is not None:
        llm = replace(llm, timeout=timeout)
    return Means(cache, Home(cache.parent).runs, base_url, llm, emit)
