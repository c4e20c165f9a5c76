"""Stopped anywhere, an evaluation goes on to the same result."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from eval_bench import Bench, lines_of

from assay.errors import InputError, StoreError
from assay.evals.casefile import CaseFile, cases_frame
from assay.models.model import weight_hash
from assay.runs.home import Home
from assay.runs.process import only_writer
from small import Heard

pytestmark = pytest.mark.slow

DRIVER = """
import os, signal, sys
from pathlib import Path
import torch
import assay.evals.run
from assay.runs.home import Home
from eval_bench import Bench
from threads import THREADS
from tiny import tiny_model

torch.set_num_threads(THREADS)  # as in conftest.py: sums are added up in another order by another number

def listen(kind, data):
    if kind == "stage_progress" and data["stage"] == "eval" and data["done"] == 1:
        os.kill(os.getpid(), signal.SIGKILL)

assay.evals.run.TOGETHER = 1
Bench(Home(Path(sys.argv[1])), tiny_model("llama")).run("counterfact", listen)
"""


def figures(document: Mapping[str, Any]) -> list[Any]:
    return [cell["metrics"] for cell in document["cells"]]


def whole_run(bench: Bench, folder: Path) -> dict[str, Any]:
    """The same run, never stopped, in another home."""
    return Bench(Home(folder), bench.model).run("counterfact")


@pytest.fixture(autouse=True)
def _one_case_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a run of two cases can be stopped in the middle."""
    monkeypatch.setattr("assay.evals.run.TOGETHER", 1)


def test_a_killed_run_goes_on_to_the_same_result(bench: Bench, tmp_path: Path) -> None:
    here = Path(__file__).parent
    child = subprocess.run(
        [sys.executable, "-c", DRIVER, str(bench.home.root)],
        env={**os.environ, "PYTHONPATH": f"{here.parent}:{here}"},
        capture_output=True,
        check=False,
    )
    assert child.returncode == -signal.SIGKILL, child.stderr
    files = sorted((bench.home.root / "evals").glob("*/cases.jsonl"))
    kept = [file.read_bytes() for file in files]
    assert [raw.count(b"\n") for raw in kept] == [1, 1, 1, 1]

    resumed = bench.run("counterfact")
    assert [file.read_bytes()[: len(raw)] for file, raw in zip(files, kept, strict=True)] == kept
    whole = whole_run(bench, tmp_path / "whole")
    assert lines_of(resumed) == lines_of(whole)
    assert figures(resumed) == figures(whole)
    assert weight_hash(bench.model.module) == bench.model.hash


def test_a_line_that_was_cut_off_is_measured_again(bench: Bench) -> None:
    whole = bench.run("counterfact")
    wanted = lines_of(whole)
    file = Path(whole["cells"][0]["file"])
    raw = file.read_bytes()
    file.write_bytes(raw[:-40])
    assert len(cases_frame(file)) == 1
    again = bench.run("counterfact")
    assert lines_of(again) == wanted
    assert figures(again) == figures(whole)
    assert file.read_bytes().count(b"\n") == 2


def test_a_finished_run_is_only_summed_up_again_and_fresh_begins_again(bench: Bench) -> None:
    first = bench.run("counterfact")
    file = Path(first["cells"][0]["file"])
    stamp = file.read_bytes()
    again = bench.run("counterfact")
    assert figures(again) == figures(first)
    assert file.read_bytes() == stamp
    assert "cases" not in again["timings"]
    fresh = bench.run("counterfact", fresh=True)
    assert "cases" in fresh["timings"]
    assert lines_of(fresh) == lines_of(first)


def test_a_longer_run_goes_on_from_a_shorter_one(bench: Bench) -> None:
    short = bench.run("counterfact", limit=1)
    assert short["counts"] == {
        "records": 3,
        "run": 1,
        "unknown": 0,
        "not_asked": 1,
        "skipped": {"prompt template without exactly one {}": 1},
    }
    first = Path(short["cells"][0]["file"]).read_bytes()
    long = bench.run("counterfact")
    assert [c["file"] for c in long["cells"]] == [c["file"] for c in short["cells"]]
    assert Path(long["cells"][0]["file"]).read_bytes().startswith(first)
    assert figures(bench.run("counterfact", limit=1)) == figures(short)


