"""The stable Python interface, as a notebook uses it."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

import assay
from assay.benchmarks.names import NAMES
from assay.edits.moments import Moments
from assay.edits.validate import Verdict
from assay.features.labels.book import FILE as LABELS
from assay.features.labels.book import LabelBook, Labelled
from assay.features.place import place_of
from assay.features.score import FeatureScores
from assay.models.model import Model, weight_hash
from assay.runs.home import find_home
from assay.sae.coder import SAE
from assay.sae.formats.save import save_sae
from planted_labels import DEAD, RIVER, planted, random_sae
from small import LENIENT, SMALL, TOWER, Heard, save_tiny

LIGHT = """
import sys, time
began = time.perf_counter()
import assay
seconds = time.perf_counter() - began
heavy = {"torch", "transformers", "pandas", "numpy", "sqlalchemy", "scipy"} & set(sys.modules)
dir(assay)
assert not heavy, heavy
assert seconds < 3, seconds  # usually 0.01; torch alone takes longer than this on a busy machine
"""

FACT = {"prompt": TOWER.prompt, "subject": TOWER.subject, "target": TOWER.target}


def test_importing_loads_nothing_heavy() -> None:
    subprocess.run([sys.executable, "-c", LIGHT], check=True)


def test_the_public_names_are_sorted_and_all_there() -> None:
    classes = [name for name in assay.__all__ if name[0].isupper()]
    functions = [name for name in assay.__all__ if name[0].islower()]
    assert assay.__all__ == sorted(classes) + sorted(functions)
    assert dir(assay) == assay.__all__
    for name in assay.__all__:
        assert getattr(assay, name).__doc__, name
    from assay import api

    assert [name for name in api.__all__ if name[0].islower()] == functions
    assert set(api.__all__) <= set(assay.__all__)


def test_a_name_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'edt'; it has: AssayError, "):
        assay.edt


def made(model: Model) -> "assay.Edit":
    return assay.edit(model, **FACT, layer=1, settings=SMALL)


def test_a_model_is_loaded_from_a_folder(tmp_path: Path) -> None:
    folder = save_tiny(tmp_path)
    assert assay.load(str(folder)).n_layers == 4
    assert assay.load(str(folder), start_token=None).start is None


def test_probabilities_are_measured(llama: Model) -> None:
    (found,) = assay.measure(llama, [assay.Probe(prompt="The capital of France is", target="Paris")])
    assert (found.prompt, found.target) == ("The capital of France is", "Paris")
    assert 0 < found.p <= found.p_mean_token < 1
    assert found.rank >= 1 and not found.argmax_all


def test_an_edit_is_data_and_comes_back_from_its_file(llama: Model, tmp_path: Path) -> None:
    edit = made(llama)
    assert weight_hash(llama.module) == llama.hash
    assert (edit.layer, edit.request.target) == (1, "Berlin")
    again = assay.load_edit(edit.save(tmp_path / "edit.safetensors"))
    assert again.id == edit.id
    with again.applied(llama):
        assert weight_hash(llama.module) != llama.hash
    assert weight_hash(llama.module) == llama.hash


@pytest.mark.slow
def test_without_a_layer_the_trace_chooses(llama: Model) -> None:
    heard = Heard()
    edit = assay.edit(llama, **FACT, settings=SMALL, emit=heard)
    assert "trace" in [data["stage"] for data in heard.of("stage_started")]
    assert 0 <= edit.layer < llama.n_layers - 1


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"subject": "Big Ben"}, "subject 'Big Ben' occurs 0 times"),
        ({"prompt": "The Eiffel Tower, yes, The Eiffel Tower is in"}, "occurs 2 times"),
        ({"target": " "}, "an empty target"),
        ({"prompt": " "}, "an empty prompt"),
        ({"old": "berlin"}, "target 'Berlin' is the old answer"),
        ({"layer": 9}, "layer 9 of tiny-llama"),
        ({"layer": 3}, "layer 3, the last of tiny-llama"),
        ({"method": "romme"}, "unknown method 'romme'"),
        ({"variant": "rrome"}, "unknown variant 'rrome'"),
    ],
)
def test_what_cannot_mean_anything_is_refused(llama: Model, wrong: dict[str, object], says: str) -> None:
    with pytest.raises(assay.InputError, match=says) as caught:
        assay.edit(llama, **{**FACT, "layer": 1, "settings": SMALL, **wrong})  # type: ignore[arg-type]
    assert caught.value.wanted and caught.value.todo
    assert weight_hash(llama.module) == llama.hash


@pytest.mark.slow
def test_an_edit_is_validated(llama: Model) -> None:
    edit = made(llama)
    strict = assay.validate(llama, edit)
    lenient = assay.validate(llama, edit, settings=LENIENT)
    assert isinstance(strict, Verdict)
    assert (strict.passed, lenient.passed) == (False, True)
    assert [check.value for check in strict.checks] == [check.value for check in lenient.checks]
    assert [check.id for check in strict.checks] == ["paraphrases", "behaviour", "representation"]
    assert weight_hash(llama.module) == llama.hash


@pytest.mark.slow
def test_an_edit_is_assessed(llama: Model) -> None:
    run = assay.assess(llama, made(llama), settings=SMALL)
    assert list(run.scores) == list(NAMES)
    assert isinstance(run.scores["zsre"], assay.Score)
    assert isinstance(run.probes, pd.DataFrame)
    assert len(run.probes) == sum(len(result.probes) for result in run.results)
    assert {"benchmark", "prompt", "target", "p_before", "p_after", "value"} <= set(run.probes.columns)
    assert run.reading.sentences
    assert weight_hash(llama.module) == llama.hash


@pytest.mark.slow
def test_benchmarks_can_be_chosen(llama: Model) -> None:
    edit = made(llama)
    run = assay.assess(llama, edit, benchmarks=["zsre", "leme"], settings=SMALL)
    assert list(run.scores) == ["leme", "zsre"]
    with pytest.raises(assay.InputError, match="unknown benchmark 'zre'"):
        assay.assess(llama, edit, benchmarks=["zre"], settings=SMALL)
    with pytest.raises(assay.InputError, match="generator 'catalog'"):
        assay.assess(llama, edit, generator="catalog", settings=SMALL)


@pytest.mark.slow
def test_moments_are_collected_once(llama: Model) -> None:
    heard = Heard()
    for _ in range(2):
        assay.edit(llama, **FACT, layer=1, settings=SMALL, emit=heard)
    assert [data["stage"] for data in heard.of("stage_started")].count("moments") == 1
    mine = Moments({1: torch.eye(llama.d_mlp)}, 1, "mine", "hash", llama.hash, {1: 0.0})
    assert (
        assay.edit(llama, **FACT, layer=1, moments=mine, settings=SMALL).figures["moments"]["corpus"]
        == "mine"
    )


@pytest.fixture
def sae(llama: Model) -> SAE:
    torch.set_num_threads(1)
    return random_sae(llama)


def test_an_sae_is_loaded_from_a_folder(sae: SAE, tmp_path: Path) -> None:
    folder = save_sae(sae, tmp_path / "sae")
    assert assay.load_sae(folder).hash == assay.load_sae(str(folder)).hash == sae.hash
    with pytest.raises(assay.AssayError, match="neither an alias nor a folder"):
        assay.load_sae(tmp_path / "none")


@pytest.mark.slow
def test_a_feature_is_scored(llama: Model, sae: SAE, tmp_path: Path) -> None:
    """Under a label given for this time, under its own, which came with the SAE or is the user's, or under none."""
    folder = save_sae(sae, tmp_path / "sae")
    loaded, home = assay.load_sae(folder), find_home()
    planted(llama, loaded, home.cache, documents=120)
    LabelBook(folder / LABELS).add([Labelled(RIVER, "years", "automatic")])
    found = assay.score_feature(llama, loaded, RIVER, label='the word  "River"', seed=1)
    assert isinstance(found, FeatureScores) and found.label_source is None
    assert (found.interp.value, found.interp.n) == (1, 20) and found.purity.value and found.mui.value
    assert found.reading.sentences and found.to_json()["feature"] == RIVER

    own = assay.score_feature(llama, loaded, RIVER, generator="catalogue", seed=1)
    assert (own.label, own.label_source) == ("years", "automatic") and (own.interp.value or 0) < 0.9
    assert (own.mui, own.corpus) == (found.mui, found.corpus)
    place_of(home.root, loaded.hash, folder).labels().add([Labelled(RIVER, 'the word "river"', "user")])
    users = assay.score_feature(llama, loaded, RIVER, seed=1)
    assert (users.label, users.label_source) == ('the word "river"', "user")
    assert (users.interp, users.purity) == (found.interp, found.purity)
    with pytest.raises(assay.InputError, match="feature 8 of the SAE"):
        assay.score_feature(llama, loaded, 8, label="years")

    dead = assay.score_feature(llama, loaded, DEAD)
    assert dead.label is None and dead.interp.reason == "it has no label" and dead.mui.reason


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"label": "x", "generator": "sdk"}, "generator 'sdk' for a feature"),
        ({"label": " "}, "an empty label"),
        ({"label": "x"}, "of which there is no index"),
    ],
)
def test_what_no_feature_can_be_scored_by(llama: Model, sae: SAE, wrong: dict[str, str], says: str) -> None:
    with pytest.raises(assay.InputError, match=says) as caught:
        assay.score_feature(llama, sae, RIVER, **wrong)
    assert caught.value.wanted and caught.value.todo
