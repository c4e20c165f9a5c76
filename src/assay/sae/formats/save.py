"""Write an SAE as SAELens 6 does, so that its tools, SAEBench and Neuronpedia open it."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from assay.edits.tensors import write_tensors
from assay.errors import InputError, StoreError
from assay.sae.coder import SAE, Architecture
from assay.sae.formats.places import layer_of, resid_post
from assay.sae.formats.saelens import CONFIG, WEIGHTS

VERSION = "6.54.12"
"""The sae-lens whose reader this was checked with; it reads a folder without one as older than 6."""

NAMES: Mapping[Architecture, str] = {"relu": "standard", "topk": "topk", "jumprelu": "jumprelu"}
"""Our architectures in SAELens' words."""

ROOM = "room and permission"
FREE = "free space or save elsewhere"


def save_sae(sae: SAE, folder: str | Path, dtype: torch.dtype = torch.float32) -> Path:
    """Write cfg.json and sae_weights.safetensors; nothing half written is ever readable as an SAE.

    ``dtype`` is that of the two matrices on disk; the short vectors stay in float32, and readers compute in
    float32 either way. A scale is folded into the weights. Raises StoreError when there is no room, InputError
    when the matrices do not fit into ``dtype``.
    """
    folder = Path(folder)
    sae = sae.folded()
    tensors, text = _tensors(sae, dtype), json.dumps(_config(sae), indent=2, ensure_ascii=False) + "\n"
    weights, config = folder / f".{WEIGHTS}.{os.getpid()}", folder / f".{CONFIG}.{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            write_tensors(weights, tensors, ("format", "pt"), ROOM, FREE)
            config.write_text(text, encoding="utf-8")
            # Between the moves the folder has weights but no configuration: unreadable rather than a mixture.
            (folder / CONFIG).unlink(missing_ok=True)
            weights.replace(folder / WEIGHTS)
            config.replace(folder / CONFIG)
        finally:
            for scratch in (weights, config):
                scratch.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"cannot write {folder}: {error.strerror or error}", ROOM, FREE) from error
    return folder


def _tensors(sae: SAE, dtype: torch.dtype) -> dict[str, Tensor]:
    tensors = {
        "W_enc": sae.W_enc.to(dtype),
        "W_dec": sae.W_dec.to(dtype),
        "b_enc": sae.b_enc,
        "b_dec": sae.b_dec,
    }
    for name in ("W_enc", "W_dec"):
        if not torch.isfinite(tensors[name]).all():
            raise InputError(
                f"{name} does not fit into {dtype}",
                f"numbers up to {torch.finfo(dtype).max:g}",
                "save it with dtype=torch.bfloat16 or torch.float32",
            )
    return tensors if sae.threshold is None else {**tensors, "threshold": sae.threshold}


def _config(sae: SAE) -> dict[str, Any]:
    about: dict[str, Any] = {
        **sae.metadata,
        "sae_lens_version": VERSION,
        "model_name": sae.model_id,
        "hook_name": sae.hook if sae.layer is None else resid_post(sae.layer),
        "prepend_bos": sae.start_token,
        "context_size": sae.context,
    }
    if sae.hook is not None and sae.hook != about["hook_name"] and layer_of(sae.hook) == sae.layer:
        about["hf_hook_name"] = sae.hook
    config: dict[str, Any] = {
        "architecture": NAMES[sae.architecture],
        "d_in": sae.d_in,
        "d_sae": sae.d_sae,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": sae.subtract_b_dec,
        "normalize_activations": "none",
        "reshape_activations": "none",
        "metadata": {name: value for name, value in about.items() if value is not None},
    }
    return config if sae.k is None else {**config, "k": sae.k, "rescale_acts_by_decoder_norm": False}