def test_seed_layer_and_variant_have_files_of_their_own(bench: Bench) -> None:
    files = {cell["file"] for seed in (0, 1) for cell in bench.run("zsre", seed=seed)["cells"]}
    assert len(files) == 8


def test_a_damaged_file_says_how_to_begin_again(bench: Bench) -> None:
    document = bench.run("zsre")
    file = Path(document["cells"][0]["file"])
    file.write_bytes(b"{no\n" + file.read_bytes())
    with pytest.raises(StoreError, match=r"line 1 of .* not whole JSON") as caught:
        bench.run("zsre")
    assert caught.value.todo == "begin again with --fresh"
    bench.run("zsre", fresh=True)


def test_a_model_that_knows_nothing_is_told(bench: Bench) -> None:
    with pytest.raises(InputError, match="knows none") as caught:
        bench.run("counterfact", rule="argmax")
    assert "--known all" in caught.value.todo


def test_the_per_case_file_is_a_table(bench: Bench) -> None:
    cell = bench.run("counterfact")["cells"][0]
    frame = cases_frame(cell["file"])
    assert list(frame["case"]) == ["7", "8"]
    assert {"relation", "subject", "layer", "variant", "ES", "ES_before", "seconds_edit"} <= set(
        frame.columns
    )
    assert frame["PS_pararel"].isna().all() and frame["PS_pararel"].dtype == float
    value = next(m["value"] for m in cell["metrics"] if m["id"] == "PS")
    assert 100 * frame["PS"].mean() == pytest.approx(value)
    assert cases_frame(Path(cell["file"]).parent).equals(frame)
    with pytest.raises(StoreError, match="no file"):
        cases_frame(bench.home.root)


def test_lines_hold_the_evidence(bench: Bench) -> None:
    document = bench.run("counterfact", layers=(1,), variants=("rome",))
    line = json.loads(Path(document["cells"][0]["file"]).read_text().splitlines()[0])
    assert [p["purpose"] for p in line["prompts"]] == ["rewrite", *["paraphrase"] * 2, *["neighborhood"] * 2]
    assert line["prompts"][0]["answers"] == ["Rome", "Paris"]
    assert len(line["prompts"][0]["after"]["nll"]) == 2
    assert {t["purpose"] for t in line["tests"]} >= {"free_rewrite", "contains_paraphrase"}
    assert (line["layer"], line["variant"], line["method"]) == (1, "rome", "rome")


def test_progress_says_how_many_cases_are_done_and_how_many_are_known(bench: Bench) -> None:
    heard = Heard()
    bench.run("counterfact", heard)
    steps = [(e["title"], e["done"], e["total"]) for e in heard.of("stage_progress") if e["stage"] == "eval"]
    assert steps == [("editing case by case", done, 2) for done in (0, 1, 2)]
    assert [e["stage"] for e in heard.of("stage_started")][-2:] == ["contexts", "eval"]
    heard = Heard()
    with pytest.raises(InputError):
        bench.run("counterfact", heard, rule="argmax")
    (known,) = [e for e in heard.of("stage_progress") if e["stage"] == "known"]
    assert (known["title"], known["done"], known["total"]) == ("known facts: 0 of 2", 2, 2)


def test_two_processes_never_write_the_same_cases(bench: Bench) -> None:
    document = bench.run("zsre", layers=(1,))
    with (
        only_writer(Path(document["cells"][0]["file"]).parent, "other"),
        pytest.raises(StoreError, match="is writing now"),
    ):
        bench.run("zsre", layers=(1,))


def test_an_empty_file_has_no_cases(tmp_path: Path) -> None:
    file = CaseFile(tmp_path)
    assert file.read() == {}
    file.append({"case": "1"})
    file.append({"case": "2"})
    assert list(file.read()) == ["1", "2"]
    file.clear()
    assert file.read() == {}
