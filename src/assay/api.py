"""The stable Python interface: the functions of a notebook, thin over the stages the command line uses."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay import characterise
from assay.benchmarks.names import chosen
from assay.benchmarks.result import BenchResult
from assay.corpus.sources import corpus as find_corpus
from assay.edits.contexts import sample_contexts
from assay.edits.delta import Edit, load_edit
from assay.edits.locate import candidate_layers, trace
from assay.edits.make import check_request, make_edit
from assay.edits.moments import Moments, second_moments
from assay.edits.validate import Verdict
from assay.edits.validate import validate as run_checks
from assay.errors import InputError
from assay.events import Emit, ignore
from assay.features.labels.concepts import read_label
from assay.features.opened import material_of
from assay.features.score import FeatureScores
from assay.features.score import score_feature as find_scores
from assay.generators.llm.author import author, is_model
from assay.generators.means import means_in
from assay.generators.plan import Plan, Request
from assay.generators.table import generator as find_generator
from assay.models.load import load as load_model
from assay.models.model import Model
from assay.options import Options
from assay.probes.measure import measure
from assay.runs.home import find_home
from assay.sae.coder import SAE
from assay.sae.shipped import folder_here, open_sae
from assay.score import Meaning, Score
from assay.settings import DEFAULT_LAYERS, FeatureSettings, Settings

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Run", "assess", "edit", "load", "load_edit", "load_sae", "measure", "score_feature", "validate"]


@dataclass(frozen=True)
class Run:
    """What ``assess`` returns: thirteen results, their probes and what they say together."""

    results: tuple[BenchResult, ...]
    plan: Plan
    reading: Meaning

    @property
    def scores(self) -> dict[str, Score]:
        """Benchmark id to its Score."""
        return {r.score.id: r.score for r in self.results}

    @property
    def probes(self) -> "pd.DataFrame":
        """One row per probe with its benchmark, before and after."""
        import pandas as pd

        return pd.DataFrame(
            [{"benchmark": r.score.id, **p.to_json()} for r in self.results for p in r.probes]
        )


def load(name: str = "smollm2", *, cache: Path | None = None, **options: Any) -> Model:
    """A model by alias, hub id, folder or GGUF file; see ``assay.models.load.load`` for the options."""
    return load_model(name, cache or find_home().cache, **options)


def load_sae(name: str | Path = "smollm2") -> SAE:
    """An SAE by alias, by its name on the hub, or from a folder, in any format that assay reads."""
    return open_sae(name)


def score_feature(
    model: Model,
    sae: SAE,
    feature: int,
    *,
    label: str | None = None,
    generator: str = "catalogue",
    base_url: str | None = None,
    timeout: float | None = None,
    seed: int = 0,
    settings: FeatureSettings | None = None,
    emit: Emit = ignore,
) -> FeatureScores:
    """InterpScore, purity and MUI of one feature under ``label``, or under its own, and what they say together.

    Sentences for and against the label come from the index that ``assay sae index`` made of this SAE, or from the
    digest of one that came with it, or with
    ``generator="llm:MODEL"`` from a language model at ``base_url``, which is told the label alone; ``timeout`` is
    the seconds to wait for one answer of it. With ``"local:MODEL"`` that model runs in this process. Raises InputError
    where there is neither, and for any other generator.
    """
    home = find_home()
    trier = None
    if is_model(generator):
        asked = author(generator, means_in(home.cache, base_url, timeout, emit), "sentences")
        from assay.features.llm.trial import written_by  # needs the optional packages, which are there now

        trier = written_by(asked)
    elif generator != "catalogue":
        raise InputError(
            f"generator {generator!r} for a feature",
            "catalogue, which finds sentences for a label, or llm:MODEL or local:MODEL, which writes them",
            "leave it out",
        )
    if label is not None:
        read_label(label)
    opened = material_of(
        model,
        sae,
        home.root,
        home.cache,
        folder=folder_here(sae.id),  # labels and a table may have come with it
        settings=settings,
        seed=seed,
        emit=emit,
    )
    return find_scores(opened, feature, label, trier)


def edit(
    model: Model,
    *,
    prompt: str,
    subject: str,
    target: str,
    old: str | None = None,
    method: str = "rome",
    variant: str = "r-rome",
    layer: int | None = None,
    seed: int = 0,
    contexts: Sequence[str] | None = None,
    moments: Moments | None = None,
    settings: Settings | None = None,
    emit: Emit = ignore,
) -> Edit:
    """An edit of one fact, as data; the model is unchanged.

    Without ``layer`` the model's own default is used, or else the layer the causal trace ranks first.
    Second moments come from the cache or are collected from the default corpus (once per model and layer).
    """
    settings = settings or Settings()
    request = Request(prompt, subject, target, old)
    check_request(model, request)
    found = None
    if layer is None and not _has_default(model):
        found = trace(model, request, seed=seed, settings=settings.trace, emit=emit)
    chosen_layer = candidate_layers(model, found, layer, 1)[0][0]
    return make_edit(
        model,
        [request],
        chosen_layer,
        moments or _moments(model, chosen_layer, settings, emit),
        method=method,
        variant=variant,
        seed=seed,
        contexts=contexts if contexts is not None else sample_contexts(model, seed, settings.edit),
        settings=settings.edit,
        ridge=settings.moments.ridge,
        emit=emit,
    )


def validate(
    model: Model,
    edit: Edit,
    *,
    generator: str = "catalogue",
    base_url: str | None = None,
    timeout: float | None = None,
    seed: int = 0,
    settings: Settings | None = None,
) -> Verdict:
    """The three checks of an edit, on paraphrases and neutral prompts from the generator.

    ``base_url`` is the address of a server for ``generator="llm:..."``, ``timeout`` the seconds to wait for one answer
    of it.
    """
    settings = settings or Settings()
    plan = find_generator(generator, means_in(find_home().cache, base_url, timeout)).plan(edit.request, seed)
    return run_checks(model, edit, plan.paraphrases, plan.neutral, settings.validate)


def assess(
    model: Model,
    edit: Edit,
    *,
    generator: str = "catalogue",
    base_url: str | None = None,
    timeout: float | None = None,
    seed: int = 0,
    benchmarks: Sequence[str] | None = None,
    settings: Settings | None = None,
    moments: Moments | None = None,
    emit: Emit = ignore,
) -> Run:
    """The thirteen benchmarks of an edit (or the chosen ones); the model is unchanged afterwards.

    ``base_url`` is the address of a server for ``generator="llm:..."``, ``timeout`` the seconds to wait for one answer
    of it.
    """
    settings = settings or Settings()
    only = chosen(benchmarks)
    means = means_in(find_home().cache, base_url, timeout, emit)
    plan = find_generator(generator, means).plan(
        edit.request, seed, settings.bench.n_probes, settings.bench.n_synthetic
    )
    results, reading = characterise.assess(
        model,
        edit,
        plan,
        moments or _moments(model, edit.layer, settings, emit),
        Options(only=only, seed=seed),
        emit,
        settings,
    )
    return Run(results, plan, reading)


def _has_default(model: Model) -> bool:
    return model.id in DEFAULT_LAYERS


def _moments(model: Model, layer: int, settings: Settings, emit: Emit) -> Moments:
    cache = find_home().cache
    return second_moments(model, find_corpus(), cache, layers=[layer], settings=settings.moments, emit=emit)
