"""Random SAEs as every library but SAELens writes them, each with that library's formula in float64."""

from collections.abc import Mapping
from math import sqrt
from pathlib import Path

import torch
from foreign import D_IN, D_SAE, Draw, Foreign, K, jumprelu, standard_tensors, topk, write
from torch import Tensor


def sparsify(root: Path, draw: Draw) -> Foreign:
    t = {
        "encoder.weight": draw(D_SAE, D_IN),
        "encoder.bias": draw(D_SAE),
        "W_dec": draw(D_SAE, D_IN),
        "b_dec": draw(D_IN),
    }
    d = {name: tensor.double() for name, tensor in t.items()}
    config = {"activation": "topk", "num_latents": D_SAE, "k": K, "d_in": D_IN, "normalize_decoder": True}
    folder = write(root / "layers.3", "sae.safetensors", t, "cfg.json", config)
    (root / "config.json").write_text('{"model": "some-model", "ctx_len": 2048}', encoding="utf-8")
    return Foreign(
        folder,
        lambda x: topk(((x - d["b_dec"]) @ d["encoder.weight"].T + d["encoder.bias"]).clamp(min=0)),
        lambda codes: codes @ d["W_dec"] + d["b_dec"],
    )


def linear_tensors(draw: Draw, bias: str) -> dict[str, Tensor]:
    return {
        "encoder.weight": draw(D_SAE, D_IN),
        "encoder.bias": draw(D_SAE),
        "decoder.weight": draw(D_IN, D_SAE),
        bias: draw(D_IN),
    }


def dictionary(root: Path, tensors: Mapping[str, Tensor], name: str) -> Path:
    trainer = {
        "dict_class": name,
        "activation_dim": D_IN,
        "dict_size": D_SAE,
        "k": K,
        "layer": 3,
        "lm_name": "some-model",
        "submodule_name": "resid_post_layer_3",
    }
    config = {"trainer": trainer, "buffer": {"ctx_len": 128}}
    return write(root / "trainer_0", "ae.pt", tensors, "config.json", config)


def dl_autoencoder(root: Path, draw: Draw) -> Foreign:
    t = linear_tensors(draw, "bias")
    d = {name: tensor.double() for name, tensor in t.items()}
    return Foreign(
        dictionary(root, t, "AutoEncoder"),
        lambda x: ((x - d["bias"]) @ d["encoder.weight"].T + d["encoder.bias"]).clamp(min=0),
        lambda codes: codes @ d["decoder.weight"].T + d["bias"],
    )


def dl_autoencoder_new(root: Path, draw: Draw) -> Foreign:
    t = linear_tensors(draw, "decoder.bias")
    d = {name: tensor.double() for name, tensor in t.items()}
    return Foreign(
        dictionary(root, t, "AutoEncoderNew"),
        lambda x: (x @ d["encoder.weight"].T + d["encoder.bias"]).clamp(min=0),
        lambda codes: codes @ d["decoder.weight"].T + d["decoder.bias"],
    )


def dl_gated(root: Path, draw: Draw) -> Foreign:
    t = linear_tensors(draw, "decoder_bias")
    del t["encoder.bias"]
    t |= {"gate_bias": draw(D_SAE), "mag_bias": draw(D_SAE), "r_mag": draw(D_SAE, spread=0.5)}
    d = {name: tensor.double() for name, tensor in t.items()}

    def encode(x: Tensor) -> Tensor:
        z = (x - d["decoder_bias"]) @ d["encoder.weight"].T
        return ((z + d["gate_bias"]) > 0) * (d["r_mag"].exp() * z + d["mag_bias"]).clamp(min=0)

    return Foreign(
        dictionary(root, t, "GatedAutoEncoder"),
        encode,
        lambda codes: codes @ d["decoder.weight"].T + d["decoder_bias"],
    )


def dl_topk(root: Path, draw: Draw) -> Foreign:
    t = linear_tensors(draw, "b_dec") | {"k": torch.tensor(K), "threshold": torch.tensor(1.5)}
    d = {name: tensor.double() for name, tensor in t.items()}
    return Foreign(
        dictionary(root, t, "AutoEncoderTopK"),
        lambda x: topk(((x - d["b_dec"]) @ d["encoder.weight"].T + d["encoder.bias"]).clamp(min=0)),
        lambda codes: codes @ d["decoder.weight"].T + d["b_dec"],
    )


def dl_batchtopk(root: Path, draw: Draw, threshold: float = 1.5) -> Foreign:
    t = linear_tensors(draw, "b_dec") | {"k": torch.tensor(K), "threshold": torch.tensor(threshold)}
    d = {name: tensor.double() for name, tensor in t.items()}

    def encode(x: Tensor) -> Tensor:
        codes = ((x - d["b_dec"]) @ d["encoder.weight"].T + d["encoder.bias"]).clamp(min=0)
        return codes * (codes > d["threshold"])

    return Foreign(
        dictionary(root, t, "BatchTopKSAE"),
        encode,
        lambda codes: codes @ d["decoder.weight"].T + d["b_dec"],
    )


