"""Compare generators on the same edits: each is on disk once it is finished, and the same call goes on from there."""

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from typing import Any

from assay.corpus.embed import Embedder
from assay.corpus.sources import corpus
from assay.edits.contexts import sample_contexts
from assay.edits.delta import Edit
from assay.edits.locate import candidate_layers
from assay.edits.moments import second_moments
from assay.evals.casefile import CaseFile, Line
from assay.events import Emit, ignore, stage
from assay.generators.catalogue.catalogue import VERSION as CATALOGUE_VERSION
from assay.generators.compare.cases import Cases
from assay.generators.compare.measure import Workbench
from assay.generators.compare.summary import agreements, of_generator
from assay.generators.llm.generator import VERSION as LLM_VERSION
from assay.generators.llm.generator import Speaking
from assay.generators.means import Means
from assay.generators.plan import Generator
from assay.generators.table import asking, generator
from assay.models.model import Model
from assay.models.opened import describe
from assay.runs.home import Home
from assay.runs.process import only_writer
from assay.runs.provenance import provenance
from assay.settings import Settings

FORMAT = 2
"""Of the lines; a change of what they mean makes new files."""


@dataclass(frozen=True)
class Comparison:
    """What is to be compared."""

    names: tuple[str, ...]
    """Generators, as ``--generator`` takes them."""
    cases: Cases
    seed: int = 0
    corpus: str = "factbook"
    fresh: bool = False
    """Forget edits that were finished before."""


def run_compare(
    model: Model,
    asked: Comparison,
    means: Means,
    home: Home,
    emit: Emit = ignore,
    settings: Settings | None = None,
) -> dict[str, Any]:
    """The document that ``assay generators compare --json`` prints. Raises GeneratorError where a generator cannot
    make probes for one of the edits; what was finished before is kept."""
    settings = settings or Settings()
    ((layer, _),) = candidate_layers(model, None, None, 1)
    text = corpus(asked.corpus)
    makers = {name: generator(name, means) for name in asked.names}
    shared = {
        "format": FORMAT,
        "model": model.hash,
        "start": model.start,
        "corpus": text.hash,
        "settings": settings.to_json(),
        "layer": layer,
        "seed": asked.seed,
        "versions": [CATALOGUE_VERSION, LLM_VERSION],
    }
    files = {}
    for name in asked.names:
        files[name] = CaseFile(home.root / "comparisons" / key_of(shared, name, makers[name], means))
    with ExitStack() as locks:
        for file in files.values():
            locks.enter_context(only_writer(file.folder, file.folder.name))
            if asked.fresh:
                file.clear()
        done = {name: file.read() for name, file in files.items()}
        if any(case not in lines for lines in done.values() for case in asked.cases.ids):
            moments = second_moments(
                model, text, home.cache, layers=[layer], settings=settings.moments, emit=emit
            )
            with stage(emit, "contexts", "sampling contexts"):
                contexts = sample_contexts(model, asked.seed, settings.edit)
            bench = Workbench(model, layer, moments, contexts, settings, asked.seed, Embedder())
            _measure(bench, asked, makers, files, done, emit)
    lines = {name: [done[name][case] for case in asked.cases.ids] for name in asked.names}
    return {
        "model": describe(model),
        "layer": layer,
        "cases": {"title": asked.cases.title, "requests": [r.to_json() for r in asked.cases.requests]},
        "seed": asked.seed,
        "generators": {name: of_generator(some) for name, some in lines.items()},
        "agreement": agreements(lines, asked.seed, settings.bench.resamples),
        "lines": lines,
        "files": {name: str(file.path) for name, file in files.items()},
        "settings": {**settings.to_json(), "llm": asdict(means.llm)},
        "provenance": provenance(),
    }


def key_of(shared: Mapping[str, Any], name: str, maker: Generator, means: Means) -> str:
    """What stands for all that the lines of one generator depend on: of a language model also which weights, and
    what its answers are held to."""
    marks = dict(maker.asked().marks) if isinstance(maker, Speaking) else {}
    recipe = {**shared, "generator": name, "marks": marks, **asking(name, means)}
    return sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:16]


def _measure(
    bench: Workbench,
    asked: Comparison,
    makers: dict[str, Any],
    files: dict[str, CaseFile],
    done: dict[str, dict[str, Line]],
    emit: Emit,
) -> None:
    """Measure what is missing, and add it to ``done`` and to the files."""
    cases = list(zip(asked.cases.ids, asked.cases.requests, strict=True))
    wanted: Sequence[tuple[str, str]] = [(case, name) for case, _ in cases for name in asked.names]
    with stage(emit, "compare", "edits by generators", len(wanted)) as tick:
        finished = sum(case in done[name] for case, name in wanted)
        tick(finished)
        for case, request in cases:

            @cache
            def edit(request: Any = request) -> Edit:
                return bench.edit(request)

            for name in asked.names:
                if case in done[name]:
                    continue
                line = bench.line(case, request, makers[name], edit)
                files[name].append(line)
                done[name][case] = line
                finished += 1
                tick(finished)
