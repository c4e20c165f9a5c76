"""The evaluator against one forward per token; invariant to batching, padding and what shares a row."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.models.model import Model
from assay.models.tokens import encode
from assay.probes.measure import Question, ask, kl, measure, prepare, read, total_variation
from assay.probes.probe import Probe
from oracles import measure_slowly, next_logp_slowly
from tiny import tiny_model

TOLERANCE = 1e-5
"""Largest difference of a log-probability, nats, in float32."""

QUESTIONS = [
    Question("The Eiffel Tower is located in the city of", ("Paris", "Berlin", "the old town of Rome")),
    Question("Water", ("boils",)),
    Question("Q: Where is Big Ben? A:", ("London", "in the old town")),
    Question("She walked to the", ()),
]


def test_equals_one_forward_per_token(any_model: Model) -> None:
    for question, reading in zip(QUESTIONS, ask(any_model, QUESTIONS), strict=True):
        slow_next = next_logp_slowly(any_model, encode(any_model, question.prompt))
        assert torch.allclose(reading.next_logp, slow_next, atol=TOLERANCE)
        for text, answer in zip(question.answers, reading.answers, strict=True):
            logps, argmax, rank = measure_slowly(any_model, question.prompt, text)
            assert answer.logps == pytest.approx(logps, abs=TOLERANCE)
            assert (list(answer.argmax), answer.rank) == (argmax, rank)


@pytest.mark.parametrize("layer", [0, 2, 3])
def test_sharing_lower_layers_changes_nothing(any_model: Model, layer: int) -> None:
    whole, shared = ask(any_model, QUESTIONS), read(any_model, prepare(any_model, QUESTIONS, layer))
    for a, b in zip(whole, shared, strict=True):
        assert torch.allclose(a.next_logp, b.next_logp, atol=TOLERANCE)


words = st.sampled_from(["Paris", "Berlin", "the old town", "Rome", "a museum", "water"])
prompts = st.sampled_from(["The city of", "Big Ben", "Apple was founded by the people who live in", "x"])
asked = st.lists(st.tuples(prompts, st.lists(words, max_size=3)), min_size=1, max_size=6)


@pytest.mark.slow
@settings(deadline=None, max_examples=25)
@given(asked)
def test_neighbours_in_a_batch_do_not_matter(drawn: list[tuple[str, list[str]]]) -> None:
    many = [Question(prompt, tuple(answers)) for prompt, answers in drawn]
    model = tiny_model("pythia")
    alone = [ask(model, [q])[0] for q in many]
    for a, b in zip(alone, ask(model, many), strict=True):
        assert torch.allclose(a.next_logp, b.next_logp, atol=TOLERANCE)
        for x, y in zip(a.answers, b.answers, strict=True):
            assert x.logps == pytest.approx(y.logps, abs=TOLERANCE)


def test_probability_forms(llama: Model) -> None:
    (m,) = measure(llama, [Probe("The Eiffel Tower is in", "the old town of Rome")])
    logps, argmax, _ = measure_slowly(llama, "The Eiffel Tower is in", "the old town of Rome")
    assert m.logp == pytest.approx(sum(logps), abs=1e-4)
    assert m.p == pytest.approx(float(torch.tensor(m.logp).exp()), rel=1e-4)
    assert m.p_mean_token == pytest.approx(float(torch.tensor(m.logp / len(logps)).exp()), rel=1e-4)
    assert m.argmax_all == all(argmax)


def test_distances_between_distributions(llama: Model) -> None:
    a, b = ask(llama, [Question("Water"), Question("Big Ben")])
    p, q = a.next_logp.double().exp(), b.next_logp.double().exp()
    assert kl(a, b) == pytest.approx(float((p * (p / q).log()).sum()), rel=1e-4)
    assert total_variation(a, b) == pytest.approx(float((p - q).abs().sum() / 2), rel=1e-4)
    assert kl(a, a) == 0.0 and total_variation(b, b) == 0.0
