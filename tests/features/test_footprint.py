"""The footprint against the slow way on every family, and on autoencoders whose directions are known."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from slow_footprint import (
    ABOUT,
    NEUTRAL,
    SUBJECT,
    axes_sae,
    edit_of,
    footprint_slowly,
    random_edit,
    random_sae,
)

from assay.errors import InputError, Mismatch, RequestError
from assay.features.footprint import Footprint, footprint
from assay.features.known import Known
from assay.features.streams import ROWS, on_subject, whole
from assay.models.forward import forward, pack
from assay.models.model import Model, weight_hash
from assay.runs.strict import dumps
from assay.settings import FeatureSettings
from tiny import tiny_model

ALL = FeatureSettings(footprint_top=1000)


def measured(model: Model, *args: Any, about: tuple[str, ...] = ABOUT, **other: Any) -> Footprint:
    """The footprint on the prompts of the slow way."""
    subject, elsewhere = on_subject(model, SUBJECT, about), whole(model, NEUTRAL)
    edits, sae = args
    return footprint(model, edits, sae, subject, elsewhere, **other)


@pytest.mark.parametrize("layer", [1, 2, 3])
def test_every_figure_is_that_of_plain_forwards(some_model: Model, layer: int) -> None:
    """Also where the autoencoder reads the very block that is edited."""
    sae, edits = random_sae(some_model, layer), [random_edit(some_model)]
    slow, found = footprint_slowly(some_model, edits, sae), measured(some_model, edits, sae, settings=ALL)
    totals = found.totals
    assert totals is not None and found.reason is None
    for name, side in (("on", "on_subject"), ("off", "elsewhere")):
        rows = getattr(found, side)
        assert {row.feature for row in rows} >= {f for f, value in enumerate(slow[name]) if value > 1e-4}
        for row in rows:
            f = row.feature
            assert getattr(row, side) == pytest.approx(slow[name][f], rel=1e-3, abs=1e-4)
            for key in ("subject_before", "subject_after", "end_before", "end_after"):
                assert getattr(row, key) == pytest.approx(slow[key][f], rel=1e-3, abs=1e-3)
            states = {(0, 1): "born", (1, 0): "silenced", (1, 1): "active", (0, 0): "silent"}
            assert row.state == states[slow["was"][f], slow["is"][f]]
        assert getattr(totals, f"length_{side}") == pytest.approx(slow[f"length_{name}"], rel=1e-4)
        assert getattr(totals, f"relative_{side}") == pytest.approx(slow[f"relative_{name}"], rel=1e-4)
    assert totals.explained == pytest.approx(slow["explained"], rel=1e-3, abs=1e-3)
    assert totals.cosine == pytest.approx(slow["cosine"], rel=1e-3, abs=1e-3)
    line = ALL.footprint_moved * slow["length_on"]
    large = [f for f in range(sae.d_sae) if slow["on"][f] > line]
    states_ = [(slow["was"][f], slow["is"][f]) for f in large]
    counts = (states_.count((False, True)), states_.count((True, False)), states_.count((True, True)))
    assert (totals.born, totals.silenced, totals.moved) == counts
    assert sum(counts) > 0


def test_the_weights_are_the_same_bits_afterwards_whatever_happens(some_model: Model) -> None:
    before = {name: tensor.clone() for name, tensor in some_model.module.state_dict().items()}
    foreign = replace(random_edit(some_model), model_hash="0" * 64)
    measured(some_model, [random_edit(some_model)], random_sae(some_model))
    with pytest.raises(Mismatch, match="an edit made for weights 000000000000"):
        measured(some_model, [random_edit(some_model), foreign], random_sae(some_model))
    for name, tensor in some_model.module.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    assert weight_hash(some_model.module) == some_model.hash


def test_edits_are_applied_together(llama: Model) -> None:
    edits = [random_edit(llama, 2, seed=1), random_edit(llama, 1)]
    sae = random_sae(llama, 3)
    found, slow = measured(llama, edits, sae), footprint_slowly(llama, edits, sae)
    assert found.totals is not None and found.edit_layer == 1
    assert found.totals.length_on_subject == pytest.approx(slow["length_on"], rel=1e-4)
    alone = measured(llama, edits[1:], sae).totals
    assert alone is not None and alone.length_on_subject != pytest.approx(slow["length_on"], rel=1e-2)


def test_an_edit_along_one_axis_moves_the_features_of_that_axis_only(llama: Model) -> None:
    """In the edited block the change is a multiple of ``left``; features of all axes explain all of it."""
    left = torch.zeros(llama.d_model)
    left[5] = 0.5
    edit = edit_of(llama, left, torch.randn(llama.d_mlp, generator=torch.Generator().manual_seed(3)))
    found = measured(llama, [edit], axes_sae(llama.d_model, 1), settings=ALL)
    assert {row.feature for row in found.on_subject} == {5, 5 + llama.d_model}
    assert found.totals is not None and found.totals.explained == pytest.approx(1, abs=1e-5)
    assert sum(row.on_subject for row in found.on_subject) == pytest.approx(
        found.totals.length_on_subject, rel=1e-4
    )


def test_what_the_features_cannot_say_is_left_to_the_error(llama: Model) -> None:
    """Half of the axes only: what moves along the others is not explained, and no feature moves by it."""
    d = llama.d_model
    full = axes_sae(d, 1)
    half = [*range(d // 2), *range(d, d + d // 2)]
    sae = replace(full, W_enc=full.W_enc[:, half], W_dec=full.W_dec[half], b_enc=full.b_enc[half])
    right = torch.randn(llama.d_mlp, generator=torch.Generator().manual_seed(3))
    for axis, explained in ((0, 1.0), (d - 1, 0.0)):
        left = torch.zeros(d)
        left[axis] = 0.5
        found = measured(llama, [edit_of(llama, left, right)], sae)
        assert found.totals is not None and found.totals.explained == pytest.approx(explained, abs=1e-5)
        assert bool(found.on_subject) == (explained == 1)


def test_an_edit_that_no_neutral_key_meets_is_selective(llama: Model) -> None:
    """``right`` is the subject's key without what it shares with the keys of the neutral prompts."""
    texts = [*on_subject(llama, SUBJECT, ABOUT[:1]), *whole(llama, NEUTRAL)]
    with torch.no_grad():
        keys = forward(llama, pack(llama, [t.ids for t in texts])[0], down_in=(1,)).down_in[1]
    subject = keys[0, texts[0].first].double()
    others = torch.cat([keys[i, t.first : len(t.ids)] for i, t in enumerate(texts) if i]).double()
    basis = torch.linalg.qr(others.T).Q
    assert basis.shape[1] < llama.d_mlp
    right = subject - basis @ (basis.T @ subject)
    left = torch.randn(llama.d_model, generator=torch.Generator().manual_seed(1))
    found = measured(llama, [edit_of(llama, left, right)], axes_sae(llama.d_model, 1), about=ABOUT[:1])
    assert found.totals is not None
    assert found.totals.length_elsewhere < 1e-4 * found.totals.length_on_subject
    assert all(row.selectivity > 0.999 for row in found.on_subject)
    everywhere = measured(llama, [random_edit(llama)], axes_sae(llama.d_model, 1))
    assert all(0.1 < row.selectivity < 0.9 for row in everywhere.on_subject)


