"""A whole data set: choose the known cases, edit each at every layer and in every variant, sum up.

Every finished case is on disk at once; the same call goes on where the last one stopped, however it did.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from assay.corpus.sources import corpus
from assay.datasets.case import Case, Dataset
from assay.datasets.table import FORMATS
from assay.edits.contexts import sample_contexts
from assay.edits.locate import candidate_layers
from assay.edits.make import check_method
from assay.edits.moments import second_moments
from assay.errors import InputError
from assay.evals.casefile import CaseFile, Line
from assay.evals.correlation import compare
from assay.evals.editing import Means, variants_of
from assay.evals.known import RULES, Selection, select
from assay.evals.measure import Cell, Group, Tools, ToolsOf, measure_group
from assay.evals.metric import Evaluation
from assay.evals.scoring import maker_of
from assay.evals.summary import summarise, tally_tests
from assay.evals.table import EVALUATIONS
from assay.events import Emit, ignore, stage
from assay.generators.catalogue.catalogue import VERSION, Catalogue
from assay.models.model import Model
from assay.models.opened import describe
from assay.runs.home import Home
from assay.runs.process import only_writer
from assay.runs.provenance import provenance
from assay.scale.executor import each
from assay.settings import Settings

FORMAT = 1
"""Of the per-case lines; a change of what they mean makes new files."""

TOGETHER = 4
"""Cases whose values are optimised together: small batches are bound by reading the weights."""

SECONDS = ("seconds_before", "seconds_value", "seconds_edit", "seconds_scores")
"""The parts of a line's time; the last one only where the benchmarks were run."""


@dataclass(frozen=True)
class EvalOptions:
    """What a user chooses for one evaluation."""

    layers: tuple[int, ...] | None = None
    """Layers to edit, each case at each; None: the model's own default layer."""
    method: str = "rome"
    variants: tuple[str, ...] = ("r-rome",)
    """Variants of ROME; MEMIT has only one."""
    rule: str | None = "argmax"
    """When the model counts as knowing a fact, a key of RULES; None: all cases are run."""
    limit: int | None = None
    """Run at most so many (known) cases, in the order of the file."""
    seed: int = 0
    corpus: str = "factbook"
    fresh: bool = False
    """Forget cases that were finished before."""
    benchmarks: bool = False
    """Also run the thirteen benchmarks on every edit of one fact, and correlate."""
    workers: int = 1
    """Processes of one thread each, which load the model by its name; 1: the model that was given, here."""


def run_eval(
    model: Model,
    dataset: Dataset,
    options: EvalOptions,
    home: Home,
    emit: Emit = ignore,
    settings: Settings | None = None,
) -> dict[str, Any]:
    """Evaluate edits on a data set; returns the document that ``assay eval --json`` prints."""
    settings = settings or Settings()
    clock = _Clock()
    cells = _cells(model, options)
    evaluation = EVALUATIONS[dataset.format]
    text = corpus(options.corpus)
    made = {cell: _recipe(model, dataset, options, settings, text.hash, evaluation, cell) for cell in cells}
    files = {cell: CaseFile(home.root / "evals" / _key(recipe)) for cell, recipe in made.items()}
    with ExitStack() as locks:
        for file in files.values():
            locks.enter_context(only_writer(file.folder, file.folder.name))
        with stage(emit, "known", "which facts are known", len(dataset.cases)), clock("known"):
            chosen = select(model, dataset.cases, options.rule, options.limit, emit)
        if not chosen.cases:
            raise InputError(
                f"{dataset.path}, of whose {len(dataset.cases)} usable facts {model.id} knows none",
                "facts that the model knows",
                "use another model, or --known all",
            )
        if options.fresh:
            for file in files.values():
                file.clear()
        done = {cell: file.read() for cell, file in files.items()}
        if any(case.id not in lines for lines in done.values() for case in chosen.cases):
            layers = tuple(layer for layer, _ in cells)
            with clock("moments"):  # once, before the workers ask for them
                moments = second_moments(
                    model, text, home.cache, layers=layers, settings=settings.moments, emit=emit
                )
            tools: Callable[[], Tools]
            if options.workers > 1:
                tools = ToolsOf(
                    model.id,
                    home.cache,
                    options.corpus,
                    layers,
                    settings,
                    options.seed,
                    dataset.format,
                    options.benchmarks,
                )
            else:
                with stage(emit, "contexts", "sampling contexts"), clock("contexts"):
                    contexts = sample_contexts(model, options.seed, settings.edit)
                means = Means(moments, contexts, settings, options.seed)
                own = Tools(model, evaluation, means, maker_of(options.benchmarks))
                tools = lambda: own  # noqa: E731 - what ToolsOf is for other processes
            with clock("cases"):
                _measure(tools, options, chosen, files, done, emit)
    return {
        "dataset": {
            "format": dataset.format,
            "title": FORMATS[dataset.format].title,
            "path": str(dataset.path),
            "hash": dataset.hash,
        },
        "model": describe(model),
        "counts": {
            "records": dataset.n,
            "run": len(chosen.cases),
            "unknown": chosen.unknown,
            "not_asked": chosen.not_asked,
            "skipped": dict(dataset.skipped),
        },
        "known_rule": None if options.rule is None else RULES[options.rule].says,
        "options": asdict(options),
        "settings": settings.to_json(),
        "corpus": {"name": text.name, "hash": text.hash},
        "cells": [
            {
                "layer": layer,
                "variant": variant,
                "file": str(files[layer, variant].path),
                **_cell([done[layer, variant][c.id] for c in chosen.cases], evaluation, options, settings),
            }
            for layer, variant in cells
        ],
        "timings": clock.seconds,
        "provenance": provenance(),
    }


