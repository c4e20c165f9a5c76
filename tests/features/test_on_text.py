"""One feature on a typed text, against the whole dictionary at each token."""

from dataclasses import replace

import pytest
import torch

from assay.errors import InputError, Mismatch
from assay.features import on_text as module
from assay.features.on_text import on_text
from assay.models.model import Model
from assay.models.tokens import plain_ids
from assay.sae.coder import SAE
from assay.sae.residual import residual
from banked import DEAD, DENSE, LAYER, prose, random_sae
from small import Heard

TEXT = "The people of Rome walked to the old market,\n and 3 of them spoke naïvely  of “Berlin”. "


def slow(model: Model, sae: SAE, feature: int, text: str, room: int) -> list[float]:
    """A forward pass and a dense code for each row, sinks not looked for."""
    ids = plain_ids(model, text)
    rows = [ids[at : at + room] for at in range(0, len(ids), room)]
    return [float(v) for row in rows for v in sae.encode(residual(model, LAYER, [row]))[:, feature]]


def test_each_token_has_the_activation_of_the_dense_code(some_model: Model) -> None:
    sae = random_sae(some_model)
    for feature in (DEAD, DENSE, 5, 11):
        found = on_text(some_model, sae, feature, TEXT)
        wanted = slow(some_model, sae, feature, TEXT, module.CONTEXT - 1)
        wanted = [0.0 if at in found.sinks else value for at, value in enumerate(wanted)]
        assert found.activations.tolist() == pytest.approx(wanted, rel=1e-4, abs=1e-5)
        assert "".join(found.tokens) == TEXT
    assert on_text(some_model, sae, DENSE, TEXT).activations.max() > 0


def test_a_long_text_is_read_in_rows_as_long_as_the_training_texts(llama: Model) -> None:
    sae = replace(random_sae(llama), context=17)
    text = " ".join(prose(2).documents)
    lead = 0 if llama.start is None else 1
    found = on_text(llama, sae, DENSE, text)
    wanted = slow(llama, sae, DENSE, text, 17 - lead)
    assert len(found.activations) > 40
    assert found.activations.tolist() == pytest.approx(wanted, rel=1e-4, abs=1e-5)


def test_tokens_of_outlying_norm_have_no_code(llama: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    def with_a_sink(*args: object) -> torch.Tensor:
        x = residual(*args)  # type: ignore[arg-type]
        x[2] *= 1000
        return x

    monkeypatch.setattr(module, "residual", with_a_sink)
    found = on_text(llama, random_sae(llama), DENSE, TEXT)
    assert found.sinks == (2,) and found.activations[2] == 0 and found.activations[1] > 0


def test_its_json_says_where_it_fires_most(llama: Model) -> None:
    found = on_text(llama, random_sae(llama), DENSE, TEXT)
    held = found.to_json()
    assert held["value"] == max(held["activations"]) == held["activations"][held["peak"]] > 0
    assert held["text"] == TEXT and held["feature"] == DENSE
    Heard()("feature_scores", {"text": held})


def test_what_cannot_be_read(llama: Model) -> None:
    sae = random_sae(llama)
    with pytest.raises(Mismatch):
        on_text(llama, sae, sae.d_sae, TEXT)
    with pytest.raises(InputError) as caught:
        on_text(llama, sae, 0, "")
    assert caught.value.came == "a text without any token"
    assert len(on_text(llama, sae, DENSE, "a").tokens) >= 1
