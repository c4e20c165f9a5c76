"""Each planted defect is what its name says, on a tiny model; and the tables fit together."""

import pytest
import torch

from assay.benchmarks.names import NAMES
from assay.edits.delta import Edit
from assay.edits.make import make_edit
from assay.edits.moments import Moments
from assay.edits.solve import output
from assay.edits.written import written
from assay.generators.table import generator
from assay.models.model import Model, weight_hash
from assay.models.tokens import encode
from assay.probes.measure import Question, ask
from assay.selfcheck.contrasts import AGAIN, CONTRASTS, DOSES, again_of, benchmarks_of
from assay.selfcheck.planted import PLANTED, SOUND, Ground
from assay.settings import EditSettings, Settings
from oracles import _down_in
from small import TOWER
from tiny import tiny_model

LAYER = 1
CONTEXTS = ("", "The river runs. ")


@pytest.fixture(scope="module")
def ground() -> Ground:
    model = tiny_model("llama")
    keys = torch.randn(400, model.d_mlp, generator=torch.Generator().manual_seed(1))
    c = dict.fromkeys(range(model.n_layers), keys.T @ keys / 400)
    moments = Moments(c, 400, "random", "0" * 64, model.hash, dict.fromkeys(c, 0.1))
    chosen = Settings(edit=EditSettings(steps=6))
    return Ground(model, LAYER, CONTEXTS, moments, chosen, generator("catalogue").plan(TOWER, 0))


@pytest.fixture(scope="module")
def sound(ground: Ground) -> Edit:
    return make_edit(
        ground.model,
        [ground.plan.request],
        LAYER,
        ground.moments,
        contexts=CONTEXTS,
        settings=ground.settings.edit,
    )


def planted(name: str, ground: Ground, sound: Edit) -> Edit:
    return PLANTED[name].make(ground, ground.plan.request, sound)


def weight(model: Model, edit: Edit) -> torch.Tensor:
    with edit.applied(model):
        return model.down(edit.layer).weight.detach().clone()


@pytest.mark.parametrize("name", PLANTED)
def test_every_defect_is_an_edit_that_leaves_the_weights_as_they_were(
    name: str, ground: Ground, sound: Edit
) -> None:
    edit = planted(name, ground, sound)
    with edit.applied(ground.model):
        pass
    assert weight_hash(ground.model.module) == ground.model.hash
    assert torch.equal(edit.updates[0].left, planted(name, ground, sound).updates[0].left)  # seeded
    assert all(torch.isfinite(u.dense()).all() for u in edit.updates)


def test_no_edit_changes_no_bit(ground: Ground, sound: Edit) -> None:
    assert torch.equal(weight(ground.model, planted("none", ground, sound)), ground.model.down(LAYER).weight)


def test_scaled_updates_are_that_many_times_the_sound_one(ground: Ground, sound: Edit) -> None:
    for name, factor in (("x5", 5), ("x20", 20)):
        assert torch.allclose(
            planted(name, ground, sound).updates[0].dense(), factor * sound.updates[0].dense()
        )


def test_a_random_key_gives_the_fact_itself_the_sound_value(ground: Ground, sound: Edit) -> None:
    bad, good = planted("random-key", ground, sound), written(ground.model, sound)
    assert torch.allclose(written(ground.model, bad).v, good.v, atol=1e-5)
    assert not torch.allclose(bad.updates[0].dense(), sound.updates[0].dense(), atol=1e-3)


def test_a_random_key_moves_other_keys_more_than_the_sound_one_does(ground: Ground, sound: Edit) -> None:
    others = torch.randn(ground.model.d_mlp, 200, generator=torch.Generator().manual_seed(2)).double()
    moved = [
        (edit.updates[0].dense() @ others).norm() for edit in (planted("random-key", ground, sound), sound)
    ]
    assert moved[0] > 2 * moved[1]


def test_prompt_only_is_keyed_on_the_prompts_last_token(ground: Ground, sound: Edit) -> None:
    edit = planted("prompt-only", ground, sound)
    assert edit.layer == 3 and len(edit.updates) == 1  # two thirds of four blocks
    ids = encode(ground.model, ground.plan.request.prompt)
    key = _down_in(ground.model, ids, edit.layer)[-1]
    direction = ground.moments.solve(edit.layer, key[:, None])[:, 0]
    cosine = torch.nn.functional.cosine_similarity(edit.updates[0].right[:, 0], direction, dim=0)
    assert float(cosine) == pytest.approx(1, abs=1e-5)


def test_noise_has_the_size_it_says(ground: Ground, sound: Edit) -> None:
    norm = ground.model.down(LAYER).weight.double().norm()
    for name, size in (("noise-0.5", 0.5), ("noise-1", 1.0), ("noise-2", 2.0)):
        found = planted(name, ground, sound).updates[0].dense().norm() / norm
        assert float(found) == pytest.approx(size)


def test_repeats_makes_the_target_likelier_after_any_text(ground: Ground, sound: Edit) -> None:
    asked = [Question(text, ("Berlin",)) for text in ground.plan.neutral]
    before = [r.answers[0].logps[0] for r in ask(ground.model, asked)]
    with planted("repeats", ground, sound).applied(ground.model):
        after = [r.answers[0].logps[0] for r in ask(ground.model, asked)]
    assert sum(after) / len(after) > sum(before) / len(before) + 0.1


def test_every_relation_keeps_the_key_and_moves_the_value_further(ground: Ground, sound: Edit) -> None:
    edit = planted("every-relation", ground, sound)
    key = written(ground.model, sound).k_mean[:, None]
    moved = [(u.dense() @ key.double()).norm() for u in (edit.updates[0], sound.updates[0])]
    assert moved[0] > 0.99 * moved[1]
    assert output(ground.model, LAYER, key).shape == (ground.model.d_model, 1)


def test_conflicting_edits_write_other_objects_into_the_same_fact(ground: Ground, sound: Edit) -> None:
    assert planted("conflict", ground, sound) is sound
    plan = PLANTED["conflict"].plan(ground.plan)
    targets = [made.request.target for made in plan.synthetic]
    first, second, *_ = [made.request.target for made in ground.plan.synthetic]
    assert targets == [first, second, first, second, first][: len(ground.plan.synthetic)]
    for made in plan.synthetic:
        assert (made.request.prompt, made.request.subject) == (plan.request.prompt, plan.request.subject)
        assert made.request.old == plan.request.target
        assert {p.target for p in made.probes} == {made.request.target}
    assert PLANTED["x5"].plan(ground.plan) is ground.plan


def test_every_benchmark_has_defects_and_every_defect_is_planted() -> None:
    assert list(CONTRASTS) == list(NAMES)
    assert all(CONTRASTS.values())
    used = {name for some in (*CONTRASTS.values(), *DOSES.values()) for name in some}
    assert used <= set(PLANTED) and set(AGAIN) <= {SOUND, *PLANTED}
    assert set(PLANTED) - used <= set(AGAIN)
    assert benchmarks_of("conflict") == ("batch_edit_consistency", "sequential_edit_retention")


def test_edits_are_shared_out_among_facts_and_none_comes_twice() -> None:
    found = [again_of(fact, 20, 30) for fact in range(20)]
    assert [len(some) for some in found] == [2] * 10 + [1] * 10
    every = [condition for some in found for condition in some]
    assert every.count(SOUND) == 15 and set(every) == set(AGAIN)
    assert [again_of(fact, 3, 3) for fact in range(3)] == [(SOUND,), ("x5",), (SOUND,)]
