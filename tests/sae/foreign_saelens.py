"""Random SAEs as SAELens writes them, each with its formula in float64."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from foreign import D_IN, D_SAE, Draw, Foreign, K, jumprelu, less_its_mean, standard_tensors, topk, write
from torch import Tensor


def v6(architecture: str, **more: Any) -> dict[str, Any]:
    """SAELens' configuration, version 6."""
    about = {
        "sae_lens_version": "6.10.0",
        "model_name": "some-model",
        "hook_name": "blocks.3.hook_resid_post",
        "prepend_bos": False,
        "context_size": 256,
        "dataset_path": "some/text",
    }
    common = {
        "architecture": architecture,
        "d_in": D_IN,
        "d_sae": D_SAE,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": True,
        "normalize_activations": "none",
        "reshape_activations": "none",
        "metadata": about,
    }
    return common | more


def flat(**more: Any) -> dict[str, Any]:
    """The configuration just before version 6, of a coder that keeps the k largest."""
    common = {
        "sae_lens_version": "5.3.1",
        "architecture": "standard",
        "model_name": "some-model",
        "hook_name": "model.layers.3",
        "d_in": D_IN,
        "d_sae": D_SAE,
        "dtype": "torch.float32",
        "apply_b_dec_to_input": False,
        "activation_fn_str": "topk",
        "activation_fn_kwargs": {"k": K},
        "normalize_activations": "none",
    }
    return common | more


