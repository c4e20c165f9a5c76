"""The probes of a stored run once more, word for word: on another layer, method, model or seed."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from assay.errors import GeneratorError
from assay.generators.means import Means
from assay.generators.plan import Plan, Request
from assay.generators.plan_json import plan_from_json

REPLAYED = "probes replayed from run "
"""How the note begins that a replayed plan carries."""


class Replay:
    """Hands over the plan that a run kept; it makes nothing, so the seed and the numbers asked for do not count."""

    name = "replay"

    def __init__(self, run_id: str, means: Means) -> None:
        self._run_id = run_id
        self._runs = means.runs

    def plan(
        self,
        request: Request,
        seed: int,
        n_probes: int = 8,
        n_synthetic: int = 5,
        avoid: Sequence[str] = (),
    ) -> Plan:
        """The run's own plan, if it asks about this very request; see ``generators.plan.Generator``."""
        if avoid:
            raise GeneratorError(
                f"{len(avoid)} prompts to avoid, and the probes of run {self._run_id}",
                "a generator that makes new probes",
                "name another generator",
            )
        plan = self._read()
        self._check(request, plan.request)
        made = plan.generator.partition(", replayed from ")[0]
        notes = [note for note in plan.notes if not note.startswith(REPLAYED)]
        return replace(
            plan,
            generator=f"{made}, replayed from {self._run_id}",
            notes=(*notes, f"{REPLAYED}{self._run_id}"),
        )

    def _read(self) -> Plan:
        folder = self._folder()
        if folder is None:
            raise GeneratorError(
                f"run {self._run_id!r}, which is not stored here",
                "the whole id of a stored run",
                "see which there are: assay runs list",
            )
        file = folder / "plan.json"
        if not file.is_file():
            raise GeneratorError(
                f"run {self._run_id}, which kept no probes",
                "a run that went on after its probes were made, committed or not",
                "see which there are: assay runs list",
            )
        try:
            return plan_from_json(json.loads(file.read_text(encoding="utf-8")))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise GeneratorError(
                f"the probes of run {self._run_id}, which cannot be read ({type(error).__name__})",
                f"a plan as assay wrote it in {file}",
                "take another run, or restore the file",
            ) from error

    def _folder(self) -> Path | None:
        """The run's folder; an id is one name and never leads elsewhere."""
        one_name = Path(self._run_id).name == self._run_id not in ("", "..")
        if self._runs is None or not one_name:
            return None
        folder = self._runs / self._run_id
        return folder if folder.is_dir() else None

    def _check(self, asked: Request, kept: Request) -> None:
        """Prompt, subject and target must be the same; what else the user named must not differ either."""
        pairs = {name: (value, kept.to_json()[name]) for name, value in asked.to_json().items()}
        always = ("prompt", "subject", "target")
        differ = [n for n, (new, old) in pairs.items() if new != old and (n in always or new is not None)]
        if differ:
            told = ", ".join(f"{name} {pairs[name][0]!r} where it has {pairs[name][1]!r}" for name in differ)
            raise GeneratorError(
                f"the probes of run {self._run_id}, which are about another request: {told}",
                "the same prompt, subject and target as in that run",
                f"see them with assay runs show {self._run_id}, or let a generator make new probes",
            )
