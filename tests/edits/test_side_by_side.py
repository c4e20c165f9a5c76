"""Rows with edits of their own in one batch read as the model does with those edits in its weights."""

from contextlib import ExitStack

import pytest
import torch

from assay.benchmarks.generation import mean_logp
from assay.edits.side_by_side import side_by_side
from assay.errors import Mismatch
from assay.models.generate import continue_rows, continue_with_likelihood
from assay.models.model import Model
from assay.models.tokens import encode
from assay.probes.measure import Question, Reading, prepare, read, read_each
from edits.test_delta import random_edit
from tiny import tiny_model

TOLERANCE = 2e-5
"""Largest difference of a log-probability, nats, in float32: factors added to the output here, to the weight there."""

QUESTIONS = [
    Question("The Eiffel Tower is located in the city of", ("Paris", "the old town of Rome")),
    Question("Water", ("boils",)),
    Question("She walked to the", ()),
]


def one_after_another(model: Model, stack: tuple, layer: int) -> list[Reading]:  # type: ignore[type-arg]
    prepared = prepare(model, QUESTIONS, layer)
    with ExitStack() as applied:
        for edit in stack:
            applied.enter_context(edit.applied(model))
        return read(model, prepared)


def test_readings_side_by_side_equal_one_state_after_another(any_model: Model) -> None:
    a = random_edit(any_model, layer=1, rank=1, seed=0, size=0.05)
    b = random_edit(any_model, layer=2, rank=3, seed=1, size=0.05)
    stacks = [(), (a,), (a, b), (b,)]
    groups, wanted = [0, 1, 1], [[0, 2], [0, 1, 2, 3]]
    prepared = prepare(any_model, QUESTIONS, 1, groups)
    found = read_each(
        any_model, prepared, wanted, lambda rows: side_by_side(any_model, [stacks[s] for s in rows])
    )
    slow = [one_after_another(any_model, stack, 1) for stack in stacks]
    assert set(found) == {(q, s) for q, group in enumerate(groups) for s in wanted[group]}
    for (question, state), reading in found.items():
        expected = slow[state][question]
        assert torch.allclose(reading.next_logp, expected.next_logp, atol=TOLERANCE)
        for mine, theirs in zip(reading.answers, expected.answers, strict=True):
            assert mine.logps == pytest.approx(theirs.logps, abs=TOLERANCE)
    unlike = (slow[0][1].next_logp - slow[1][1].next_logp).abs().max()
    assert unlike > 100 * TOLERANCE  # the edits do something, so the comparison above can fail


def test_texts_side_by_side_are_those_of_each_edit(any_model: Model) -> None:
    edit = random_edit(any_model, layer=1, size=0.2)
    rows = [encode(any_model, "The Eiffel Tower is"), encode(any_model, "Water")]
    with side_by_side(any_model, [(), (), (edit,), (edit,)]):
        together = continue_rows(any_model, [*rows, *rows], 6, [None, 3, None, 3], 5)
    plain = continue_rows(any_model, rows, 6, [None, 3], 5)
    with edit.applied(any_model):
        edited = continue_rows(any_model, rows, 6, [None, 3], 5)
    assert together == [*plain, *edited]
    scored = continue_with_likelihood(any_model, rows, 6, [None, 3], 5)
    assert [row.ids for row in scored] == plain
    assert [row.mean_logp for row in scored] == pytest.approx(mean_logp(any_model, rows, plain), abs=1e-4)
    assert plain != edited


def test_weights_stay_and_hooks_go() -> None:
    model = tiny_model("llama")
    kept = {name: tensor.clone() for name, tensor in model.module.state_dict().items()}
    with pytest.raises(RuntimeError, match="stop"), side_by_side(model, [(random_edit(model),)]):
        raise RuntimeError("stop")
    assert all(torch.equal(tensor, kept[name]) for name, tensor in model.module.state_dict().items())
    assert not any(model.down(layer)._forward_hooks for layer in range(model.n_layers))


def test_an_edit_of_another_model_is_refused() -> None:
    stranger = random_edit(tiny_model("gpt2"))
    with (
        pytest.raises(Mismatch, match="an edit made for weights"),
        side_by_side(tiny_model("llama"), [(stranger,)]),
    ):
        pass
