"""Largest activations of all features in new sentences, against each sentence run alone and encoded densely."""

from dataclasses import replace

import numpy as np
import pytest
from test_index_codes import FEATURES, LAYER, tiny_sae
from training import one_thread  # noqa: F401 - a fixture

from assay.errors import InputError
from assay.models.model import Model
from assay.models.tokens import encode
from assay.sae import coder
from assay.sae.index import maxima
from assay.sae.index.maxima import max_activations
from oracles import codes_slowly
from small import Heard
from tiny import TEXT, tiny_model

SENTENCES = [*TEXT.splitlines(), "Paris.", "The river, the town.", "The river, the town."]


def slowly(model: Model) -> np.ndarray:
    sae = tiny_sae(model)
    return np.stack([codes_slowly(model, sae, LAYER, encode(model, one)).max(0) for one in SENTENCES])


def close(found: np.ndarray, wanted: np.ndarray) -> bool:
    """But for one that may sit at its threshold."""
    return int((~np.isclose(found, wanted, rtol=1e-4, atol=1e-5 * wanted.max())).sum()) <= 1


def test_maxima_are_those_of_each_sentence_alone(any_model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = slowly(any_model)
    monkeypatch.setattr(maxima, "TOKENS", 90)  # several passes
    monkeypatch.setattr(coder, "CHUNK", 7 * FEATURES)  # several blocks, whose edges fall inside sentences
    heard = Heard()
    found = max_activations(any_model, tiny_sae(any_model), SENTENCES, emit=heard)
    assert found.shape == wanted.shape and found.dtype == np.float32
    assert close(found.toarray(), wanted) and close(found[:, [3, 9]].toarray(), wanted[:, [3, 9]])
    assert found.nnz == (found.toarray() > 0).sum()
    assert [event["done"] for event in heard.of("stage_progress")][-1] == len(SENTENCES)
    assert len(heard.of("stage_progress")) > 2


def test_without_a_start_token_all_tokens_count() -> None:
    model = tiny_model("llama", start=False)
    assert close(max_activations(model, tiny_sae(model), SENTENCES).toarray(), slowly(model))


def test_no_sentence_and_empty_sentences(llama: Model) -> None:
    sae = tiny_sae(llama)
    assert max_activations(llama, sae, []).shape == (0, FEATURES)
    with pytest.raises(InputError) as error:
        max_activations(llama, sae, ["Paris.", ""])
    assert str(error.value) == (
        "sentence 1, '', which has no tokens\n  wanted: some text\n  to do:  leave it out"
    )
    silent = replace(sae, b_enc=sae.b_enc - 1e6)
    assert max_activations(llama, silent, SENTENCES).nnz == 0


def test_the_layer_must_be_known(llama: Model) -> None:
    free = replace(tiny_sae(llama), layer=None)
    with pytest.raises(InputError, match="which does not say which layer it reads"):
        max_activations(llama, free, SENTENCES)
    named = max_activations(llama, free, SENTENCES, layer=LAYER).toarray()
    assert np.array_equal(named, max_activations(llama, tiny_sae(llama), SENTENCES).toarray())
