"""``assay sae eval``: its figures are those of training, in every format, under an alias, at 80 columns."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner, Result

from assay.cli.main import app
from assay.errors import InputError
from assay.sae import exam, shipped
from assay.sae.coder import SAE
from assay.sae.exam import examine
from assay.sae.formats.save import save_sae
from assay.sae.formats.table import load_sae
from assay.sae.recipe import Recipe
from assay.sae.study import RECORD, make
from assay.settings import ActivationSettings, SaeSettings
from small import Heard, save_tiny
from tiny import TEXT
from training import one_thread  # noqa: F401 - a fixture

Assay = Callable[..., Result]
SMALL = ActivationSettings(context=32, held_out=0.3, evaluated=400, spliced=100)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "text.txt"
    words = TEXT.replace(".", "").split()
    drawn = [Random(n).sample(words, 12) for n in range(600)]  # sentences of which no two are the same
    lines = [" ".join(f"{' '.join(one)}." for one in drawn[n : n + 6]) for n in range(0, 600, 6)]
    path.write_text("\n".join(lines))
    return path


@pytest.fixture(scope="module")
def trained(model: Path, text: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny autoencoder as ``assay sae train`` leaves it."""
    torch.set_num_threads(1)
    recipe = Recipe(str(model), 1, (str(text),), SaeSettings(features=64, k=4, passes=2))
    return make(
        recipe, [(tmp_path_factory.mktemp("sae") / "tiny", recipe.sae)], tmp_path_factory.mktemp("c")
    )[0].folder


@pytest.fixture
def assay(monkeypatch: pytest.MonkeyPatch) -> Assay:
    monkeypatch.setenv("COLUMNS", "80")
    return lambda *words: CliRunner().invoke(app, ["sae", *map(str, words)])


def gemma(sae: SAE, folder: Path) -> Path:
    """The same coder in the files of Gemma Scope, whose coders do not take ``b_dec`` from their input."""
    assert sae.threshold is not None
    folder.mkdir(parents=True)
    tensors = {
        "W_enc": sae.W_enc,
        "b_enc": sae.b_enc - sae.b_dec @ sae.W_enc,
        "W_dec": sae.W_dec,
        "b_dec": sae.b_dec,
        "threshold": sae.threshold,
    }
    np.savez(folder / "params.npz", **{name: tensor.numpy() for name, tensor in tensors.items()})
    return folder


@pytest.mark.slow
def test_the_figures_are_those_of_training(assay: Assay, trained: Path, model: Path, text: Path) -> None:
    """Model, layer, text, its held-out part and the length of its rows are the SAE's own."""
    result = assay("eval", trained, "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    kept = json.loads((trained / RECORD).read_text())
    assert found["evaluation"] == kept["evaluation"]
    assert found["sae"] == {
        "id": str(trained),
        "hash": kept["hash"],
        "architecture": "jumprelu",
        "features": 64,
    }
    assert (found["model"]["id"], found["model"]["same_weights"], found["layer"]) == (str(model), True, 1)
    assert found["corpus"]["name"] == f"{text}, held out" and found["corpus"]["context"] == 128


def test_a_table(assay: Assay, trained: Path, model: Path) -> None:
    shown = assay("eval", trained)
    assert shown.exit_code == 0, shown.stderr
    assert all(word in shown.stdout for word in ("L0", "EV", "recovered", "dead", "dense", "held-out"))
    assert "Note" not in shown.stdout
    assert shown.stdout.splitlines()[-1] == f"{trained} at layer 1 of {model}"
    assert all(len(line) <= 80 for line in shown.stdout.splitlines()[:-1])


def test_another_librarys_format(trained: Path, model: Path, text: Path, tmp_path: Path) -> None:
    """Gemma Scope's, which says the layer only, in its folder's name."""
    sae = load_sae(trained)
    folder = gemma(sae, tmp_path / "layer_1" / "width_64")
    with pytest.raises(InputError, match="which does not say which model it reads"):
        examine(folder, tmp_path, texts=[str(text)], settings=SMALL)
    heard = Heard()
    theirs = examine(folder, tmp_path, texts=[str(text)], model=str(model), settings=SMALL, emit=heard)
    assert (theirs.layer, theirs.context, theirs.same_weights) == (1, 1024, None)
    assert [event["stage"] for event in heard.of("stage_started")] == ["load", "held_out", "loss", "codes"]
    assert heard.of("stage_progress")[-1]["done"] == heard.of("stage_progress")[-1]["total"]
    ours = examine(
        save_sae(replace(sae, context=1024), tmp_path / "ours"), tmp_path, texts=[str(text)], settings=SMALL
    )
    a, b = (
        {name: value for name, value in one.evaluation.to_json().items() if value is not None}
        for one in (theirs, ours)
    )
    assert a.pop("density") and b.pop("density")  # may differ by one feature at the edge of a bin
    assert a == pytest.approx(b, rel=1e-3)
    assert theirs.text == ours.text


def test_other_weights_are_told(assay: Assay, trained: Path, tmp_path: Path) -> None:
    other = save_tiny(tmp_path / "other", seed=1)
    shown = assay("eval", trained, "--model", other)
    assert shown.exit_code == 0, shown.stderr
    assert "Note: it was trained on other weights than those of this model." in shown.stdout


@pytest.mark.slow
def test_an_alias_stands_for_a_folder(
    assay: Assay, trained: Path, text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shipped, "SHIPPED", tmp_path)
    missing = assay("eval", "smollm2")
    assert missing.exit_code == 2 and "came:   the SAE 'smollm2', whose weights" in missing.stderr
    sae = load_sae(trained)
    save_sae(sae, tmp_path / shipped.ALIASES["smollm2"].folder)
    found: dict[str, Any] = {}
    for words in (
        ("eval", "smollm2"),
        ("index", "smollm2", "--corpus", text, "--tokens", "500"),
        ("import", "smollm2", tmp_path / "out"),
    ):
        result = assay(*words, "--json")
        assert result.exit_code == 0, result.stderr
        found[words[0]] = json.loads(result.stdout)
    assert (found["eval"]["sae"]["id"], found["eval"]["sae"]["hash"]) == ("smollm2", sae.hash)
    assert found["index"]["sae_id"] == "smollm2"
    assert found["import"]["became"]["hash"] == sae.hash


def test_the_text_where_nobody_says(trained: Path) -> None:
    sae = load_sae(trained)
    assert exam._own(sae) == tuple(sae.metadata["dataset"])
    assert exam._own(replace(sae, metadata={"dataset": ["a/stranger's"]})) == exam.CORPORA
