"""A run's folder: everything about one run in files that outlive the database."""

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.generators.plan import Plan
from assay.generators.plan_json import plan_to_json
from assay.runs.strict import dumps
from assay.runs.trouble import explained_files


@dataclass(frozen=True)
class RunFolder:
    """The files of one run; the folder can be copied and read anywhere."""

    path: Path

    @property
    def run(self) -> Path:
        """The whole run as one document (fold.fold)."""
        return self.path / "run.json"

    @property
    def probes(self) -> Path:
        """One row per measured probe, with its benchmark."""
        return self.path / "probes.jsonl"

    @property
    def plan(self) -> Path:
        """The generator's plan, so that the suite can be resumed or asked again."""
        return self.path / "plan.json"

    @property
    def triples(self) -> Path:
        """One row per probe that was made, the rejected ones with the reason."""
        return self.path / "triples.jsonl"

    @property
    def edit(self) -> Path:
        """The committed edit."""
        return self.path / "edit.safetensors"

    @property
    def report(self) -> Path:
        """The self-contained page."""
        return self.path / "report.html"

    def make(self) -> None:
        """Make the folder if it is not there."""
        with explained_files(self.path):
            self.path.mkdir(parents=True, exist_ok=True)

    def write_run(self, run: Mapping[str, Any]) -> None:
        """Replace run.json at once: readers see the old one or the new one, never a half."""
        self._replace(self.run, dumps(run, indent=1) + "\n")

    def add_probes(self, benchmark: Mapping[str, Any]) -> None:
        """Add the rows of one finished benchmark and hand them to the system."""
        with explained_files(self.probes), self.probes.open("a", encoding="utf-8") as file:
            file.writelines(dumps(row) + "\n" for row in probe_rows([benchmark]))

    def rewrite_probes(self, benchmarks: Iterable[Mapping[str, Any]]) -> None:
        """Make probes.jsonl exactly these benchmarks' rows: a half-written or repeated one goes."""
        self._replace(self.probes, "".join(dumps(row) + "\n" for row in probe_rows(benchmarks)))

    def write_plan(self, plan: Plan) -> None:
        """plan.json, and triples.jsonl for people and data tools."""
        self._replace(self.plan, dumps(plan_to_json(plan)) + "\n")
        self._replace(self.triples, "".join(dumps(row) + "\n" for row in _triples(plan)))

    def read_plan(self) -> dict[str, Any] | None:
        """The plan as JSON, or None when the run kept none."""
        if not self.plan.is_file():
            return None
        plan: dict[str, Any] = json.loads(self.plan.read_text(encoding="utf-8"))
        return plan

    def copy_from(self, other: "RunFolder", plan: bool) -> None:
        """Take another run's edit, and its plan too if asked, so that this folder stands alone."""
        self.make()
        wanted = (other.edit, other.plan, other.triples) if plan else (other.edit,)
        with explained_files(self.path):
            for file in wanted:
                if file.is_file():
                    shutil.copyfile(file, self.path / file.name)

    def _replace(self, path: Path, text: str) -> None:
        draft = path.with_name(path.name + ".new")
        with explained_files(path):
            try:
                draft.write_text(text, encoding="utf-8")
                draft.replace(path)
            except OSError:
                draft.unlink(missing_ok=True)
                raise


def probe_rows(benchmarks: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One flat row per measured probe: its benchmark, its place in it, then the probe's own fields."""
    return [
        {"benchmark": benchmark["id"], "index": index, **probe}
        for benchmark in benchmarks
        for index, probe in enumerate(benchmark.get("probes") or ())
    ]


def _triples(plan: Plan) -> list[dict[str, Any]]:
    kept = [("validation", probe) for probe in plan.paraphrases]
    kept += [(benchmark, probe) for benchmark, probes in plan.probes.items() for probe in probes]
    kept += [("synthetic", probe) for synthetic in plan.synthetic for probe in synthetic.probes]
    rows = [{"benchmark": benchmark, "rejected": None, **probe.to_json()} for benchmark, probe in kept]
    return rows + [
        {"benchmark": reject.benchmark, "rejected": reject.reason, **reject.probe.to_json()}
        for reject in plan.rejects
    ]
