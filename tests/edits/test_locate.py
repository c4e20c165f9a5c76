"""The causal trace against one whole forward per restored state."""

import pytest
import torch

from assay.edits.locate import candidate_layers, trace
from assay.errors import ModelError
from assay.generators.plan import Request
from assay.models.model import Model
from assay.models.tokens import answer_ids, encode, subject_span
from assay.settings import TraceSettings
from oracles import trace_slowly

REQUEST = Request("The Eiffel Tower is located in the city of", "Eiffel Tower", "Berlin", "Paris")


def test_equals_one_forward_per_state(any_model: Model) -> None:
    settings = TraceSettings(runs=3)
    found = trace(any_model, REQUEST, seed=4, settings=settings)
    ids, span = encode(any_model, REQUEST.prompt), subject_span(any_model, REQUEST.prompt, REQUEST.subject)
    goal = answer_ids(any_model, REQUEST.prompt, "Paris")[0]
    std = 3 * float(any_model.module.get_input_embeddings().weight.std())
    generator = torch.Generator().manual_seed(4)
    noise = torch.randn(3, span[1] - span[0] + 1, any_model.d_model, generator=generator) * std
    corrupted, effect = trace_slowly(any_model, ids, span, goal, noise)
    assert found.corrupted_p == pytest.approx(corrupted, abs=1e-6)
    assert torch.allclose(torch.tensor(found.effect), effect, atol=1e-5)
    assert found.tokens == tuple(any_model.tokenizer.decode([i]) for i in ids[span[0] :])
    at_subject = effect[:, : span[1] - span[0] + 1].amax(1)
    assert found.ranking[0] == int(at_subject.argmax())


def test_the_top_layer_restored_at_the_last_token_gives_the_clean_probability(llama: Model) -> None:
    found = trace(llama, REQUEST, settings=TraceSettings(runs=2))
    assert found.effect[-1][-1] + found.corrupted_p == pytest.approx(found.clean_p, abs=1e-6)


def test_candidates(llama: Model) -> None:
    found = trace(llama, REQUEST, settings=TraceSettings(runs=2))
    assert candidate_layers(llama, found, 3, 3) == [(3, "asked")]
    free = candidate_layers(llama, found, None, 3)
    assert free[0] == (found.ranking[0], "trace")
    layers = [n for n, _ in free]
    assert all(abs(a - b) >= 2 for a in layers for b in layers if a != b)
    assert [why for _, why in candidate_layers(llama, None, None, 2)] == ["fallback", "fallback"]
    with pytest.raises(ModelError, match="layer 9 of tiny-llama") as error:
        candidate_layers(llama, found, 9, 3)
    assert error.value.wanted == "a layer from 0 to 3"
