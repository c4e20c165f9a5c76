"""What the worker does for a job: one function per kind of work, each recorded as a run."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assay.asked import stored_options
from assay.characterise import run_bench
from assay.events import Emit, ignore, stage
from assay.features.labelling import suggest
from assay.features.material import Material
from assay.features.on_text import on_text
from assay.features.score import score_feature
from assay.features.scorer import Scorer, Trier
from assay.generators.llm.author import Author, author
from assay.generators.means import means_in
from assay.generators.plan import Plan, Request
from assay.generators.table import asking
from assay.models.load import load
from assay.models.model import Model
from assay.pipeline import run_edit
from assay.runs import suites
from assay.runs.queue import Job
from assay.runs.recording import recording
from assay.runs.store import Store
from assay.sae.coder import SAE
from assay.sae.host import model_read
from assay.web.merging import merged
from assay.web.opened import LastSae


@dataclass(eq=False)
class Workshop:
    """What stays open between two jobs: the last model, and all that scoring features of the last SAE reads."""

    store: Store
    _models: dict[str, Model] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._last = LastSae(self.store.home)

    @property
    def cache(self) -> Path:
        """The home's cache."""
        return self.store.home.cache

    def model(self, name: str, cache: Path) -> Model:
        """A model in float32; only the last one is kept."""
        if name not in self._models:
            self.empty()
            self._models[name] = load(name, cache)
        return self._models[name]

    def empty(self) -> None:
        """Let go of what is open."""
        self._models.clear()
        self._last.empty()

    def sae(self, name: str) -> SAE:
        """An SAE; only the last one is kept."""
        return self._last.sae(name)

    def scoring(self, sae: str, model: str | None, seed: int, emit: Emit) -> Scorer:
        """All that scoring a feature reads; of the last SAE it is kept."""
        host = self.model(model_read(self.sae(sae), model), self.cache)
        return self._last.scoring(sae, host, seed, emit)

    def writer(self, asked: Mapping[str, Any], field: str, asked_for: str, emit: Emit) -> Author | None:
        """The language model that ``field`` of a job names to write ``asked_for``; None where it names none.

        Its key is looked up now, in the environment; who it is and how it is asked goes into the run. Raises
        GeneratorError where it lacks what it needs.
        """
        name = asked.get(field)
        if name is None:
            return None
        means = means_in(self.cache, asked.get("base_url"), asked.get("timeout"), emit)
        with stage(emit, "writer", f"looking for {name}"):
            found = author(name, means, asked_for)
        emit("run_started", {"settings": {**asking(name, means), "writer": dict(found.asked.marks)}})
        return found

    def suite(
        self,
        edit_file: Path,
        plan: dict[str, Any] | None,
        options: Mapping[str, Any],
        emit: Emit,
        done: suites.Results,
        keep: Callable[[Plan], None],
    ) -> None:
        """The benchmarks of a stored edit, as ``runs.suites`` asks for them."""
        run_bench(
            edit_file, plan, stored_options(options), emit, self.cache, done, keep=keep, opener=self.model
        )


def do_edit(shop: Workshop, job: Job) -> None:
    """Edit, validate, measure."""
    run = shop.store.document(job.run_id)
    request = Request(**{name: run["request"].get(name) for name in Request.__dataclass_fields__})
    with recording(shop.store, job.run_id, queued=True) as recorded:
        outcome = run_edit(
            request,
            stored_options(run["options"]),
            recorded.emit,
            shop.cache,
            recorded.save,
            opener=shop.model,
            keep=recorded.folder.write_plan,
        )
        recorded.finish(outcome.status)


def do_bench(shop: Workshop, job: Job) -> None:
    """The thirteen again, on another run's edit: in this run, which was made for it."""
    suites.repeat_in(shop.store, job.run_id, shop.suite, queued=True)


def do_resume(shop: Workshop, job: Job) -> None:
    """The rest of a stopped suite."""
    suites.resume(shop.store, job.run_id, shop.suite, ignore)


def do_feature(shop: Workshop, job: Job) -> None:
    """The three scores of a feature."""
    asked = job.args
    with recording(shop.store, job.run_id, queued=True) as recorded:
        writer = shop.writer(asked, "sentences", "sentences", recorded.emit)
        with stage(recorded.emit, "load", "opening model and index"):
            scorer = shop.scoring(asked["sae"], asked.get("model"), asked["seed"], recorded.emit)
        score_feature(scorer.material, asked["feature"], asked.get("label"), _trier(writer), scorer)
        recorded.finish("done")


def _trier(writer: Author | None) -> Trier | None:
    """What tries labels on sentences of a language model; None for those of the corpus."""
    if writer is None:
        return None
    from assay.features.llm.trial import written_by  # only it needs the packages that speak to servers

    return written_by(writer)


def do_relabel(shop: Workshop, job: Job) -> None:
    """A better label of one feature, kept if there is one."""
    asked = job.args
    with recording(shop.store, job.run_id, queued=True) as recorded:
        writer = shop.writer(asked, "generator", "labels", recorded.emit)
        with stage(recorded.emit, "load", "opening model and index"):
            scorer = shop.scoring(asked["sae"], asked.get("model"), asked.get("seed", 0), recorded.emit)
        found = _suggested(scorer.material, asked["feature"], writer)
        recorded.emit("feature_scores", {"better": found})
        recorded.finish("done")


def _suggested(material: Material, feature: int, writer: Author | None) -> dict[str, Any]:
    """A better label by assay's own rule, or by a language model."""
    if writer is None:
        return suggest(material, feature).to_json()
    from assay.features.llm.suggest import suggest_by  # only it needs the packages that speak to servers

    return suggest_by(writer, material, feature)


def do_merge(shop: Workshop, job: Job) -> None:
    """A stored edit into a model folder, or out of it."""
    options = shop.store.document(job.run_id)["options"]
    shop.empty()  # the folder's model is loaded, too
    with recording(shop.store, job.run_id, queued=True) as recorded:
        merged(shop.store, options, recorded.emit, shop.cache)
        recorded.finish("done")


def do_text(shop: Workshop, job: Job) -> None:
    """A feature on a text that somebody typed."""
    asked = job.args
    with recording(shop.store, job.run_id, queued=True) as recorded:
        with stage(recorded.emit, "load", "opening model and SAE"):
            sae = shop.sae(asked["sae"])
            model = shop.model(model_read(sae, asked.get("model")), shop.cache)
        with stage(recorded.emit, "codes", "reading the text"):
            found = on_text(model, sae, asked["feature"], asked["text"])
        recorded.emit("feature_scores", {"text": found.to_json()})
        recorded.finish("done")


WORK: Mapping[str, Callable[[Workshop, Job], None]] = {
    "edit": do_edit,
    "bench": do_bench,
    "resume": do_resume,
    "feature": do_feature,
    "text": do_text,
    "relabel": do_relabel,
    "merge": do_merge,
}
"""Kind of work to what does it."""
