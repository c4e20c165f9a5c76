"""EleutherAI's sparsify: one folder per hookpoint, ``W_dec`` already with a row per feature."""

from pathlib import Path

from assay.errors import ModelError
from assay.sae.coder import SAE
from assay.sae.formats.files import read_json, read_safetensors, setting
from assay.sae.formats.places import layer_of, no_transcoder

CONFIG = "cfg.json"
WEIGHTS = "sae.safetensors"
RUN = "../config.json"
"""Of the whole training run, which may have written several."""


def read(folder: Path) -> SAE:
    """The SAE of a folder with cfg.json and sae.safetensors. Raises ModelError for what it cannot do."""
    config = read_json(folder / CONFIG)
    for part in ("transcode", "skip_connection"):
        if config.get(part):
            raise no_transcoder(f"{CONFIG} says {part}")
    activation = config.get("activation", "topk")
    if activation != "topk":
        raise ModelError(f"the activation function {activation}", "topk", "choose another SAE")
    d_in = setting(config, "d_in", CONFIG, int)
    d_sae = config.get("num_latents") or d_in * setting(config, "expansion_factor", CONFIG, int)
    weights = read_safetensors(folder / WEIGHTS)
    hook = folder.resolve().name
    run = folder.resolve() / RUN
    about = read_json(run) if run.exists() else {}
    return SAE(
        id=str(folder),
        architecture="topk",
        W_enc=weights.take("encoder.weight", d_sae, d_in).T,
        b_enc=weights.take("encoder.bias"),
        W_dec=weights.take("W_dec", d_sae, d_in),
        b_dec=weights.take("b_dec"),
        k=setting(config, "k", CONFIG, int),
        subtract_b_dec=True,
        model_id=about.get("model"),
        layer=layer_of(hook),
        hook=hook,
        context=about.get("ctx_len"),
        metadata={"dataset_path": about["dataset"]} if about.get("dataset") else {},
    )
