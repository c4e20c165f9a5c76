"""What every piece of a self-check's work needs: the model and what belongs to it, loaded once per process."""

from dataclasses import dataclass
from pathlib import Path

from assay.corpus.sources import corpus
from assay.edits.contexts import sample_contexts
from assay.edits.locate import candidate_layers
from assay.edits.moments import Moments, second_moments
from assay.generators.plan import Generator, Plan, Request
from assay.generators.table import generator
from assay.models.load import load
from assay.models.model import Model
from assay.settings import Settings


@dataclass(frozen=True)
class Tools:
    """What a worker keeps between pieces of work."""

    model: Model
    moments: Moments
    contexts: tuple[str, ...]
    layer: int
    maker: Generator
    settings: Settings
    seed: int
    cache: Path

    def plan(self, request: Request, seed: int) -> Plan:
        """The probes of a fact at a seed."""
        bench = self.settings.bench
        return self.maker.plan(request, seed, bench.n_probes, bench.n_synthetic)


@dataclass(frozen=True)
class ToolsOf:
    """How a worker gets its tools; a plain record, so that it can be sent to another process."""

    model: str
    cache: Path
    settings: Settings
    seed: int
    generator: str = "catalogue"
    corpus: str = "factbook"

    def __call__(self) -> Tools:
        """Load the model; second moments come from the cache."""
        model = load(self.model, self.cache)
        ((layer, _),) = candidate_layers(model, None, None, 1)
        text = corpus(self.corpus)
        moments = second_moments(model, text, self.cache, layers=[layer], settings=self.settings.moments)
        contexts = sample_contexts(model, self.seed, self.settings.edit)
        return Tools(
            model, moments, contexts, layer, generator(self.generator), self.settings, self.seed, self.cache
        )
