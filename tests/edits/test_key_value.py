"""Keys and values against the slow obvious optimisation, for every family."""

import pytest
import torch

from assay.edits.contexts import sample_contexts
from assay.edits.key_value import keys_of, mean_key, rows_of
from assay.edits.optimise import key_and_value, keys_and_values
from assay.errors import ModelError
from assay.generators.plan import Request
from assay.models.model import Model
from assay.models.tokens import answer_ids, encode
from assay.settings import EditSettings
from oracles import _down_in, optimise_slowly
from tiny import tiny_model

TOLERANCE = 1e-5
"""Relative difference of v between the fast and the slow optimisation, float32."""
CONTEXTS = ("", "The river runs. ", "She walked to the old town and. ")
SETTINGS = EditSettings(steps=8, contexts=((2, 5),))
REQUESTS = [
    Request("The Eiffel Tower is located in the city of", "The Eiffel Tower", "Berlin"),
    Request(
        "In London, the mother tongue of Danielle Darrieux is", "Danielle Darrieux", "the old town of Rome"
    ),
    Request("Apple", "Apple", "water"),
]


@pytest.mark.parametrize(
    ("layer", "request_"),
    [(0, REQUESTS[0]), (2, REQUESTS[0]), (2, REQUESTS[1]), (1, REQUESTS[2]), (3, REQUESTS[2])],
    ids=["lowest", "middle", "multi-token", "subject-ends-the-prompt", "top-layer"],
)
def test_value_equals_the_slow_optimisation(any_model: Model, layer: int, request_: Request) -> None:
    fast = key_and_value(any_model, layer, request_, CONTEXTS, SETTINGS)
    rows, lasts = rows_of(any_model, request_, CONTEXTS)
    target = answer_ids(any_model, request_.prompt, request_.target)
    slow, losses = optimise_slowly(
        any_model, layer, rows, lasts, encode(any_model, request_.subject), target, SETTINGS
    )
    assert fast.loss == pytest.approx(losses, rel=1e-4)
    assert float((fast.v - slow).norm() / slow.norm()) < TOLERANCE


@pytest.mark.slow
def test_facts_optimised_together_equal_facts_optimised_alone(any_model: Model) -> None:
    settings = EditSettings(steps=12, early_stop=6.0)  # some facts reach it soon, others never
    together = keys_and_values(any_model, 1, REQUESTS, CONTEXTS, settings)
    alone = [key_and_value(any_model, 1, request, CONTEXTS, settings) for request in REQUESTS]
    for a, b in zip(together, alone, strict=True):
        assert len(a.loss) == len(b.loss) and a.loss == pytest.approx(b.loss, rel=1e-4)
        assert float((a.v - b.v).norm() / b.v.norm()) < TOLERANCE
        assert torch.allclose(a.k_mean, b.k_mean, atol=1e-5)


def test_keys_are_the_down_projections_inputs(any_model: Model) -> None:
    request = REQUESTS[0]
    rows, lasts = rows_of(any_model, request, CONTEXTS)
    slow = torch.stack([_down_in(any_model, row, 2)[n] for row, n in zip(rows, lasts, strict=True)])
    keys = keys_of(any_model, 2, request, CONTEXTS)
    kv = key_and_value(any_model, 2, request, CONTEXTS, SETTINGS)
    assert torch.allclose(keys, slow, atol=1e-5)
    assert torch.allclose(kv.k_mean, slow[0], atol=1e-5)
    assert torch.allclose(kv.k_bare, slow[0], atol=1e-5)


def test_the_mean_key_weighs_the_bare_prompt_as_told() -> None:
    keys = torch.tensor([[1.0, 0.0], [0.0, 2.0], [0.0, 4.0]])
    assert mean_key(keys, None).tolist() == pytest.approx([1 / 3, 2.0])
    assert mean_key(keys, 0.5).tolist() == pytest.approx([0.5, 1.5])
    assert mean_key(keys, 1.0).tolist() == [1.0, 0.0]
    assert mean_key(keys[:1], 0.5).tolist() == [1.0, 0.0]


def test_a_context_that_names_the_subject_does_not_move_the_key() -> None:
    model = tiny_model("llama")
    request = Request("Apple was founded by", "Apple", "Rome")
    _, lasts = rows_of(model, request, ("", "Apple is a town. "))
    rows, _ = rows_of(model, request, ("", "Apple is a town. "))
    tail = len(rows[0]) - lasts[0]
    assert [len(r) - n for r, n in zip(rows, lasts, strict=True)] == [tail, tail]


def test_optimisation_makes_the_target_likelier_and_obeys_the_clamp(llama: Model) -> None:
    kv = key_and_value(llama, 0, REQUESTS[0], CONTEXTS, EditSettings(clamp=1.5))
    assert kv.loss[-1] < kv.loss[0] and kv.p_target[-1] > kv.p_target[0]
    assert float((kv.v - kv.v_start).norm()) == pytest.approx(1.5 * float(kv.v_start.norm()), rel=1e-5)


def test_the_last_layer_cannot_be_read_by_later_words(llama: Model) -> None:
    with pytest.raises(ModelError, match="layer 3, the last of tiny-llama"):
        key_and_value(llama, 3, REQUESTS[0], CONTEXTS, SETTINGS)


def test_no_gradient_is_left_behind(llama: Model) -> None:
    key_and_value(llama, 1, REQUESTS[0], CONTEXTS, SETTINGS)
    assert all(p.grad is None and not p.requires_grad for p in llama.module.parameters())


def test_contexts_are_seeded_and_start_with_the_bare_prompt(any_model: Model) -> None:
    settings = EditSettings(contexts=((3, 4), (2, 6)))
    contexts = sample_contexts(any_model, 1, settings)
    assert len(contexts) == 6 and contexts[0] == ""
    assert contexts == sample_contexts(any_model, 1, settings) != sample_contexts(any_model, 2, settings)
    special = any_model.tokenizer.all_special_tokens
    assert not any(token in text for token in special for text in contexts)
