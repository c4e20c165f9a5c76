"""The facts of a self-check: known to the model, and with an edit that passes the three checks."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from assay.edits.delta import Edit, load_edit
from assay.edits.make import make_edit
from assay.edits.optimise import keys_and_values
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
from assay.scale.executor import Workforce
from assay.selfcheck.tools import Tools

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


def known(model: Model, seed: int) -> Iterator[Request]:
    """The well-known facts of the catalogue whose answer the model says by itself, asked as they are wanted."""
    source: Iterator[Request] = well_known(load_material(), Facts(), seed)
    found = 0
    while batch := list(islice(source, ASKED_AT_ONCE)):
        readings = ask(model, [Question(r.prompt, (r.old or "",)) for r in batch])
        for request, reading in zip(batch, readings, strict=True):
            if reading.answers[0].argmax_all:
                found += 1
                yield request
    if found < 2:
        raise InputError(
            f"{model.id}, which knows {found} of the catalogue's facts",
            "a model that can complete everyday English facts",
            "use another model",
        )


def try_edits(tools: Tools, facts: Sequence[tuple[int, Request]]) -> list[tuple[int, str | None, Edit]]:
    """(case, why it is no sound edit or None, edit) for each fact, made and validated as users' edits are."""
    plans = [tools.plan(request, tools.seed) for _, request in facts]
    requests = [plan.request for plan in plans]
    settings = tools.settings
    values = keys_and_values(tools.model, tools.layer, requests, tools.contexts, settings.edit)
    out = []
    for (case, _), plan, value in zip(facts, plans, values, strict=True):
        edit = make_edit(
            tools.model,
            [plan.request],
            tools.layer,
            tools.moments,
            seed=tools.seed,
            contexts=tools.contexts,
            settings=settings.edit,
            ridge=settings.moments.ridge,
            facts=[value],
        )
        verdict = validate(tools.model, edit, plan.paraphrases, plan.neutral, settings.validate)
        out.append((case, verdict.reason, edit))
    return out


def sound_facts(
    force: Workforce, requests: Iterator[Request], wanted: int, folder: Path, emit: Emit
) -> tuple[list[Fact], list[Mapping[str, str]]]:
    """The first ``wanted`` facts with a sound edit, and the facts before them that have none, with the reason.

    Edits are kept in ``folder`` and not made again.
    """
    file = CaseFile(folder)
    told: dict[int, str | None] = {int(case): line["reason"] for case, line in file.read().items()}
    asked: list[Request] = []

    def groups() -> Iterator[list[tuple[int, Request]]]:
        """The groups that are not yet known whole, until enough edits are sound."""
        while len(_settled(told, wanted)) < wanted and (group := list(islice(requests, TOGETHER))):
            numbered = list(enumerate(group, len(asked)))
            asked.extend(group)
            if any(case not in told for case, _ in numbered):
                yield numbered

    with stage(emit, "sound", "edits that pass the checks", wanted) as tick:
        for _, made in force.each(try_edits, groups()):
            for case, reason, edit in made:
                if case not in told:
                    if reason is None:
                        edit.save(folder / f"{case}.safetensors")
                    file.append({"case": case, "reason": reason})
                    told[case] = reason
            tick(len(_settled(told, wanted)))
    asked.extend(islice(requests, max(told, default=-1) + 1 - len(asked)))
    chosen = _settled(told, wanted)
    last = chosen[-1] if chosen else max(told, default=-1)
    left_out: list[Mapping[str, str]] = [
        {"subject": asked[case].subject, "relation": asked[case].relation or "", "reason": str(reason)}
        for case, reason in sorted(told.items())
        if reason is not None and case < last
    ]
    return [Fact(case, asked[case], folder / f"{case}.safetensors") for case in chosen], left_out


def _settled(told: Mapping[int, str | None], wanted: int) -> list[int]:
    """The first cases with a sound edit, as far as nothing is unknown before them: whichever worker was faster,
    the same ones."""
    out: list[int] = []
    for case in range(len(told)):
        if case not in told or len(out) == wanted:
            break
        if told[case] is None:
            out.append(case)
    return out


def edit_of(fact: Fact) -> Edit:
    """The fact's sound edit."""
    return load_edit(fact.edit)
