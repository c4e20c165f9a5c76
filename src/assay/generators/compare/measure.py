"""One edit, measured with the probes of one generator."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from assay.benchmarks.asking import Bench
from assay.benchmarks.suite import run_suite
from assay.corpus.embed import Embedder
from assay.edits.delta import Edit
from assay.edits.make import make_edit
from assay.edits.moments import Moments
from assay.generators.compare.figures import offer_of, prompts_of, spread
from assay.generators.plan import Generator, Request
from assay.models.model import Model
from assay.settings import Settings


@dataclass(frozen=True)
class Workbench:
    """The model and what all edits share."""

    model: Model
    layer: int
    moments: Moments
    contexts: tuple[str, ...]
    settings: Settings
    seed: int
    embed: Embedder

    def edit(self, request: Request) -> Edit:
        """The edit of one fact; not applied, and not validated: what is compared are the probes."""
        return make_edit(
            self.model,
            [request],
            self.layer,
            self.moments,
            seed=self.seed,
            contexts=self.contexts,
            settings=self.settings.edit,
            ridge=self.settings.moments.ridge,
        )

    def line(self, case: str, request: Request, maker: Generator, edit: Callable[[], Edit]) -> dict[str, Any]:
        """What one generator's probes say of the edit, as JSON. The weights are the unedited ones afterwards."""
        bench = self.settings.bench
        began = time.perf_counter()
        plan = maker.plan(request, self.seed, bench.n_probes, bench.n_synthetic)
        planned = time.perf_counter() - began
        # The old answer is the case's own for all generators.
        plan = replace(plan, request=replace(plan.request, old=request.old or plan.request.old))
        made = edit()
        began = time.perf_counter()
        asked = Bench(self.model, made, plan, self.moments, bench, self.seed)
        asked.read_ahead()
        results = run_suite(asked)
        measured = time.perf_counter() - began
        offer = offer_of(plan)
        prompts = list(dict.fromkeys(prompts_of(plan)))
        positive = {p.prompt: p for r in results for p in r.probes if p.is_positive}.values()
        return {
            "case": case,
            "request": request.to_json(),
            "generator": plan.generator,
            "offer": {**asdict(offer), "unasked": list(offer.unasked)},  # as it is read from the disk
            "distance": spread(self.embed(prompts)) if len(prompts) > 1 else None,
            "p_before": [p.p_before for p in positive],
            "p_after": [p.p_after for p in positive],
            "scores": {r.score.id: r.score.value for r in results},
            "unscored": {r.score.id: r.score.reason for r in results if r.score.value is None},
            "n": {r.score.id: r.score.n for r in results},
            "notes": list(plan.notes),
            "seconds_plan": planned,
            "seconds_suite": measured,
        }
