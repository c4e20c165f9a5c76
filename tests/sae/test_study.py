"""From the command line to autoencoders on disk, on a tiny model; and what is said of wrong arguments."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner, Result

from assay.cli.main import app
from assay.errors import InputError
from assay.runs.home import find_home
from assay.sae import study
from assay.sae.formats.table import load_sae
from assay.sae.recipe import RECIPES, Recipe, recipe
from assay.sae.study import make
from assay.settings import ActivationSettings, SaeSettings
from small import save_tiny
from tiny import TEXT
from training import one_thread  # noqa: F401 - a fixture

pytestmark = pytest.mark.slow

Assay = Callable[..., Result]
STEPS = ("--features", "64", "--passes", "2", "--layer", "1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "text.txt"
    words = TEXT.split()
    lines = [" ".join(words[n % len(words) :] + words[: n % len(words)]) + f" {n}." for n in range(60)]
    path.write_text("\n".join(lines))
    return path


@pytest.fixture
def assay(folder: Path, text: Path, monkeypatch: pytest.MonkeyPatch) -> Assay:
    monkeypatch.setenv("COLUMNS", "80")
    words = ("--model", str(folder), "--corpus", str(text), *STEPS)
    return lambda command, *more: CliRunner().invoke(app, ["sae", command, *words, *more])


def test_train(assay: Assay, tmp_path: Path, text: Path, folder: Path) -> None:
    result = assay("train", "--k", "4", "--out", str(tmp_path / "sae"), "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["recipe"]["corpora"] == [str(text)]
    assert document["training"]["steps"] == document["training"]["token_passes"] // SaeSettings.batch > 0
    assert document["evaluation"]["tokens"] > 0
    sae = load_sae(tmp_path / "sae")
    assert (sae.d_in, sae.d_sae, sae.layer, sae.start_token) == (32, 64, 1, True)
    assert sae.model_id == str(folder) and sae.hash == document["hash"]
    kept = json.loads((tmp_path / "sae" / study.RECORD).read_text())
    assert kept["evaluation"] == document["evaluation"]

    shown = assay("train", "--k", "4", "--out", str(tmp_path / "again"))
    assert load_sae(tmp_path / "again").hash == sae.hash
    assert all(word in shown.stdout for word in ("L0", "EV", "recovered", "dead", "dense", "held-out"))
    assert all(len(line) <= 80 for line in shown.stdout.splitlines() if str(tmp_path) not in line)


def test_the_baseline_is_trained_by_its_penalty(assay: Assay, tmp_path: Path) -> None:
    result = assay("train", "--l1", "2.5", "--out", str(tmp_path / "sae"), "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    settings = document["training"]["settings"]
    assert (settings["architecture"], settings["l1"]) == ("relu", 2.5)
    assert document["recipe"]["sae"] == settings
    assert load_sae(tmp_path / "sae").architecture == "relu"
    named = json.loads(assay("train", "--l1", "2.5", "--json").stdout)
    assert Path(named["folder"]).name.endswith("-layer1-64-l1-2.5") and named["hash"] == document["hash"]


@pytest.mark.parametrize(("option", "values"), [("k", "8,2"), ("l1", "1,5")])
def test_sweep(assay: Assay, tmp_path: Path, option: str, values: str) -> None:
    result = assay("sweep", f"--{option}", values, "--out", str(tmp_path), "--json")
    assert result.exit_code == 0, result.stderr
    document = json.loads(result.stdout)
    assert [row[option] for row in document["rows"]] == sorted(map(float, values.split(",")))
    for row in document["rows"]:
        assert load_sae(row["folder"]).architecture == ("jumprelu" if option == "k" else "relu")
        assert row["judged"] > 0 and 0 <= row["polysemantic"] <= 1 and 0 <= row["one_token"] <= 1
        kept = json.loads((Path(row["folder"]) / study.RECORD).read_text())
        assert {name: row[name] for name in kept["quality"]} == kept["quality"]
    picture = ElementTree.fromstring((tmp_path / "sweep.svg").read_text())
    assert len(picture.findall("{*}g")) >= 4
    assert not (find_home().cache / "quality").exists()
    assert json.loads((tmp_path / "sweep.json").read_text())["rows"] == document["rows"]


def test_a_sweep_is_a_table(assay: Assay, tmp_path: Path) -> None:
    shown = assay("sweep", "--k", "2,4", "--out", str(tmp_path))
    assert shown.exit_code == 0, shown.stderr
    assert shown.stdout.splitlines()[0].split() == [
        "k",
        "L0",
        "EV",
        "recovered",
        "dead",
        "dense",
        "polysemantic",
    ]
    assert [line.split()[0] for line in shown.stdout.splitlines()[1:3]] == ["2", "4"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("train", "--corpus", "wikki"), "no text at 'wikki'"),
        (("train", "--layer", "4"), "a layer from 0 to 3"),
        (("train", "--k", "65"), "k = 65 of 64 features"),
        (("train", "--k", "2", "--l1", "3"), "--k and --l1 together"),
        (("train", "--l1", "0"), "--l1 0\nwanted: a number above 0"),
        (("train", "--recipe", "lama"), "did you mean llama-3.2-1b?"),
        (("train", "--passes", "0"), "0 passes"),
        (("train", "--tokens", "900"), "900 training tokens"),
        (("sweep",), "neither --k nor --l1"),
        (("sweep", "--k", "2", "--l1", "3"), "--k and --l1 together"),
        (("sweep", "--k", "2,x"), "--k '2,x'\nwanted: whole numbers above 0"),
        (("sweep", "--l1", "0"), "--l1 '0'\nwanted: numbers above 0"),
    ],
)
def test_what_is_said_of_wrong_arguments(
    assay: Assay, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    result = assay(words[0], "--out", str(tmp_path), *words[1:])
    assert result.exit_code == 2
    assert said in result.stderr
    assert not list(tmp_path.iterdir())


def test_recipes() -> None:
    assert recipe(None, None, None) == recipe("smollm2", None, None) == RECIPES["smollm2"]
    reference = recipe("llama-3.2-1b", None, None)
    assert (reference.model, reference.layer) == ("meta-llama/Llama-3.2-1B-Instruct", 8)
    assert reference.sae.features == 16_384
    assert recipe(None, "meta-llama/Llama-3.2-1B-Instruct", 5) == replace(reference, layer=5)
    assert recipe(None, "gpt2", 6).model == "gpt2"
    with pytest.raises(InputError, match="model 'gpt2' without a layer"):
        recipe(None, "gpt2", None)


def test_a_finished_run_leaves_no_state(folder: Path, text: Path, tmp_path: Path) -> None:
    tiny = Recipe(str(folder), 1, (str(text),), SaeSettings(features=32, k=2), ActivationSettings(context=32))
    made = make(tiny, [(tmp_path / "sae", tiny.sae)], tmp_path / "cache")
    assert made[0].trained.settings == tiny.sae
    assert list((tmp_path / "cache" / "training").iterdir()) == []
