"""A whole self-check: choose the facts, measure unit after unit, sum up. What was finished is never lost."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from assay.corpus.sources import corpus
from assay.edits.locate import candidate_layers
from assay.edits.moments import second_moments
from assay.errors import InputError
from assay.evals.casefile import CaseFile
from assay.events import Emit, ignore, stage
from assay.generators.catalogue.catalogue import VERSION, Catalogue
from assay.generators.catalogue.facts import Facts
from assay.generators.catalogue.made_up import well_known
from assay.generators.catalogue.material import load_material
from assay.generators.plan import Request
from assay.models.model import Model
from assay.pipeline import describe
from assay.probes.measure import Question, ask
from assay.runs.home import Home
from assay.runs.process import only_writer
from assay.runs.provenance import provenance
from assay.scale.executor import default_workers, each
from assay.selfcheck.cells import Unit, unit_from_json
from assay.selfcheck.contrasts import AGAIN
from assay.selfcheck.findings import findings
from assay.selfcheck.planted import PLANTED
from assay.selfcheck.work import Piece, ToolsOf, measure_unit
from assay.settings import Settings

FORMAT = 1
"""Of the files; raised whenever the same options would give other cells."""
ASKED_AT_ONCE = 48


@dataclass(frozen=True)
class CheckOptions:
    """How much is measured."""

    planted: int = 20
    """Facts on which the planted defects are measured."""
    again: int = 30
    """Edits that are measured again."""
    seeds: int = 5
    """How often each of them is measured."""
    spare: int = 15
    """Further facts in place of those that get no sound edit."""
    seed: int = 0
    workers: int | None = None
    """Processes; None: one per core, four at most. The scores do not depend on it."""
    fresh: bool = False
    """Forget what was finished before."""


QUICK = CheckOptions(planted=4, again=4, seeds=2, spare=2)
"""Enough to see that everything works; its intervals are as wide as its numbers are few."""


def run_check(
    model: Model, options: CheckOptions, home: Home, emit: Emit = ignore, settings: Settings | None = None
) -> dict[str, Any]:
    """Measure the benchmarks themselves; returns the document that ``assay selfcheck --json`` prints."""
    settings = settings or Settings()
    began = time.perf_counter()
    file = CaseFile(home.root / "selfcheck" / _key(model, options, settings))
    with only_writer(file.folder, file.folder.name):
        if options.fresh:
            file.clear()
        with stage(emit, "facts", "facts the model knows"):
            requests = known(model, max(options.planted, options.again) + options.spare, options.seed)
        ((layer, _),) = candidate_layers(model, None, None, 1)
        second_moments(
            model, corpus(), home.cache, layers=[layer], settings=settings.moments, emit=emit
        )  # once, before the workers ask for them
        units = _measure(model, requests, options, home, settings, file, emit)
    return {
        "model": describe(model),
        "generator": f"{Catalogue.name} {VERSION}",
        "options": asdict(options),
        "settings": settings.to_json(),
        "layer": layer,
        "conditions": {name: planted.what for name, planted in PLANTED.items()},
        **findings(units, options.planted, options.again),
        "file": str(file.path),
        "seconds": {"this_call": time.perf_counter() - began, "units": sum(u.seconds for u in units)},
        "provenance": provenance(),
    }


def _measure(
    model: Model,
    requests: Sequence[Request],
    options: CheckOptions,
    home: Home,
    settings: Settings,
    file: CaseFile,
    emit: Emit,
) -> list[Unit]:
    """The first facts that have a sound edit, as many as wanted; what is on disk is not measured again."""
    wanted = max(options.planted, options.again)
    done = {unit.case: unit for unit in map(unit_from_json, file.read().values())}
    tools = ToolsOf(model.id, home.cache, settings, options.seed)
    workers = options.workers or (default_workers() if model.device.type == "cpu" else 1)

    def sound() -> int:
        return sum(u.left_out is None for u in done.values())

    with stage(emit, "selfcheck", "planted defects, fresh probes", wanted) as tick:
        tick(sound())
        upcoming = [n for n in range(len(requests)) if n not in done]
        while sound() < wanted and upcoming:
            take, upcoming = upcoming[: wanted - sound()], upcoming[wanted - sound() :]
            pieces = [_piece(n, requests[n], options) for n in take]
            for piece, unit in each(tools, measure_unit, pieces, workers):
                file.append(unit.to_json())
                done[piece.case] = unit
                tick(sound())
    return [done[n] for n in sorted(done)]


def _piece(number: int, request: Request, options: CheckOptions) -> Piece:
    seeds = tuple(range(options.seed, options.seed + options.seeds))
    return Piece(number, request, True, AGAIN[number % len(AGAIN)], seeds)


def known(model: Model, n: int, seed: int) -> list[Request]:
    """The first ``n`` well-known facts of the catalogue whose answer the model says by itself."""
    source = well_known(load_material(), Facts(), seed)
    found: list[Request] = []
    while len(found) < n:
        batch = [r for r, _ in zip(source, range(ASKED_AT_ONCE), strict=False)]
        if not batch:
            break
        readings = ask(model, [Question(r.prompt, (r.old or "",)) for r in batch])
        found += [r for r, reading in zip(batch, readings, strict=True) if reading.answers[0].argmax_all]
    if len(found) < 2:
        raise InputError(
            f"{model.id}, which knows {len(found)} of the catalogue's facts",
            "a model that can complete everyday English facts",
            "use another model",
        )
    return found[:n]


def _key(model: Model, options: CheckOptions, settings: Settings) -> str:
    """All that makes a unit. How many are measured is no part of it, so that a longer check goes on."""
    made = {
        "format": FORMAT,
        "model": model.hash,
        "start": model.start,
        "generator": VERSION,
        "settings": settings.to_json(),
        "seed": options.seed,
        "seeds": options.seeds,
        "defects": list(PLANTED),
    }
    return sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()[:16]