def saelens(folder: Path, tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> Path:
    return write(folder, "sae_weights.safetensors", tensors, "cfg.json", config)


def saelens_standard(root: Path, draw: Draw) -> Foreign:
    t = standard_tensors(draw)
    d = {name: tensor.double() for name, tensor in t.items()}
    return Foreign(
        saelens(root / "sae", t, v6("standard")),
        lambda x: ((x - d["b_dec"]) @ d["W_enc"] + d["b_enc"]).clamp(min=0),
        lambda codes: codes @ d["W_dec"] + d["b_dec"],
    )


def saelens_topk(root: Path, draw: Draw) -> Foreign:
    t = standard_tensors(draw)
    d = {name: tensor.double() for name, tensor in t.items()}
    return Foreign(
        saelens(root / "sae", t, v6("topk", k=K, apply_b_dec_to_input=False)),
        lambda x: topk(x @ d["W_enc"] + d["b_enc"]),
        lambda codes: codes @ d["W_dec"] + d["b_dec"],
    )


def saelens_topk_rescaled(root: Path, draw: Draw) -> Foreign:
    t = standard_tensors(draw)
    d = {name: tensor.double() for name, tensor in t.items()}
    norm = d["W_dec"].norm(dim=-1)
    return Foreign(
        saelens(root / "sae", t, v6("topk", k=K, rescale_acts_by_decoder_norm=True)),
        lambda x: topk(((x - d["b_dec"]) @ d["W_enc"] + d["b_enc"]) * norm),
        lambda codes: (codes / norm) @ d["W_dec"] + d["b_dec"],
    )


def saelens_jumprelu(root: Path, draw: Draw) -> Foreign:
    t = standard_tensors(draw) | {"threshold": draw.positive(D_SAE)}
    d = {name: tensor.double() for name, tensor in t.items()}
    return Foreign(
        saelens(root / "sae", t, v6("jumprelu")),
        lambda x: jumprelu((x - d["b_dec"]) @ d["W_enc"] + d["b_enc"], d["threshold"]),
        lambda codes: codes @ d["W_dec"] + d["b_dec"],
    )


def saelens_gated(root: Path, draw: Draw) -> Foreign:
    t = standard_tensors(draw)
    t = {name: t[name] for name in ("W_enc", "W_dec", "b_dec")}
    t |= {"b_gate": draw(D_SAE), "b_mag": draw(D_SAE), "r_mag": draw(D_SAE, spread=0.5)}
    d = {name: tensor.double() for name, tensor in t.items()}

    def encode(x: Tensor) -> Tensor:
        z = (x - d["b_dec"]) @ d["W_enc"]
        return ((z + d["b_gate"]) > 0) * (z * d["r_mag"].exp() + d["b_mag"]).clamp(min=0)

    return Foreign(
        saelens(root / "sae", t, v6("gated")), encode, lambda codes: codes @ d["W_dec"] + d["b_dec"]
    )


def saelens_batchtopk(root: Path, draw: Draw) -> Foreign:
    """A training checkpoint, its inputs scaled by a factor of its own file."""
    t = standard_tensors(draw) | {"topk_threshold": torch.tensor(0.7, dtype=torch.float64)}
    d = {name: tensor.double() for name, tensor in t.items()}
    config = v6("batchtopk", k=K, normalize_activations="expected_average_only_in")
    folder = saelens(root / "sae", t, config)
    (folder / "activation_scaler.json").write_text('{"scaling_factor": 2.5}', encoding="utf-8")
    return Foreign(
        folder,
        lambda x: jumprelu((x * 2.5 - d["b_dec"]) @ d["W_enc"] + d["b_enc"], d["topk_threshold"]),
        lambda codes: (codes @ d["W_dec"] + d["b_dec"]) / 2.5,
    )


def saelens_flat(root: Path, draw: Draw) -> Foreign:
    """The configuration before version 6, of an SAE before block 4."""
    t = standard_tensors(draw) | {"scaling_factor": torch.ones(D_SAE)}
    d = {name: tensor.double() for name, tensor in t.items()}
    config = {
        "model_name": "some-model",
        "hook_point": "blocks.4.hook_resid_pre",
        "hook_point_layer": 4,
        "d_in": D_IN,
        "d_sae": D_SAE,
        "dtype": "torch.float32",
        "activation_fn_str": "relu",
        "normalize_activations": False,
        "context_size": 128,
    }
    return Foreign(
        saelens(root / "sae", t, config),
        lambda x: ((x - d["b_dec"]) @ d["W_enc"] + d["b_enc"]).clamp(min=0),
        lambda codes: codes @ d["W_dec"] + d["b_dec"],
    )


def saelens_flat_topk(root: Path, draw: Draw) -> Foreign:
    t = standard_tensors(draw)
    d = {name: tensor.double() for name, tensor in t.items()}
    return Foreign(
        saelens(root / "sae", t, flat()),
        lambda x: topk(x @ d["W_enc"] + d["b_enc"]),
        lambda codes: codes @ d["W_dec"] + d["b_dec"],
    )


def saelens_centred(root: Path, draw: Draw) -> Foreign:
    """Of a LayerNorm model loaded with centred writing weights: its stream is ours less its mean."""
    t = standard_tensors(draw)
    d = {name: tensor.double() for name, tensor in t.items()}
    config = v6("standard")
    config["metadata"] |= {
        "model_name": "gpt2-small",
        "model_from_pretrained_kwargs": {"center_writing_weights": True, "fold_ln": False},
    }
    return Foreign(
        saelens(root / "sae", t, config),
        lambda x: ((less_its_mean(x) - d["b_dec"]) @ d["W_enc"] + d["b_enc"]).clamp(min=0),
        lambda codes: codes @ d["W_dec"] + d["b_dec"],
        model_id="gpt2-small",
        shown=less_its_mean,
    )


def saelens_flat_centred(root: Path, draw: Draw) -> Foreign:
    """The same before version 6, with b_dec left in the input."""
    t = standard_tensors(draw)
    d = {name: tensor.double() for name, tensor in t.items()}
    config = flat(
        model_name="EleutherAI/pythia-70m-deduped",
        hook_name="blocks.3.hook_resid_post",
        model_from_pretrained_kwargs={"center_writing_weights": True},
    )
    return Foreign(
        saelens(root / "sae", t, config),
        lambda x: topk(less_its_mean(x) @ d["W_enc"] + d["b_enc"]),
        lambda codes: codes @ d["W_dec"] + d["b_dec"],
        model_id="EleutherAI/pythia-70m-deduped",
        shown=less_its_mean,
    )


MAKERS = (
    saelens_standard,
    saelens_topk,
    saelens_topk_rescaled,
    saelens_jumprelu,
    saelens_gated,
    saelens_batchtopk,
    saelens_flat,
    saelens_flat_topk,
    saelens_centred,
    saelens_flat_centred,
)
