"""Llama Scope: ``hyperparams.json`` and ``checkpoints/final.safetensors`` of the library lm-saes."""

from math import sqrt
from pathlib import Path

import torch

from assay.errors import ModelError
from assay.sae.coder import SAE
from assay.sae.formats.files import read_json, read_safetensors, setting
from assay.sae.formats.places import layer_of, no_transcoder

CONFIG = "hyperparams.json"
WEIGHTS = "checkpoints/final.safetensors"


def read(folder: Path) -> SAE:
    """The SAE of a folder with hyperparams.json. Raises ModelError for what it cannot do.

    Inputs are scaled to a mean norm of sqrt(d_in). The one threshold was measured on unscaled activations, whose
    ``pre`` is smaller by the same factor, so it is scaled likewise.
    """
    config = read_json(folder / CONFIG)
    hook = setting(config, "hook_point_in", CONFIG, str)
    if config.get("hook_point_out", hook) != hook:
        raise no_transcoder(f"it reads {hook} and writes {config['hook_point_out']}")
    for name, wanted in (
        ("act_fn", "jumprelu"),
        ("norm_activation", "dataset-wise"),
        ("use_glu_encoder", False),
    ):
        if config.get(name, wanted) != wanted:
            raise ModelError(f"{name} = {config[name]}", f"{name} = {wanted}", "choose another SAE")
    d_in, d_sae = setting(config, "d_model", CONFIG, int), setting(config, "d_sae", CONFIG, int)
    norms = setting(config, "dataset_average_activation_norm", CONFIG, dict)
    scale = sqrt(d_in) / setting(norms, "in", CONFIG, float)
    weights = read_safetensors(folder / WEIGHTS)
    W_dec = weights.take("decoder.weight", d_in, d_sae).T
    threshold = torch.full((d_sae,), setting(config, "jump_relu_threshold", CONFIG, float) * scale)
    if config.get("sparsity_include_decoder_norm"):
        threshold = threshold / W_dec.norm(dim=-1)  # there the threshold judges pre times the row's length
    return SAE(
        id=str(folder),
        architecture="jumprelu",
        W_enc=weights.take("encoder.weight", d_sae, d_in).T,
        b_enc=weights.take("encoder.bias"),
        W_dec=W_dec,
        b_dec=weights.take("decoder.bias"),
        threshold=threshold,
        subtract_b_dec=bool(config.get("apply_decoder_bias_to_pre_encoder", False)),
        scale=scale,
        model_id="meta-llama/Llama-3.1-8B",
        layer=layer_of(hook),
        hook=hook,
        start_token=True,
        context=1024,
    )