def _cells(model: Model, options: EvalOptions) -> list[Cell]:
    for variant in options.variants:
        check_method(options.method, variant)
    if options.rule is not None and options.rule not in RULES:
        raise InputError(f"rule {options.rule!r}", "one of " + ", ".join(RULES), "choose one of these")
    if options.layers is None:
        ((layer, _),) = candidate_layers(model, None, None, 1)
        layers: tuple[int, ...] = (layer,)
    else:
        layers = tuple(dict.fromkeys(map(model.check_layer, options.layers)))
    return [(layer, v) for layer in layers for v in variants_of(options.method, options.variants)]


def _recipe(
    model: Model,
    dataset: Dataset,
    options: EvalOptions,
    settings: Settings,
    corpus_hash: str,
    evaluation: Evaluation,
    cell: Cell,
) -> dict[str, Any]:
    """All that makes a line of a cell; which cases are run is no part of it, so a longer run goes on."""
    layer, variant = cell
    recipe = {
        "format": FORMAT,
        "dataset": dataset.hash,
        "kind": dataset.format,
        "model": model.hash,
        "start": model.start,
        "corpus": corpus_hash,
        "moments": asdict(settings.moments),
        "edit": asdict(settings.edit),
        "tokens": evaluation.tokens,
        "seed": options.seed,
        "layer": layer,
        "variant": variant,
    }
    if options.benchmarks:  # a line without scores is not finished then
        recipe |= {"generator": f"{Catalogue.name} {VERSION}", "bench": asdict(settings.bench)}
    return recipe


def _key(recipe: Mapping[str, Any]) -> str:
    return sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:16]


def _measure(
    tools: Callable[[], Tools],
    options: EvalOptions,
    chosen: Selection,
    files: Mapping[Cell, CaseFile],
    done: dict[Cell, dict[str, Line]],
    emit: Emit,
) -> None:
    """Measure what is missing, and add it to ``done`` and to the files."""
    floor = min(layer for layer, _ in files)
    total = len(chosen.cases)

    def missing(case: Case) -> tuple[Cell, ...]:
        return tuple(cell for cell in files if case.id not in done[cell])

    groups = [chosen.cases[at : at + TOGETHER] for at in range(0, total, TOGETHER)]
    pieces = [
        Group(some, {c.id: missing(c) for c in some}, floor) for some in groups if any(map(missing, some))
    ]
    title = "editing and scoring case by case" if options.benchmarks else "editing case by case"
    with stage(emit, "eval", title, total) as tick:
        tick(sum(not missing(case) for case in chosen.cases))
        for _, lines in each(tools, measure_group, pieces, options.workers):
            for case, cell, line in lines:
                files[cell].append(line)
                done[cell][case] = line
            tick(sum(not missing(case) for case in chosen.cases))


def _cell(
    lines: list[Line], evaluation: Evaluation, options: EvalOptions, settings: Settings
) -> dict[str, Any]:
    figures = summarise(lines, evaluation.metrics, options.seed, settings.bench.resamples)
    return {
        "cases": len(lines),
        "metrics": [figure.to_json() for figure in figures],
        "tests": tally_tests(lines),
        "benchmarks": compare(lines, evaluation.metrics) if options.benchmarks else None,
        # What a case would take if this layer and variant were run alone.
        "seconds_per_case": sum(line.get(part, 0.0) for line in lines for part in SECONDS) / len(lines),
    }


class _Clock:
    """Seconds by name: ``with clock("known"): ...``."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - began
