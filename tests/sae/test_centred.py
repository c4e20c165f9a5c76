"""SAEs of models whose writing weights TransformerLens centred, on the model as it is."""

from copy import deepcopy
from pathlib import Path

import pytest
import torch
from foreign import D_SAE, Draw
from foreign_saelens import saelens, saelens_centred, v6
from refusals import refused, rewrite

from assay.models.model import Model
from assay.sae.formats.save import save_sae
from assay.sae.formats.table import load_sae
from assay.sae.residual import residual
from tiny import tiny_model

LAYER = 2


def centred_model() -> Model:
    """A tiny GPT-2 with a mean taken from everything that writes to the residual stream, as TransformerLens does it."""
    model = deepcopy(tiny_model("gpt2"))
    body = model.module.transformer
    with torch.no_grad():
        for table in (body.wte.weight, body.wpe.weight):
            table -= table.mean(-1, keepdim=True)
        for block in body.h:
            for writing in (block.attn.c_proj, block.mlp.c_proj):
                writing.weight -= writing.weight.mean(-1, keepdim=True)
                writing.bias -= writing.bias.mean()
    return model


def test_on_the_plain_model_they_fire_as_on_the_centred_one(tmp_path: Path) -> None:
    """To 1e-4 of activations of order 1: two float32 models against each other."""
    plain, centred = tiny_model("gpt2"), centred_model()
    d, draw = plain.d_model, Draw()
    with torch.no_grad():  # so that there is something to take away
        shifted = deepcopy(plain)
        shifted.module.transformer.wpe.weight += 2
    tensors = {"W_enc": draw(d, D_SAE), "b_enc": draw(D_SAE), "W_dec": draw(D_SAE, d), "b_dec": draw(d)}
    about = v6("standard", d_in=d)["metadata"] | {
        "model_name": "gpt2-small",
        "model_from_pretrained_kwargs": {"center_writing_weights": True},
    }
    folder = saelens(tmp_path / "sae", tensors, v6("standard", d_in=d, metadata=about))
    sae = load_sae(folder)
    rewrite(folder / "cfg.json", lambda config: config["metadata"].pop("model_from_pretrained_kwargs"))
    as_written = load_sae(folder)
    rows = [[5, 9, 33, 7, 120, 14], [8, 8, 77]]
    x, x_shifted, x_centred = (residual(model, LAYER, rows) for model in (plain, shifted, centred))
    assert x_shifted.mean(1).abs().min() > 1 and x_centred.mean(1).abs().max() < 1e-5
    want = as_written.encode(x_centred)
    assert (want > 0).float().mean() > 0.2
    for raw in (x, x_shifted):
        assert (sae.encode(raw) - want).abs().max() < 1e-4
    assert (as_written.encode(x_shifted) - want).abs().max() > 0.1


def test_what_is_folded_in_is_folded_in_once(tmp_path: Path) -> None:
    first = load_sae(saelens_centred(tmp_path, Draw()).folder)
    assert first.metadata["model_from_pretrained_kwargs"] == {
        "center_writing_weights": False,
        "fold_ln": False,
    }
    assert load_sae(save_sae(first, tmp_path / "saved")).hash == first.hash


def test_models_that_are_never_centred_and_models_that_nobody_knows(tmp_path: Path) -> None:
    folder = saelens_centred(tmp_path, Draw()).folder
    before = load_sae(folder).hash

    def of(name: str, flag: bool = True) -> None:
        def change(config: dict[str, dict[str, object]]) -> None:
            kwargs = {"center_writing_weights": flag}
            config["metadata"] |= {"model_name": name, "model_from_pretrained_kwargs": kwargs}

        rewrite(folder / "cfg.json", change)

    of("gpt2-small", flag=False)
    plain = load_sae(folder).hash
    assert plain != before
    for name in ("google/gemma-2-2b", "meta-llama/Llama-3.1-8B", "mistral-7b", "Qwen/Qwen3-0.6B"):
        of(name)
        assert load_sae(folder).hash == plain
    for name in ("gpt2-xl", "EleutherAI/pythia-70m", "pythia-1b", "facebook/opt-125m", "EleutherAI/gpt-j-6B"):
        of(name)
        assert load_sae(folder).hash == before
    of("somebody/new")
    words = refused(folder)
    assert "an SAE of the model somebody/new with center_writing_weights" in words
    assert "correct model_name in cfg.json" in words


def test_only_the_residual_stream_is_centred(tmp_path: Path) -> None:
    folder = saelens_centred(tmp_path, Draw()).folder
    residual_stream = load_sae(folder)
    rewrite(folder / "cfg.json", lambda c: c["metadata"].update(hook_name="blocks.3.attn.hook_z"))
    elsewhere = load_sae(folder)
    assert elsewhere.layer is None and elsewhere.hash != residual_stream.hash
    rewrite(folder / "cfg.json", lambda c: c["metadata"].pop("model_from_pretrained_kwargs"))
    assert load_sae(folder).hash == elsewhere.hash


@pytest.mark.parametrize("kwargs", [None, {}, {"center_writing_weights": False}])
def test_most_say_nothing_of_it(tmp_path: Path, kwargs: dict[str, bool] | None) -> None:
    folder = saelens_centred(tmp_path, Draw()).folder
    rewrite(folder / "cfg.json", lambda c: c["metadata"].update(model_from_pretrained_kwargs=kwargs))
    assert load_sae(folder).metadata["model_from_pretrained_kwargs"] == kwargs
