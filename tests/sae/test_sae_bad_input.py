"""What users are told at the command line of an SAE that does not fit: three lines, status 2, no traceback."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from test_index_codes import indexed, tiny_sae
from typer.testing import CliRunner, Result

from assay.cli.main import app
from assay.models.load import load
from assay.sae.formats.save import save_sae
from assay.sae.formats.table import load_sae
from small import save_tiny
from tiny import TEXT
from training import one_thread  # noqa: F401 - a fixture

Assay = Callable[..., Result]
READERS = ("eval", "index")
"""Commands that run a model on text."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def sae(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 64 features, reading block 1 of ``model``."""
    torch.set_num_threads(1)
    made = tiny_sae(load(str(model), tmp_path_factory.mktemp("cache")))
    named = replace(made, model_id=str(model), start_token=True, context=32)
    return save_sae(named, tmp_path_factory.mktemp("sae") / "tiny")


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("text") / "text.txt"
    line = TEXT.replace("\n", " ")
    path.write_text("\n".join(f"{line} {n}." for n in range(40)))
    return path


@pytest.fixture
def refusal(text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[str, ...]]:
    """The parts of the error that a command ends with; one word is a command of ``assay sae``."""
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path / "home"))

    def run(command: str, *words: object) -> tuple[str, ...]:
        corpus = ("--corpus", str(text)) if command in READERS and "--corpus" not in words else ()
        group = () if command == "features" else ("sae",)
        result = CliRunner().invoke(app, [*group, command, *map(str, words), *corpus])
        assert result.exit_code == 2 and result.stdout == "" and "Traceback" not in result.stderr
        assert isinstance(result.exception, SystemExit)
        lines = [
            line for line in result.stderr.splitlines() if line[:8] in ("came:   ", "wanted: ", "to do:  ")
        ]
        assert len(lines) == 3 and result.stderr.endswith("\n".join(lines) + "\n")
        return tuple(line[8:] for line in lines)

    return run


Refusal = Callable[..., tuple[str, ...]]


@pytest.mark.slow
@pytest.mark.parametrize("command", READERS)
def test_a_model_of_another_width(
    command: str, refusal: Refusal, sae: Path, model: Path, tmp_path: Path
) -> None:
    other = save_tiny(tmp_path / "wide", hidden_size=64)
    assert refusal(command, sae, "--model", other) == (
        f"vectors of width 64 for the SAE {sae}",
        f"width 32, as {model} has",
        "load the model this SAE was trained on, or an SAE of this model",
    )


@pytest.mark.parametrize("command", READERS)
def test_a_model_that_is_not_there(command: str, refusal: Refusal, sae: Path, tmp_path: Path) -> None:
    came, wanted, todo = refusal(command, sae, "--model", tmp_path)
    assert came == f"the folder {tmp_path} has no config.json"
    assert (wanted, todo) == ("a Hugging Face model folder", "check the path")


@pytest.mark.parametrize("command", READERS)
def test_an_sae_that_names_no_model(command: str, refusal: Refusal, sae: Path, tmp_path: Path) -> None:
    nameless = save_sae(replace(load_sae(sae), model_id=None), tmp_path / "nameless")
    assert refusal(command, nameless) == (
        f"the SAE {nameless}, which does not say which model it reads",
        "the name of a model",
        "name it with --model",
    )


@pytest.mark.slow
@pytest.mark.parametrize("command", READERS)
def test_another_layer(command: str, refusal: Refusal, sae: Path, tmp_path: Path) -> None:
    assert refusal(command, sae, "--layer", "2") == (
        f"layer 2 for the SAE {sae}, which was trained after block 1",
        "layer 1",
        "read layer 1, or load the SAE of layer 2",
    )
    anywhere = save_sae(replace(load_sae(sae), layer=None, hook=None), tmp_path / "anywhere")
    assert refusal(command, anywhere) == (
        f"the SAE {anywhere}, which does not say which layer it reads",
        "the number of a block, counted from 0",
        "name it with --layer",
    )
    came, wanted, todo = refusal(command, anywhere, "--layer", "4")
    assert came.startswith("layer 4 of ")
    assert (wanted, todo) == ("a layer from 0 to 3", "pass --layer with a number in that range")


@pytest.mark.parametrize("command", READERS)
def test_another_place_than_the_residual_stream(
    command: str, refusal: Refusal, sae: Path, tmp_path: Path
) -> None:
    inside = save_sae(replace(load_sae(sae), layer=None, hook="blocks.1.hook_mlp_out"), tmp_path / "inside")
    assert refusal(command, inside, "--layer", "1") == (
        f"the SAE {inside} reads blocks.1.hook_mlp_out",
        "an SAE of the residual stream after a block",
        "choose one trained there: its hook is blocks.N.hook_resid_post, or names the block itself",
    )


def every(sae: Path, out: Path) -> tuple[tuple[object, ...], ...]:
    """Each command that takes an SAE."""
    return (("eval", sae), ("index", sae), ("import", sae, out), ("features", "show", "3", "--sae", sae))


def test_weights_cut_short(refusal: Refusal, sae: Path, tmp_path: Path) -> None:
    folder = save_sae(load_sae(sae), tmp_path / "cut")
    weights = folder / "sae_weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    for words in every(folder, tmp_path / "out"):
        came, wanted, todo = refusal(*words)
        assert came.startswith(f"{folder}: sae_weights.safetensors cannot be read: ")
        assert (wanted, todo) == ("a whole file", "copy or download it again: it may be cut short")


def test_a_folder_of_no_known_format(refusal: Refusal, tmp_path: Path) -> None:
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "model.bin").touch()
    for words in every(tmp_path / "odd", tmp_path / "out"):
        came, wanted, todo = refusal(*words)
        assert came == f"{tmp_path / 'odd'}: no SAE of a known format, only model.bin"
        assert wanted.startswith("one of sae_weights.safetensors (SAELens); sae.safetensors (sparsify); ")
        assert todo == (
            "check the path, or convert the SAE to SAELens' format with the library that wrote it"
        )


def test_a_name_that_is_none(refusal: Refusal, sae: Path, tmp_path: Path) -> None:
    for words in every(tmp_path / "none", tmp_path / "out"):
        assert refusal(*words) == (
            f"the SAE '{tmp_path / 'none'}', which is neither an alias nor a folder",
            "an alias (smollm2), a folder that holds an SAE, or owner/name[/folder] on the hub",
            "check the spelling or the path",
        )
    assert refusal("eval", sae / "cfg.json")[2] == "name the folder, not a file in it"


@pytest.mark.parametrize("feature", ["64", "100000"])
def test_a_feature_that_does_not_exist(
    refusal: Refusal, sae: Path, model: Path, tmp_path: Path, feature: str
) -> None:
    cache = tmp_path / "home" / "cache"
    indexed(load(str(model), cache), load_sae(sae), cache)
    assert refusal("features", "show", feature, "--sae", sae) == (
        f"feature {feature} of the SAE {sae}",
        "a feature from 0 to 63",
        "choose a number in that range",
    )


def test_too_little_text_to_hold_any_out(refusal: Refusal, sae: Path, tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text(TEXT.replace("\n", " "))
    assert refusal("eval", sae, "--corpus", str(tmp_path / "one.txt")) == (
        f"1 documents in corpus '{tmp_path / 'one.txt'}', none of them on one side of the split",
        "enough to hold 5% of them out",
        "give more text",
    )
