"""A family row is proved when a model loads: right rows pass for every family, wrong rows are caught."""

from dataclasses import replace

import pytest

from assay.errors import ModelError
from assay.models.families import family_of
from assay.models.model import Model
from assay.models.prove import prove
from tiny import tiny_model


def test_every_family_is_proved(any_model: Model) -> None:
    prove(any_model)
    assert (any_model.d_model, any_model.n_layers) == (32, 4)
    assert any_model.d_mlp == (32 if any_model.id == "tiny-gpt2-square" else 80)


@pytest.mark.parametrize(
    ("name", "wrong", "says"),
    [
        ("llama", {"parallel": True}, "attention feeds the MLP"),
        ("pythia", {"parallel": False}, "attention does not feed the MLP"),
        ("gpt2-square", {"transposed": False}, "W k [+] b is not the output"),
        ("gpt2", {"transposed": False}, "down-projection of layer 0 has shape"),
        ("gemma2", {"post_norm": None}, "not added to the residual stream"),
        ("gemma2", {"softcap": None}, "do not give the model's logits"),
        ("llama", {"norm": "model.layers.0.input_layernorm"}, "do not give the model's logits"),
        ("llama", {"down": "mlp.up_proj"}, "has shape"),
        ("llama", {"down": "mlp.nowhere"}, "has no module 'mlp.nowhere'"),
        ("opt", {"head": "model.decoder.unembed"}, "has no module"),
    ],
)
def test_wrong_rows_are_caught(name: str, wrong: dict[str, object], says: str) -> None:
    model = tiny_model(name)
    broken = replace(model, family=replace(model.family, **wrong))
    with pytest.raises(ModelError, match=says) as error:
        prove(broken)
    assert "families.py" in error.value.todo


def test_unknown_family_says_what_exists_and_how_to_add_one() -> None:
    with pytest.raises(ModelError, match="'llamo' is not in the family table") as error:
        family_of("llamo")
    assert "nearest: llama" in error.value.wanted
    assert "add a row to FAMILIES" in error.value.todo
