"""``assay edit --sae`` and what is shown of it, on a tiny model and a random autoencoder."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import pytest
import torch
from typer.testing import Result

from assay.features.place import place_of
from assay.options import Options
from assay.pipeline import run_edit
from assay.runs.home import Home
from assay.runs.recording import recording
from assay.runs.store import Store
from assay.sae.coder import SAE
from assay.sae.formats.save import save_sae
from assay.sae.formats.table import load_sae
from small import LENIENT, TOWER, save_tiny

pytestmark = pytest.mark.slow

Assay = Callable[..., Result]

EDIT = ("edit", "--prompt", TOWER.prompt, "--subject", TOWER.subject, "--target", "Berlin")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def sae(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every axis of the residual stream after block 2, in both directions."""
    axes = torch.cat([torch.eye(32), -torch.eye(32)])
    coder = SAE("axes", "relu", axes.T, torch.zeros(64), axes, torch.zeros(32), layer=2)
    return save_sae(coder, tmp_path_factory.mktemp("sae"))


def test_a_run_that_is_rolled_back_has_no_footprint_but_its_subject(
    assay: Assay, folder: Path, sae: Path
) -> None:
    result = assay(
        *EDIT,
        "--model",
        str(folder),
        "--layer",
        "1",
        "--no-trace",
        "--no-report",
        "--sae",
        str(sae),
        "--json",
    )
    assert result.exit_code == 1, result.stderr
    run = json.loads(result.stdout)
    assert run["footprint"] is None
    assert run["carried"]["reason"] == "the purity of this SAE's features is not known"
    assert run["carried"]["features"][0]["share"] > 0
    assert run["options"]["sae"] == str(sae)


def test_the_users_own_scores_warn_before_an_edit(assay: Assay, home: Home, folder: Path, sae: Path) -> None:
    place = place_of(home.root, load_sae(sae).hash, sae)
    place.own.mkdir(parents=True)
    table = pd.DataFrame({"feature": range(64), "label": "axis", "purity": 0.4, "pattern": "LLL"})
    table.to_parquet(place.table_path)
    options = ("--model", str(folder), "--layer", "1", "--no-trace", "--no-report", "--sae", str(sae))
    result = assay(*EDIT, *options, "--json")
    assert result.exit_code == 1, result.stderr
    carried = json.loads(result.stdout)["carried"]
    assert carried["warning"].startswith("Features of low purity")
    assert {row["label"] for row in carried["features"]} == {"axis"}


@pytest.mark.parametrize("name", ["smolm2", "/nowhere/at/all"])
def test_an_autoencoder_that_does_not_exist_is_bad_input(assay: Assay, folder: Path, name: str) -> None:
    result = assay(*EDIT, "--model", str(folder), "--sae", name, "--json")
    assert result.exit_code == 2
    error = json.loads(result.stdout)["error"]
    assert error["kind"] == "ModelError" and name in error["came"]
    assert (
        "an alias (smollm2), a folder that holds an SAE, or owner/name[/folder] on the hub" in error["wanted"]
    )


@pytest.fixture
def committed(home: Home, folder: Path, sae: Path) -> str:
    """A run with a committed edit and its footprint."""
    options = Options(model=str(folder), layer=1, bench=False, trace=False, sae=str(sae))
    with Store(home) as store:
        run_id = store.create_run("edit", TOWER.to_json(), asdict(options))
        with recording(store, run_id) as run:
            run.finish(run_edit(TOWER, options, run.emit, home.cache, run.save, LENIENT).status)
    return run_id


def test_a_footprint_is_kept_shown_reported_and_inherited(assay: Assay, home: Home, committed: str) -> None:
    stored = json.loads((home.run(committed) / "run.json").read_text())
    totals = stored["footprint"]["totals"]
    # Features of all axes explain all of any change.
    assert totals["explained"] == pytest.approx(1, abs=1e-4) and totals["length_on_subject"] > 0
    text = assay("runs", "show", committed).stdout
    assert all(len(line) <= 80 for line in text.splitlines())
    assert "Features explain 100% of that change (cosine 1.00)" in " ".join(text.split())
    assert assay("report", committed).exit_code == 0
    page = (home.run(committed) / "report.html").read_text()
    assert "Which features the edit moved" in page and 'class="moved-on' in page
    measured = assay("bench", committed, "--only", "zsre", "--no-report", "--json")
    assert measured.exit_code == 0, measured.stderr
    again = json.loads(measured.stdout)
    assert (again["footprint"], again["carried"]) == (stored["footprint"], stored["carried"])