def test_below_the_edit_there_is_a_reason_and_no_number(llama: Model) -> None:
    found = measured(llama, [random_edit(llama, 2), random_edit(llama, 3)], random_sae(llama, 1))
    assert found.reason == ("the SAE reads block 1, below the edited block 2: nothing that it reads can move")
    document = found.to_json()
    assert (document["totals"], document["low_purity"]) == (None, None)
    assert document["on_subject"] == document["elsewhere"] == []


def test_an_edit_of_nothing_moves_nothing(llama: Model) -> None:
    found = measured(llama, [random_edit(llama, size=0.0)], random_sae(llama), settings=ALL)
    totals = found.totals
    assert totals is not None and (found.on_subject, found.elsewhere, found.low_purity) == ((), (), None)
    assert (totals.length_on_subject, totals.length_elsewhere) == (0, 0)
    assert (totals.born, totals.silenced, totals.moved) == (0, 0, 0)
    assert (totals.explained, totals.cosine, totals.purity) == (None, None, None)


def test_features_are_ranked_and_cut(llama: Model) -> None:
    whole_list = measured(llama, [random_edit(llama)], random_sae(llama), settings=ALL)
    short = measured(
        llama, [random_edit(llama)], random_sae(llama), settings=FeatureSettings(footprint_top=4)
    )
    for side in ("on_subject", "elsewhere"):
        values = [getattr(row, side) for row in getattr(whole_list, side)]
        assert values == sorted(values, reverse=True) and len(values) > 4
        assert getattr(short, side) == getattr(whole_list, side)[:4]
    assert [row.feature for row in whole_list.on_subject] != [row.feature for row in whole_list.elsewhere]
    assert short.totals == whole_list.totals


def test_the_unit_of_activations_does_not_matter(llama: Model) -> None:
    """A feature that reads double and writes half is the same feature; its length of change stays."""
    sae = random_sae(llama)
    assert sae.threshold is not None
    factor = torch.linspace(0.5, 2, sae.d_sae)
    same = replace(
        sae,
        W_enc=sae.W_enc * factor,
        b_enc=sae.b_enc * factor,
        threshold=sae.threshold * factor,
        W_dec=sae.W_dec / factor[:, None],
    )
    one, two = (measured(llama, [random_edit(llama)], coder) for coder in (sae, same))
    assert [row.feature for row in one.on_subject] == [row.feature for row in two.on_subject]
    for a, b in zip(one.on_subject, two.on_subject, strict=True):
        assert a.on_subject == pytest.approx(b.on_subject, rel=1e-3)
        assert b.subject_after == pytest.approx(a.subject_after * float(factor[a.feature]), rel=1e-3)


