"""Gemma Scope (``params.npz``) and Gemma Scope 2 (``params.safetensors``): JumpReLU, ``b_dec`` not subtracted."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay.errors import ModelError
from assay.sae.coder import SAE
from assay.sae.formats.files import Weights, read_json, read_npz, read_safetensors
from assay.sae.formats.places import layer_of, no_transcoder, resid_post

WEIGHTS = "params.npz"
WEIGHTS_2 = "params.safetensors"
CONFIG_2 = "config.json"

ELSEWHERE = {"mlp": "blocks.{}.hook_mlp_out", "att": "blocks.{}.attn.hook_z"}
"""Releases that read another place than the residual stream, by the word in their name."""


@dataclass(frozen=True)
class _Origin:
    model_id: str | None
    hook: str | None
    layer: int | None


def read(folder: Path) -> SAE:
    """The SAE of a folder with params.npz; where it reads is told by the folders' names alone.

    Raises ModelError for what it cannot do.
    """
    if "embedding" in folder.resolve().parts[-3:]:
        raise ModelError(
            "an SAE of the token embeddings",
            "an SAE of the residual stream after a block",
            "choose one from a folder named layer_N",
        )
    return _sae(folder, read_npz(folder / WEIGHTS), _origin(folder.resolve().as_posix()))


def read_2(folder: Path) -> SAE:
    """The SAE of a folder with params.safetensors and, usually, config.json. Raises ModelError likewise."""
    config = read_json(folder / CONFIG_2) if (folder / CONFIG_2).exists() else {}
    weights = read_safetensors(folder / WEIGHTS_2)
    names = "/".join(folder.resolve().parts[-2:])
    if "affine_skip_connection" in weights or _leaves(config) or "transcoder" in names:
        raise no_transcoder("it writes another place than it reads")
    hook, layer = config.get("hf_hook_point_in"), _number(names)
    if hook is None and layer is not None and "resid_post" in names:
        hook = resid_post(layer)
    return _sae(folder, weights, _Origin(config.get("model_name"), hook, layer_of(hook)))


def _leaves(config: Mapping[str, Any]) -> bool:
    target = config.get("hf_hook_point_out")
    return target is not None and target != config.get("hf_hook_point_in")


def _sae(folder: Path, weights: Weights, origin: _Origin) -> SAE:
    # Early and late releases spell the matrices w_enc, the others W_enc.
    spelled = {
        f"W_{name[2:]}" if name.startswith("w_") else name: tensor for name, tensor in weights.tensors.items()
    }
    weights = Weights(weights.file, spelled)
    return SAE(
        id=str(folder),
        architecture="jumprelu",
        W_enc=weights.take("W_enc"),
        b_enc=weights.take("b_enc"),
        W_dec=weights.take("W_dec"),
        b_dec=weights.take("b_dec"),
        threshold=weights.take("threshold"),
        subtract_b_dec=False,
        model_id=origin.model_id,
        layer=origin.layer,
        hook=origin.hook,
        start_token=True,
        context=1024,
    )


def _origin(names: str) -> _Origin:
    release = re.search(r"gemma-scope-(\d+b)-(pt|it)-(res|mlp|att|transcoders)", names)
    layer = _number(names)
    if release is None:
        return _Origin(None, None, layer)
    size, tuning, place = release.groups()
    if place == "transcoders":
        raise no_transcoder(f"of {release[0]}")
    model = f"google/gemma-2-{size}" + ("-it" if tuning == "it" else "")
    if layer is None:
        return _Origin(model, None, None)
    hook = ELSEWHERE[place].format(layer) if place in ELSEWHERE else resid_post(layer)
    return _Origin(model, hook, layer_of(hook))


def _number(names: str) -> int | None:
    found = re.findall(r"layer_(\d+)", names)
    return int(found[-1]) if found else None
