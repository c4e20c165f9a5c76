"""The thirteen benchmarks on the cases of a data set, on a tiny model."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from eval_bench import Bench, lines_of

from assay.benchmarks.asking import Bench as SuiteBench
from assay.benchmarks.names import NAMES
from assay.benchmarks.suite import run_suite
from assay.evals.casefile import cases_frame
from assay.evals.correlation import FEW
from assay.evals.counterfact import EVALUATION
from assay.evals.editing import edit_of, requests_of, values_of
from assay.evals.measure import measure_case, optimise_cases
from assay.evals.scoring import SEVERAL, maker_of
from assay.models.model import weight_hash
from assay.runs.home import Home
from small import SMALL, Heard
from threads import THREADS
from tiny import tiny_model

pytestmark = pytest.mark.slow

ONE: Mapping[str, Any] = {"layers": (1,), "variants": ("r-rome",)}
SCORED: Mapping[str, Any] = {**ONE, "benchmarks": True}


@dataclass(frozen=True)
class Run:
    """A run with benchmarks that several tests look at."""

    bench: Bench
    document: Mapping[str, Any]

    @property
    def lines(self) -> dict[tuple[int, str, str], dict[str, Any]]:
        return lines_of(self.document)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    torch.set_num_threads(THREADS)  # as in conftest.py, which comes later than this
    bench = Bench(Home(tmp_path_factory.mktemp("home")), tiny_model("llama"))
    return Run(bench, bench.run("counterfact", **SCORED))


def test_a_line_has_the_scores_of_the_suite_on_that_very_edit(bench: Bench) -> None:
    """Wanted: the edit made again and put on a bench of its own, with nothing read before."""
    model, means, maker = bench.model, bench.means(), maker_of(True)
    assert maker is not None
    lines = lines_of(bench.run("counterfact", layers=(1, 2), variants=("rome",), limit=1, benchmarks=True))
    assert len(lines) == 2
    for (layer, variant, id), line in lines.items():
        (case,) = (c for c in bench.data("counterfact").cases if c.id == id)
        requests = requests_of(case)
        edit = edit_of(model, requests, values_of(model, requests, layer, means), variant, means)
        plan = maker.plan(replace(requests[0], relation=None), means.seed, 6, 2)
        suite = SuiteBench(model, edit, plan, means.moments, SMALL.bench, means.seed)
        wanted = {result.score.id: result.score for result in run_suite(suite)}
        assert line["scores"] == {
            name: None if score.value is None else pytest.approx(score.value, abs=2e-5)
            for name, score in wanted.items()
        }
        assert line["unscored"] == {n: s.reason for n, s in wanted.items() if s.value is None}
        assert any(v is None for v in line["scores"].values()) and line["scores"]["ripple_bench"] < 1
        assert line["generic"] is plan.generic is False
    assert weight_hash(model.module) == model.hash


def test_the_papers_metrics_are_the_same_with_and_without(run: Run) -> None:
    plain, scored = run.bench.run("counterfact", **ONE), run.document
    own = {"scores", "unscored", "generic"}
    without = {key: {k: v for k, v in line.items() if k not in own} for key, line in lines_of(scored).items()}
    assert without == lines_of(plain)
    assert plain["cells"][0]["benchmarks"] is None
    assert plain["cells"][0]["metrics"] == scored["cells"][0]["metrics"]


def test_a_line_without_scores_is_not_finished(bench: Bench) -> None:
    """Nor do lines with scores stand for others: each kind goes on from its own file."""
    plain = bench.run("counterfact", limit=1, **ONE)
    before = Path(plain["cells"][0]["file"]).read_bytes()
    scored = bench.run("counterfact", limit=1, **SCORED)
    assert "cases" in scored["timings"]
    assert all(line["scores"].keys() == NAMES.keys() for line in lines_of(scored).values())
    assert Path(plain["cells"][0]["file"]).read_bytes() == before
    for changes in (ONE, SCORED):
        assert "cases" not in bench.run("counterfact", limit=1, **changes)["timings"]


def test_other_settings_of_the_benchmarks_are_other_lines(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def files(**changes: Any) -> list[str]:
        return [cell["file"] for cell in bench.run("counterfact", limit=1, **changes)["cells"]]

    plain, scored = files(**ONE), files(**SCORED)
    monkeypatch.setattr("eval_bench.SMALL", replace(SMALL, bench=replace(SMALL.bench, n_probes=5)))
    fewer = files(**SCORED)
    monkeypatch.setattr("assay.evals.run.VERSION", -1)  # of the catalogue
    assert len({*scored, *fewer, *files(**SCORED)}) == 3
    assert files(**ONE) == plain


def test_a_case_stopped_between_two_cells_goes_on_to_the_same_scores(bench: Bench) -> None:
    """What the first cell read of the unedited model is not there when the second is measured alone."""
    changes: Mapping[str, Any] = {"layers": (1, 2), "benchmarks": True, "limit": 1}
    wanted = lines_of(bench.run("counterfact", **changes))
    assert len(wanted) == 4
    for cell in bench.run("counterfact", **changes)["cells"][1:]:
        Path(cell["file"]).write_bytes(b"")
    assert lines_of(bench.run("counterfact", **changes)) == wanted


def test_a_case_with_several_facts_has_no_score_and_says_why(bench: Bench) -> None:
    document = bench.run("mquake", **SCORED)
    lines = lines_of(document)
    several, one = lines[1, "r-rome", "1"], lines[1, "r-rome", "2"]
    assert (several["edits"], one["edits"]) == (2, 1)
    assert several["scores"] == dict.fromkeys(NAMES)
    assert several["unscored"] == dict.fromkeys(NAMES, SEVERAL)
    assert several["generic"] is None
    assert one["scores"]["locality_sensitivity_score"] > 0
    found = document["cells"][0]["benchmarks"]
    assert (found["cases"], found["several_facts"]) == (1, 1)
    assert [m["id"] for m in found["metrics"]] == ["multi_hop", "edit_wise", "instance_wise"]


def test_a_relation_that_is_not_recognised_has_generic_probes(bench: Bench) -> None:
    case = bench.data("counterfact").cases[0]
    odd = replace(case.first, prompt="The nickname that sailors gave Old Berlin rhymes with")
    case = replace(case, rewrites=(odd,))
    means = bench.means()
    cells = {(1, "r-rome"): optimise_cases(bench.model, [case], 1, means)[case.id]}
    ((_, line),) = measure_case(bench.model, case, EVALUATION, cells, means, 1, maker_of(True))
    assert line["generic"] is True
    assert line["scores"]["locality_sensitivity_score"] > 0
    assert line["seconds_scores"] > 0


def test_the_summary_is_made_of_the_lines(run: Run) -> None:
    found = run.document["cells"][0]["benchmarks"]
    lines = list(run.lines.values())
    assert [m["id"] for m in found["metrics"]] == ["PS", "NS", "EM", "PM", "NM"]
    assert (found["cases"], found["generic"]) == (2, 0)
    for row in found["scores"]:
        values = [line["scores"][row["id"]] for line in lines if line["scores"][row["id"]] is not None]
        assert row["n"] == len(values)
        assert row["mean"] == (pytest.approx(sum(values) / len(values)) if values else None)
        assert sum(row["unscored"].values()) == 2 - len(values)
        assert [c["reason"] for c in row["correlations"]] == [FEW] * 5
    json.dumps(found)


def test_the_table_has_a_column_for_each_benchmark(run: Run) -> None:
    frame = cases_frame(run.document["cells"][0]["file"])
    assert set(NAMES) < set(frame.columns)
    scores = [line["scores"]["ripple_bench"] for line in run.lines.values()]
    assert list(frame["ripple_bench"]) == scores
    assert frame["leme"].isna().all() and frame["leme"].dtype == float
    assert set(NAMES).isdisjoint(cases_frame(run.bench.run("counterfact", **ONE)["cells"][0]["file"]).columns)


def test_progress_says_that_the_cases_are_scored_too(bench: Bench) -> None:
    heard = Heard()
    document = bench.run("counterfact", heard, limit=1, **SCORED)
    steps = [(e["title"], e["done"], e["total"]) for e in heard.of("stage_progress") if e["stage"] == "eval"]
    assert steps == [("editing and scoring case by case", done, 1) for done in (0, 1)]
    raw = json.loads(Path(document["cells"][0]["file"]).read_text())
    parts = ("seconds_before", "seconds_value", "seconds_edit", "seconds_scores")
    assert document["cells"][0]["seconds_per_case"] == pytest.approx(sum(raw[p] for p in parts))
