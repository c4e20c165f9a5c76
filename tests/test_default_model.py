"""The main job on the real default model: load, edit, validate, thirteen benchmarks, by the command itself."""

from collections.abc import Iterator
from itertools import islice

import pytest
import torch

import assay
from assay.corpus.sources import corpus
from assay.edits.contexts import sample_contexts
from assay.edits.key_value import rows_of
from assay.edits.moments import Moments, second_moments
from assay.edits.optimise import key_and_value
from assay.edits.solve import rank_one
from assay.models.load import load
from assay.models.model import Model, weight_hash
from assay.models.tokens import answer_ids, encode
from assay.selfcheck.first_token import first_token_requests, startless
from assay.settings import EditSettings
from default_home import LAYER, REQUEST, DefaultHome, run
from oracles import next_logp_slowly, optimise_slowly

pytestmark = pytest.mark.default_model


@pytest.fixture(scope="module")
def model(default_home: DefaultHome) -> Iterator[Model]:
    loaded = load("smollm2", default_home.cache)
    yield loaded
    assert weight_hash(loaded.module) == loaded.hash, "a test left the weights changed"


@pytest.fixture(scope="module")
def moments(model: Model, default_home: DefaultHome) -> Moments:
    return second_moments(model, corpus(), default_home.cache, layers=[LAYER])


def test_what_the_default_model_is(model: Model) -> None:
    assert (model.n_layers, model.d_model, model.d_mlp, model.start) == (30, 576, 1536, 0)
    assert model.tokenizer.convert_ids_to_tokens([0]) == ["<|endoftext|>"]
    assert model.dtype == torch.float32
    assert encode(model, "Paris")[0] == 0


def test_it_knows_where_the_eiffel_tower_is(model: Model) -> None:
    logp = next_logp_slowly(model, encode(model, REQUEST.prompt))
    assert model.tokenizer.decode([int(logp.argmax())]) == " Paris"


def test_subjects_at_the_very_start_are_one_token_and_enough(model: Model) -> None:
    found = list(islice(first_token_requests(model, 0), 20))
    assert len({r.subject for r in found}) == 20
    for request in found:
        assert request.prompt.startswith(request.subject)
        assert len(encode(startless(model), request.subject)) == 1
    assert found == list(islice(first_token_requests(model, 0), 20))


def test_value_and_update_on_the_real_model(model: Model, moments: Moments) -> None:
    """v equals the slow optimisation to 1e-5 relative; W' k equals v to 1e-5 relative."""
    contexts = sample_contexts(model, 0, EditSettings(contexts=((10, 5), (10, 10))))[::5]
    settings = EditSettings(steps=5, early_stop=0.0)
    rows, lasts = rows_of(model, REQUEST, contexts)
    target = answer_ids(model, REQUEST.prompt, "Berlin")
    slow, _ = optimise_slowly(model, LAYER, rows, lasts, encode(model, REQUEST.subject), target, settings)
    kv = key_and_value(model, LAYER, REQUEST, contexts, settings)
    assert float((kv.v - slow).norm() / slow.norm()) < 1e-5
    for variant, key in (("r-rome", kv.k_mean), ("rome", kv.k_bare)):
        update = rank_one(model, kv, moments, variant)
        edit = assay.Edit((REQUEST,), "rome", variant, (update,), model.id, model.hash, 0)
        with edit.applied(model):
            got = model.down(LAYER)(key[None])[0]
        assert float((got - kv.v).norm() / kv.v.norm()) < 1e-5
        assert int(torch.linalg.matrix_rank(update.dense())) == 1


def test_the_readmes_command_end_to_end(default_home: DefaultHome) -> None:
    """The demo's command: validated, committed, thirteen entries, report written; stdout is one document."""
    document = default_home.document
    assert document["status"] == "committed" and document["validation"]["passed"]
    assert len(document["benchmarks"]) == 13
    for entry in document["benchmarks"]:
        assert (entry["score"] is None) == bool(entry["reason"])
        assert entry["n"] + entry["n_unscored"] > 0
    assert document["reading"]["sentences"]
    assert "EditBench" in default_home.said and "Committed at layer" in default_home.said
    report = default_home.root / "runs" / document["run_id"] / "report.html"
    assert report.read_text(encoding="utf-8").count("<details") >= 13

    shown = run(default_home.root, "runs", "show", "last")
    assert shown.returncode == 0 and "Thirteen benchmarks" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80
