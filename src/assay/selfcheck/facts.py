"""The facts of a self-check: known to the model, and with an edit that passes the three checks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from assay.edits.delta import Edit, load_edit
from assay.edits.optimise import keys_and_values
from assay.edits.solve import rank_one
from assay.edits.validate import validate
from assay.errors import InputError
from assay.evals.casefile import CaseFile
from assay.events import Emit, stage
from assay.generators.catalogue.facts import Facts
from assay.generators.catalogue.made_up import well_known
from assay.generators.catalogue.material import load_material
from assay.generators.plan import Request
from assay.models.model import Model
from assay.probes.measure import Question, ask
from assay.scale.executor import each
from assay.selfcheck.tools import Tools, ToolsOf

ASKED_AT_ONCE = 48
TOGETHER = 4
"""Facts whose values are optimised together; always the same ones, so that a check that was killed ends with
the same numbers."""


@dataclass(frozen=True)
class Fact:
    """One fact and the edit that a user would have committed."""

    case: int
    request: Request
    edit: Path


def known(model: Model, n: int, seed: int) -> list[Request]:
    """The first ``n`` well-known facts of the catalogue whose answer the model says by itself."""
    source: Iterator[Request] = well_known(load_material(), Facts(), seed)
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


def try_edits(tools: Tools, facts: Sequence[tuple[int, Request]]) -> list[tuple[int, str | None, Edit]]:
    """(case, why it is no sound edit or None, edit) for each fact, made and validated as users' edits are."""
    requests = [tools.plan(request, tools.seed).request for _, request in facts]
    values = keys_and_values(tools.model, tools.layer, requests, tools.contexts, tools.settings.edit)
    ridge = tools.settings.moments.ridge
    out = []
    for (case, request), full, kv in zip(facts, requests, values, strict=True):
        plan = tools.plan(request, tools.seed)
        edit = Edit(
            (full,),
            "rome",
            "r-rome",
            (rank_one(tools.model, kv, tools.moments, ridge=ridge),),
            tools.model.id,
            tools.model.hash,
            tools.seed,
            tools.contexts,
            {**asdict(tools.settings.edit), "ridge": ridge},
        )
        verdict = validate(tools.model, edit, plan.paraphrases, plan.neutral, tools.settings.validate)
        out.append((case, verdict.reason, edit))
    return out


def sound_facts(
    tools: ToolsOf, requests: Sequence[Request], wanted: int, folder: Path, workers: int, emit: Emit
) -> tuple[list[Fact], list[Mapping[str, str]]]:
    """The first ``wanted`` facts with a sound edit, and the facts before them that have none, with the reason.

    Edits are kept in ``folder`` and not made again.
    """
    file = CaseFile(folder)
    told = {int(case): line["reason"] for case, line in file.read().items()}

    def group(start: int) -> list[tuple[int, Request]]:
        return list(enumerate(requests))[start : start + TOGETHER]

    def sound() -> list[int]:
        return [case for case in sorted(told) if told[case] is None]

    starts = list(range(0, len(requests), TOGETHER))
    with stage(emit, "sound", "edits that pass the checks", wanted) as tick:
        while len(sound()) < wanted and starts:
            wave, starts = starts[:workers], starts[workers:]
            pieces = [g for g in map(group, wave) if any(case not in told for case, _ in g)]
            for _, made in each(tools, try_edits, pieces, workers):
                for case, reason, edit in made:
                    if reason is None:
                        edit.save(folder / f"{case}.safetensors")
                    if case not in told:
                        file.append({"case": case, "reason": reason})
                    told[case] = reason
            tick(min(wanted, len(sound())))
    chosen = sound()[:wanted]
    last = chosen[-1] if chosen else max(told, default=-1)
    left_out: list[Mapping[str, str]] = [
        {"subject": requests[case].subject, "relation": requests[case].relation or "", "reason": str(reason)}
        for case, reason in sorted(told.items())
        if reason is not None and case < last
    ]
    return [Fact(case, requests[case], folder / f"{case}.safetensors") for case in chosen], left_out


def edit_of(fact: Fact) -> Edit:
    """The fact's sound edit."""
    return load_edit(fact.edit)
