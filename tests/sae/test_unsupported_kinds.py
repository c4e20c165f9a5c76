"""What is said of whole files that hold something other than an SAE that can be read exactly."""

from pathlib import Path

import pytest
import torch
from foreign import D_SAE, Draw, standard_tensors, write
from foreign_libraries import dictionary, gemma_scope_2, linear_tensors, llama_scope, sparsify
from foreign_saelens import saelens, saelens_flat, v6
from refusals import refused, rewrite

from assay.sae.formats.table import load_sae


@pytest.mark.parametrize("how", ["layer_norm", "constant_norm_rescale", "covariance_whitening"])
def test_inputs_normalised_one_by_one(tmp_path: Path, how: str) -> None:
    folder = saelens(tmp_path, standard_tensors(Draw()), v6("standard", normalize_activations=how))
    assert f"an SAE whose inputs are normalised by {how}" in refused(folder)


def test_a_factor_that_is_not_in_the_folder(tmp_path: Path) -> None:
    folder = saelens_flat(tmp_path, Draw()).folder
    rewrite(folder / "cfg.json", lambda values: values.update(normalize_activations=True))
    message = refused(folder)
    assert "an SAE trained on scaled activations, and no record of the factor" in message
    assert "the square root of d_in over the mean norm" in message
    (folder / "activation_scaler.json").write_text('{"scaling_factor": 3}', encoding="utf-8")
    assert load_sae(folder).scale == 3.0


def test_fine_tuned(tmp_path: Path) -> None:
    tensors = standard_tensors(Draw()) | {"scaling_factor": torch.full((D_SAE,), 1.5)}
    assert "a scaling_factor per feature" in refused(saelens(tmp_path, tensors, v6("standard")))


def test_architectures_without_a_reader(tmp_path: Path) -> None:
    message = refused(saelens(tmp_path / "a", standard_tensors(Draw()), v6("temporal")))
    assert "an SAE of architecture temporal" in message
    assert "one of batchtopk, gated, jumprelu, matryoshka_batchtopk, standard, topk" in message
    folder = saelens_flat(tmp_path, Draw()).folder
    rewrite(folder / "cfg.json", lambda values: values.update(activation_fn_str="tanh-relu"))
    assert "the activation function tanh-relu" in refused(folder)
    folder = dictionary(tmp_path, linear_tensors(Draw(), "bias"), "IdentityDict")
    assert "an SAE of class IdentityDict" in refused(folder)
    folder = sparsify(tmp_path, Draw()).folder
    rewrite(folder / "cfg.json", lambda values: values.update(activation="groupmax"))
    assert "the activation function groupmax" in refused(folder)


@pytest.mark.parametrize("part", ["transcode", "skip_connection"])
def test_transcoders_of_sparsify(tmp_path: Path, part: str) -> None:
    folder = sparsify(tmp_path, Draw()).folder
    rewrite(folder / "cfg.json", lambda values: values.update({part: True}))
    assert f"a transcoder: cfg.json says {part}" in refused(folder)


def test_transcoders_of_the_scopes(tmp_path: Path) -> None:
    folder = llama_scope(tmp_path, Draw()).folder
    rewrite(folder / "hyperparams.json", lambda values: values.update(hook_point_out="blocks.3.hook_mlp_out"))
    assert "it reads blocks.3.hook_resid_post and writes blocks.3.hook_mlp_out" in refused(folder)
    folder = gemma_scope_2(tmp_path, Draw()).folder
    rewrite(folder / "config.json", lambda values: values.update(hf_hook_point_out="model.layers.3.mlp"))
    assert "a transcoder: it writes another place than it reads" in refused(folder)
    tensors = standard_tensors(Draw())
    assert "a transcoder: it writes" in refused(
        write(tmp_path / "transcoder" / "layer_3_width_16k", "params.safetensors", tensors, "", None)
    )
    folder = tmp_path / "gemma-scope-2b-pt-transcoders" / "layer_3" / "width_16k" / "average_l0_9"
    assert "a transcoder: of gemma-scope-2b-pt-transcoders" in refused(
        write(folder, "params.npz", tensors, "", None)
    )
    assert "an SAE of the token embeddings" in refused(
        write(tmp_path / "embedding" / "width_4k", "params.npz", tensors, "", None)
    )


@pytest.mark.parametrize(
    ("name", "value"), [("act_fn", "topk"), ("norm_activation", "token-wise"), ("use_glu_encoder", True)]
)
def test_kinds_of_llama_scope(tmp_path: Path, name: str, value: object) -> None:
    folder = llama_scope(tmp_path, Draw()).folder
    rewrite(folder / "hyperparams.json", lambda values: values.update({name: value}))
    assert f"{name} = {value}" in refused(folder)


def test_gemma_scope_of_other_places_is_read_but_not_as_residual_stream(tmp_path: Path) -> None:
    tensors = standard_tensors(Draw()) | {"threshold": torch.ones(D_SAE)}
    folder = tmp_path / "gemma-scope-9b-it-mlp" / "layer_20" / "width_16k" / "average_l0_8"
    sae = load_sae(write(folder, "params.npz", tensors, "", None))
    assert (sae.model_id, sae.hook, sae.layer) == ("google/gemma-2-9b-it", "blocks.20.hook_mlp_out", None)


def test_gemma_scope_without_its_release_in_the_path(tmp_path: Path) -> None:
    tensors = standard_tensors(Draw()) | {"threshold": torch.ones(D_SAE)}
    sae = load_sae(write(tmp_path / "layer_5" / "x", "params.npz", tensors, "", None))
    assert (sae.model_id, sae.hook, sae.layer) == (None, None, 5)
    lower = {name.lower(): tensor for name, tensor in tensors.items()}
    sae = load_sae(
        write(tmp_path / "resid_post" / "layer_6_width_16k", "params.safetensors", lower, "", None)
    )
    assert (sae.model_id, sae.hook, sae.layer) == (None, "blocks.6.hook_resid_post", 6)
    sae = load_sae(write(tmp_path / "mlp_out" / "layer_6_width_16k", "params.safetensors", lower, "", None))
    assert (sae.model_id, sae.hook, sae.layer) == (None, None, None)
