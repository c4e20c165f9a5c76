"""A whole self-check: choose the facts, measure unit after unit, sum up. What was finished is never lost."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

from assay.corpus.sources import corpus
from assay.edits.locate import candidate_layers
from assay.edits.moments import second_moments
from assay.evals.casefile import CaseFile
from assay.events import Emit, ignore, stage
from assay.generators.catalogue.catalogue import VERSION, Catalogue
from assay.models.model import Model
from assay.models.opened import describe
from assay.runs.home import Home
from assay.runs.process import only_writer
from assay.runs.provenance import provenance
from assay.scale.executor import Workforce, default_workers
from assay.selfcheck.cells import Unit, unit_from_json
from assay.selfcheck.contrasts import again_of
from assay.selfcheck.facts import Fact, known, sound_facts
from assay.selfcheck.findings import findings
from assay.selfcheck.first_token import (
    TOGETHER,
    FirstToken,
    first_token_findings,
    first_token_requests,
    measure_first_tokens,
    startless,
)
from assay.selfcheck.planted import PLANTED
from assay.selfcheck.tools import ToolsOf
from assay.selfcheck.work import Piece, measure_unit
from assay.settings import Settings

FORMAT = 3
"""Of the files; raised whenever the same options would give other cells."""


@dataclass(frozen=True)
class CheckOptions:
    """How much is measured."""

    facts: int = 20
    """Facts on which a sound edit and the planted defects are measured."""
    again: int = 30
    """Edits of these facts, sound ones and planted ones, that are measured again."""
    seeds: int = 5
    """How often each of them is measured."""
    first_tokens: int = 20
    """Facts on which the original ROME is set against its corrected form, without a start token."""
    seed: int = 0
    workers: int | None = None
    """Processes; None: one per core, four at most. The scores do not depend on it."""
    fresh: bool = False
    """Forget what was finished before."""


QUICK = CheckOptions(facts=2, again=2, seeds=2, first_tokens=0)
"""Enough to see that everything works; its intervals are as wide as its numbers are few."""


def run_check(
    model: Model, options: CheckOptions, home: Home, emit: Emit = ignore, settings: Settings | None = None
) -> dict[str, Any]:
    """Measure the benchmarks themselves; returns the document that ``assay selfcheck --json`` prints."""
    settings = settings or Settings()
    began = time.perf_counter()
    folder = home.root / "selfcheck" / _key(model, options, settings)
    workers = options.workers or default_workers(model.device.type)
    tools = ToolsOf(model.id, home.cache, settings, options.seed)
    with only_writer(folder, folder.name):
        units_file, facts_file, first_file = files = (
            CaseFile(folder),
            CaseFile(folder / "facts"),
            CaseFile(folder / "first_token"),
        )
        for file in files:
            if options.fresh:
                file.clear()
            file.folder.mkdir(parents=True, exist_ok=True)
        # Once, before the workers ask for them.
        ((layer, _),) = candidate_layers(model, None, None, 1)
        second_moments(model, corpus(), home.cache, layers=[layer], settings=settings.moments, emit=emit)
        with Workforce(tools, workers) as force:
            requests = known(model, options.seed)
            facts, left_out = sound_facts(force, requests, options.facts, facts_file.folder, emit)
            units = _measure(force, facts, options, units_file, emit)
            first = _first_tokens(force, model, layer, options, home.cache, settings, first_file, emit)
    return {
        "model": describe(model),
        "generator": f"{Catalogue.name} {VERSION}",
        "options": asdict(options),
        "settings": settings.to_json(),
        "layer": layer,
        "conditions": {name: planted.what for name, planted in PLANTED.items()},
        **findings(units),
        "first_token": first_token_findings(first),
        "left_out": left_out,
        "file": str(units_file.path),
        "seconds": {"this_call": time.perf_counter() - began, "units": sum(u.seconds for u in units)},
        "provenance": provenance(),
    }


def _measure(
    force: Workforce, facts: Sequence[Fact], options: CheckOptions, file: CaseFile, emit: Emit
) -> list[Unit]:
    """The units in the order of the facts; what is on disk is not measured again."""
    done = {unit.case: unit for unit in map(unit_from_json, file.read().values())}
    seeds = tuple(range(options.seed, options.seed + options.seeds))
    pieces = [
        Piece(fact, again_of(n, options.facts, options.again), seeds)
        for n, fact in enumerate(facts)
        if fact.case not in done
    ]
    with stage(emit, "selfcheck", "planted defects, new probes", len(facts)) as tick:
        tick(len(facts) - len(pieces))
        for piece, unit in force.each(measure_unit, pieces):
            file.append(unit.to_json())
            done[piece.fact.case] = unit
            tick(sum(fact.case in done for fact in facts))
    return [done[fact.case] for fact in facts]


def _first_tokens(
    force: Workforce,
    model: Model,
    layer: int,
    options: CheckOptions,
    cache: Path,
    settings: Settings,
    file: CaseFile,
    emit: Emit,
) -> list[Any]:
    """The lines in the order of the facts; what is on disk is not measured again."""
    if options.first_tokens:
        second_moments(
            startless(model), corpus(), cache, layers=[layer], settings=settings.moments, emit=emit
        )
    done = {int(case): line for case, line in file.read().items()}
    numbered = tuple(enumerate(islice(first_token_requests(model, options.seed), options.first_tokens)))
    groups = [numbered[at : at + TOGETHER] for at in range(0, len(numbered), TOGETHER)]
    pieces = [FirstToken(group) for group in groups if any(case not in done for case, _ in group)]
    with stage(emit, "first token", "subjects at the very start", max(1, len(numbered))) as tick:
        tick(len(done))
        for _, lines in force.each(measure_first_tokens, pieces):
            for line in lines:
                if line["case"] not in done:
                    file.append(line)
                    done[line["case"]] = line
            tick(len(done))
    return [done[case] for case, _ in numbered]


def _key(model: Model, options: CheckOptions, settings: Settings) -> str:
    """All that makes a unit."""
    made = {
        "format": FORMAT,
        "model": model.hash,
        "start": model.start,
        "generator": VERSION,
        "settings": settings.to_json(),
        "seed": options.seed,
        "seeds": options.seeds,
        "facts": options.facts,
        "again": options.again,
        "first_tokens": options.first_tokens,
        "defects": list(PLANTED),
    }
    return sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()[:16]