def test_a_larger_line_counts_fewer_features(llama: Model) -> None:
    def count(line: float) -> int:
        settings = FeatureSettings(footprint_moved=line)
        totals = measured(llama, [random_edit(llama)], random_sae(llama), settings=settings).totals
        assert totals is not None
        return totals.born + totals.silenced + totals.moved

    assert count(0.0) > count(0.2) > count(100.0) == 0


def test_purity_is_shared_out_and_labels_come_along(llama: Model) -> None:
    sae, edit = random_sae(llama), random_edit(llama)
    rows = measured(llama, [edit], sae, settings=ALL).on_subject
    total = sum(row.on_subject for row in rows)
    first, second = rows[0], rows[1]
    known = {
        first.feature: Known("rivers", 0.5, "too broad", "low"),
        second.feature: Known("towns", 0.8, "ideal", "high"),
    }
    some = measured(llama, [edit], sae, known=known)
    assert some.totals is not None and some.totals.purity is not None
    assert some.totals.purity.low == pytest.approx(first.on_subject / total)
    assert some.totals.purity.high == pytest.approx(second.on_subject / total)
    assert some.totals.purity.unscored == pytest.approx(1 - (first.on_subject + second.on_subject) / total)
    assert some.low_purity is None  # two of 48 features say nothing of all
    trusting = measured(llama, [edit], sae, known=known, settings=FeatureSettings(carried_known=0.0))
    assert trusting.low_purity == pytest.approx(first.on_subject / (first.on_subject + second.on_subject))
    document = trusting.to_json()
    dumps(document)
    row = document["on_subject"][0]
    assert (row["label"], row["name"], row["verdict"], row["purity"]) == ("rivers", "too broad", "low", 0.5)
    assert row["feature"] == first.feature and "known" not in row


def test_prompts_are_looked_at_from_the_subjects_last_token_on(some_model: Model) -> None:
    twice = f"{SUBJECT} or the Eiffel Tower is in"
    texts = on_subject(some_model, SUBJECT, [*ABOUT, ABOUT[0], twice, NEUTRAL[0]])
    assert len(texts) == len(ABOUT)
    for text in texts:
        read = some_model.tokenizer.decode(list(text.ids[: text.first + 1]))
        assert read.endswith(SUBJECT[-2:])
        assert SUBJECT.lower() not in some_model.tokenizer.decode(list(text.ids[: text.first])).lower()
    (text,) = whole(some_model, [NEUTRAL[0], ""])
    assert some_model.tokenizer.decode(list(text.ids[text.first :])) == NEUTRAL[0]


def test_without_a_start_token_the_first_token_counts() -> None:
    model = tiny_model("llama", start=False)
    assert whole(model, NEUTRAL)[0].first == 0
    slow = footprint_slowly(model, [random_edit(model)], random_sae(model))
    totals = measured(model, [random_edit(model)], random_sae(model)).totals
    assert totals is not None
    assert totals.length_elsewhere == pytest.approx(slow["length_off"], rel=1e-4)


@pytest.mark.slow
def test_many_prompts_are_read_in_several_passes(llama: Model) -> None:
    """The mean over 36 prompts is that of 36 footprints of one prompt each."""
    many = [f"{first} {second}, {ABOUT[0]}" for first in "abcdef" for second in "ghijkl"]
    texts, others = on_subject(llama, SUBJECT, many), whole(llama, NEUTRAL)
    edits, sae = [random_edit(llama)], random_sae(llama)
    alone = [footprint(llama, edits, sae, [text], others).totals for text in texts]
    lengths = [totals.length_on_subject for totals in alone if totals is not None]
    found = footprint(llama, edits, sae, texts, others)
    assert found.n_subject == len(lengths) == 36 > ROWS
    assert found.totals is not None
    assert found.totals.length_on_subject == pytest.approx(sum(lengths) / 36, rel=1e-4)


@pytest.mark.parametrize(
    ("sae", "kind", "says"),
    [
        ({"layer": None}, InputError, "does not say after which block it reads\n  wanted"),
        ({"layer": None, "hook": "blocks.1.attn"}, InputError, r"\(its hook is blocks.1.attn\)"),
        (
            {"layer": 4},
            Mismatch,
            "reads after block 4, for tiny-llama\n  wanted: an SAE of a block from 0 to 3",
        ),
    ],
)
def test_an_autoencoder_of_another_model_is_refused(
    llama: Model, sae: dict[str, Any], kind: type[InputError], says: str
) -> None:
    with pytest.raises(kind, match=says):
        measured(llama, [random_edit(llama)], random_sae(llama, **sae))


def test_another_width_and_no_prompts_are_refused(llama: Model) -> None:
    with pytest.raises(Mismatch, match="vectors of width 32 for the SAE axes"):
        measured(llama, [random_edit(llama)], axes_sae(16, 2))
    with pytest.raises(RequestError, match="0 prompts with the subject and 3 others"):
        measured(llama, [random_edit(llama)], random_sae(llama), about=NEUTRAL)
