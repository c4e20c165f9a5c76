"""SAELens' folders: version 6, the flat configuration before it, and training checkpoints of BatchTopK.

Formulas and defaults follow sae-lens 6.54.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from assay.errors import ModelError
from assay.sae.coder import SAE
from assay.sae.formats.encoders import Encoder, centred, gated
from assay.sae.formats.files import Weights, read_json, read_safetensors, setting
from assay.sae.formats.places import layer_of

CONFIG = "cfg.json"
WEIGHTS = "sae_weights.safetensors"
SCALER = "activation_scaler.json"

KWARGS = "model_from_pretrained_kwargs"
CENTRED = "center_writing_weights"
"""How TransformerLens was told to load the model: with what every block writes less its mean, so that the residual
stream has a mean of 0. It does so for models with LayerNorm only, which cannot tell the difference."""
LAYER_NORM = re.compile(r"(.*/)?(gpt2|gpt-j|gpt-neo|pythia|opt-).*", re.IGNORECASE)
RMS_NORM = re.compile(r"(.*/)?(.*llama|.*mistral|qwen|gemma|smollm).*", re.IGNORECASE)

RENAMED = {"hook_point": "hook_name", "activation_fn_str": "activation_fn"}
"""Names of the flat configuration that version 6 changed."""


def read(folder: Path) -> SAE:
    """The SAE of a folder with cfg.json and sae_weights.safetensors. Raises ModelError for what it cannot do."""
    config = _config(read_json(folder / CONFIG))
    weights = read_safetensors(folder / WEIGHTS)
    _no_finetuning(weights)
    name = setting(config, "architecture", CONFIG, str)
    if name not in ENCODERS:
        raise ModelError(
            f"an SAE of architecture {name}",
            f"one of {', '.join(sorted(ENCODERS))}",
            "choose another SAE, or train one with assay",
        )
    d_in, d_sae = setting(config, "d_in", CONFIG, int), setting(config, "d_sae", CONFIG, int)
    encoder = ENCODERS[name](weights.take("W_enc", d_in, d_sae), weights, config)
    W_dec = weights.take("W_dec", d_sae, d_in)
    if config.get("rescale_acts_by_decoder_norm"):
        # Such coders rank and report activations as if the decoder's rows had unit length.
        norm = W_dec.norm(dim=-1)
        W_dec = W_dec / norm.clamp(min=1e-8)[:, None]
        encoder = replace(encoder, W_enc=encoder.W_enc * norm, b_enc=encoder.b_enc * norm)
    about = dict(config["metadata"])
    subtract = bool(config.get("apply_b_dec_to_input", True))
    b_dec = weights.take("b_dec")
    hook = about.pop("hook_name", None)
    if layer_of(hook) is not None and _reads_centred(about):
        encoder = centred(encoder, b_dec if subtract else None)
        about[KWARGS] = {**about[KWARGS], CENTRED: False}  # of what is read now
    return SAE(
        id=str(folder),
        architecture=encoder.architecture,
        W_enc=encoder.W_enc,
        b_enc=encoder.b_enc,
        W_dec=W_dec,
        b_dec=b_dec,
        threshold=encoder.threshold,
        k=encoder.k,
        subtract_b_dec=subtract,
        scale=_scale(config, folder),
        model_id=about.pop("model_name", None),
        layer=layer_of(hook),
        hook=hook,
        start_token=about.pop("prepend_bos", None),
        context=about.pop("context_size", None),
        metadata=about,
    )


def _config(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration in version 6's form."""
    about = dict(setting(raw, "metadata", CONFIG, dict)) if raw.get("metadata") else {}
    version = about.get("sae_lens_version") or raw.get("sae_lens_version")
    major = re.match(r"\d+", str(version))
    if major and int(major[0]) >= 6:
        return {**raw, "metadata": about}
    flat = {RENAMED.get(name, name): value for name, value in raw.items() if name != "metadata"}
    function = flat.pop("activation_fn", None) or "relu"
    if function == "topk":
        flat["architecture"] = "topk"
        flat["k"] = (flat.get("activation_fn_kwargs") or {}).get("k")
    elif function != "relu":
        raise ModelError(f"the activation function {function}", "relu or topk", "choose another SAE")
    flat.setdefault("architecture", "standard")
    if isinstance(flat.get("normalize_activations"), bool):
        flat["normalize_activations"] = (
            "expected_average_only_in" if flat["normalize_activations"] else "none"
        )
    known = ("model_name", "hook_name", "context_size", "dataset_path", KWARGS)
    about = {name: flat[name] for name in known if flat.get(name) is not None} | about
    return {**flat, "metadata": {"prepend_bos": flat.get("prepend_bos", True), **about}}