def dl_batchtopk_untrained(root: Path, draw: Draw) -> Foreign:
    """Stopped before its threshold was first measured: -1, which lets every positive activation through."""
    return dl_batchtopk(root, draw, -1.0)


def dl_matryoshka(root: Path, draw: Draw) -> Foreign:
    t = standard_tensors(draw) | {"k": torch.tensor(K), "threshold": torch.tensor(1.5)}
    t["group_sizes"] = torch.tensor([9, 10])
    d = {name: tensor.double() for name, tensor in t.items()}

    def encode(x: Tensor) -> Tensor:
        codes = ((x - d["b_dec"]) @ d["W_enc"] + d["b_enc"]).clamp(min=0)
        return codes * (codes > d["threshold"])

    return Foreign(
        dictionary(root, t, "MatryoshkaBatchTopKSAE"), encode, lambda codes: codes @ d["W_dec"] + d["b_dec"]
    )


def dl_jumprelu(root: Path, draw: Draw) -> Foreign:
    t = standard_tensors(draw) | {"threshold": draw.positive(D_SAE)}
    d = {name: tensor.double() for name, tensor in t.items()}
    return Foreign(
        dictionary(root, t, "JumpReluAutoEncoder"),
        lambda x: jumprelu(x @ d["W_enc"] + d["b_enc"], d["threshold"]),
        lambda codes: codes @ d["W_dec"] + d["b_dec"],
    )


def gemma_scope(root: Path, draw: Draw) -> Foreign:
    t = standard_tensors(draw) | {"threshold": draw.positive(D_SAE)}
    d = {name: tensor.double() for name, tensor in t.items()}
    folder = root / "gemma-scope-2b-pt-res" / "layer_3" / "width_16k" / "average_l0_71"
    return Foreign(
        write(folder, "params.npz", t, "", None),
        lambda x: jumprelu(x @ d["W_enc"] + d["b_enc"], d["threshold"]),
        lambda codes: codes @ d["W_dec"] + d["b_dec"],
        model_id="google/gemma-2-2b",
    )


def gemma_scope_2(root: Path, draw: Draw) -> Foreign:
    t = standard_tensors(draw) | {"threshold": draw.positive(D_SAE)}
    d = {name: tensor.double() for name, tensor in t.items()}
    config = {
        "architecture": "jump_relu",
        "model_name": "google/gemma-3-1b-pt",
        "hf_hook_point_in": "model.layers.3.output",
        "hf_hook_point_out": "model.layers.3.output",
    }
    lower = {name.lower(): tensor for name, tensor in t.items()}
    folder = root / "resid_post" / "layer_3_width_16k_l0_medium"
    return Foreign(
        write(folder, "params.safetensors", lower, "config.json", config),
        lambda x: jumprelu(x @ d["W_enc"] + d["b_enc"], d["threshold"]),
        lambda codes: codes @ d["W_dec"] + d["b_dec"],
        model_id="google/gemma-3-1b-pt",
    )


def llama_scope(root: Path, draw: Draw) -> Foreign:
    """bfloat16; the oracle is the library's form for raw activations (biases divided by the factor), its
    activations multiplied by the factor, as they are in the scale of training."""
    t = {name: value.bfloat16() for name, value in linear_tensors(draw, "decoder.bias").items()}
    d = {name: tensor.double() for name, tensor in t.items()}
    config = {
        "d_model": D_IN,
        "d_sae": D_SAE,
        "act_fn": "jumprelu",
        "jump_relu_threshold": 0.75,
        "norm_activation": "dataset-wise",
        "dataset_average_activation_norm": {"in": 29.125, "out": 29.125},
        "sparsity_include_decoder_norm": True,
        "apply_decoder_bias_to_pre_encoder": False,
        "hook_point_in": "blocks.3.hook_resid_post",
        "hook_point_out": "blocks.3.hook_resid_post",
    }
    factor = sqrt(D_IN) / 29.125
    norm = d["decoder.weight"].norm(dim=0)

    def encode(x: Tensor) -> Tensor:
        pre = x @ d["encoder.weight"].T + d["encoder.bias"] / factor
        return pre.clamp(min=0) * (pre * norm > 0.75) * factor

    return Foreign(
        write(root / "L3R-8x", "checkpoints/final.safetensors", t, "hyperparams.json", config),
        encode,
        lambda codes: (codes / factor) @ d["decoder.weight"].T + d["decoder.bias"] / factor,
        model_id="meta-llama/Llama-3.1-8B",
    )


MAKERS = (
    sparsify,
    dl_autoencoder,
    dl_autoencoder_new,
    dl_gated,
    dl_topk,
    dl_batchtopk,
    dl_batchtopk_untrained,
    dl_matryoshka,
    dl_jumprelu,
    gemma_scope,
    gemma_scope_2,
    llama_scope,
)