def _reads_centred(about: Mapping[str, Any]) -> bool:
    """Whether its model had a residual stream of mean 0; ModelError where that cannot be known."""
    if not (about.get(KWARGS) or {}).get(CENTRED):
        return False
    name = str(about.get("model_name"))
    if LAYER_NORM.fullmatch(name):
        return True
    if RMS_NORM.fullmatch(name):
        return False
    raise ModelError(
        f"an SAE of the model {name} with {CENTRED}, which TransformerLens does for some models only",
        "a model that is known to have LayerNorm (gpt2, gpt-j, gpt-neo, pythia, opt) or RMSNorm",
        f"correct model_name in {CONFIG}, or take {CENTRED} out of it if its residual stream has no mean of 0",
    )


def _scale(config: Mapping[str, Any], folder: Path) -> float:
    """The factor on the input, where it is the same for all inputs; ModelError where it is not, or is unknown."""
    how = config.get("normalize_activations") or "none"
    if how == "none":
        return 1.0
    if how != "expected_average_only_in":
        raise ModelError(
            f"an SAE whose inputs are normalised by {how}",
            "inputs taken as they are, or all scaled by one factor",
            "choose another SAE: what a feature of this one adds would depend on the input",
        )
    if not (folder / SCALER).exists():
        raise ModelError(
            "an SAE trained on scaled activations, and no record of the factor",
            f'{SCALER} beside {CONFIG}, with {{"scaling_factor": ...}}',
            "write it: the square root of d_in over the mean norm of the model's activations at its hook",
        )
    return setting(read_json(folder / SCALER), "scaling_factor", SCALER, float)


def _no_finetuning(weights: Weights) -> None:
    """Folders of an older SAELens often carry a factor per feature that is 1 everywhere."""
    for name in ("scaling_factor", "finetuning_scaling_factor"):
        if name in weights and not torch.allclose(factor := weights.take(name), torch.ones_like(factor)):
            raise ModelError(
                f"a {name} per feature, which fine-tuning made",
                "none, or 1 everywhere",
                "choose the SAE as it was before fine-tuning",
            )


def _standard(W_enc: Tensor, weights: Weights, config: Mapping[str, Any]) -> Encoder:
    return Encoder("relu", W_enc, weights.take("b_enc", W_enc.shape[1]))


def _topk(W_enc: Tensor, weights: Weights, config: Mapping[str, Any]) -> Encoder:
    return Encoder("topk", W_enc, weights.take("b_enc", W_enc.shape[1]), k=setting(config, "k", CONFIG, int))


def _jumprelu(W_enc: Tensor, weights: Weights, config: Mapping[str, Any]) -> Encoder:
    return Encoder(
        "jumprelu", W_enc, weights.take("b_enc", W_enc.shape[1]), threshold=weights.take("threshold")
    )


def _batchtopk(W_enc: Tensor, weights: Weights, config: Mapping[str, Any]) -> Encoder:
    d_sae = W_enc.shape[1]
    threshold = weights.everywhere("topk_threshold", d_sae)
    return Encoder("jumprelu", W_enc, weights.take("b_enc", d_sae), threshold)


def _gated(W_enc: Tensor, weights: Weights, config: Mapping[str, Any]) -> Encoder:
    r_mag, b_mag, b_gate = (weights.take(name, W_enc.shape[1]) for name in ("r_mag", "b_mag", "b_gate"))
    return gated(W_enc, r_mag, b_mag, b_gate)


ENCODERS: Mapping[str, Callable[[Tensor, Weights, Mapping[str, Any]], Encoder]] = {
    "standard": _standard,
    "topk": _topk,
    "jumprelu": _jumprelu,
    "gated": _gated,
    "batchtopk": _batchtopk,
    "matryoshka_batchtopk": _batchtopk,
}
"""SAELens' architectures that can be read; it saves finished BatchTopK coders as jumprelu itself."""
