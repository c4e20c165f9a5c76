"""The dictionary_learning library: ``ae.pt`` and ``config.json``, one class of coder a row of a table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from assay.errors import ModelError
from assay.sae.coder import SAE
from assay.sae.formats.encoders import Encoder, gated
from assay.sae.formats.files import Weights, read_json, read_pt, setting
from assay.sae.formats.places import resid_post

CONFIG = "config.json"
WEIGHTS = "ae.pt"


@dataclass(frozen=True, eq=False)
class _Parts:
    encoder: Encoder
    W_dec: Tensor
    b_dec: Tensor
    subtract_b_dec: bool = True


def read(folder: Path) -> SAE:
    """The SAE of a folder with ae.pt and config.json. Raises ModelError for what it cannot do."""
    config = read_json(folder / CONFIG)
    trainer = setting(config, "trainer", CONFIG, dict)
    name = setting(trainer, "dict_class", CONFIG, str)
    if name not in CLASSES:
        raise ModelError(
            f"an SAE of class {name}", f"one of {', '.join(sorted(CLASSES))}", "choose another SAE"
        )
    parts = CLASSES[name](read_pt(folder / WEIGHTS), trainer)
    layer = trainer.get("layer")
    hook = trainer.get("submodule_name") or (None if layer is None else resid_post(layer))
    return SAE(
        id=str(folder),
        architecture=parts.encoder.architecture,
        W_enc=parts.encoder.W_enc,
        b_enc=parts.encoder.b_enc,
        W_dec=parts.W_dec,
        b_dec=parts.b_dec,
        threshold=parts.encoder.threshold,
        k=parts.encoder.k,
        subtract_b_dec=parts.subtract_b_dec,
        model_id=trainer.get("lm_name"),
        layer=layer if hook and "resid_post" in hook else None,
        hook=hook,
        context=(config.get("buffer") or {}).get("ctx_len"),
        metadata={"dict_class": name},
    )


def _linear(weights: Weights, trainer: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
    """Encoder and decoder of the classes made of torch's linear layers, turned round."""
    d_in, d_sae = trainer.get("activation_dim"), trainer.get("dict_size")
    return weights.take("encoder.weight", d_sae, d_in).T, weights.take("decoder.weight", d_in, d_sae).T


def _plain(weights: Weights, trainer: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
    """Encoder and decoder of the classes that hold them in our orientation."""
    d_in, d_sae = trainer.get("activation_dim"), trainer.get("dict_size")
    return weights.take("W_enc", d_in, d_sae), weights.take("W_dec", d_sae, d_in)


def _relu(weights: Weights, trainer: Mapping[str, Any]) -> _Parts:
    W_enc, W_dec = _linear(weights, trainer)
    return _Parts(Encoder("relu", W_enc, weights.take("encoder.bias")), W_dec, weights.take("bias"))


def _april(weights: Weights, trainer: Mapping[str, Any]) -> _Parts:
    W_enc, W_dec = _linear(weights, trainer)
    encoder = Encoder("relu", W_enc, weights.take("encoder.bias"))
    return _Parts(encoder, W_dec, weights.take("decoder.bias"), subtract_b_dec=False)


def _gated(weights: Weights, trainer: Mapping[str, Any]) -> _Parts:
    W_enc, W_dec = _linear(weights, trainer)
    r_mag, b_mag, b_gate = (weights.take(name, W_enc.shape[1]) for name in ("r_mag", "mag_bias", "gate_bias"))
    encoder = gated(W_enc, r_mag, b_mag, b_gate)
    return _Parts(encoder, W_dec, weights.take("decoder_bias"))


def _topk(weights: Weights, trainer: Mapping[str, Any]) -> _Parts:
    # The file carries a threshold, too, but encoding takes the k largest.
    W_enc, W_dec = _linear(weights, trainer)
    encoder = Encoder("topk", W_enc, weights.take("encoder.bias"), k=setting(trainer, "k", CONFIG, int))
    return _Parts(encoder, W_dec, weights.take("b_dec"))


def _batchtopk(weights: Weights, trainer: Mapping[str, Any]) -> _Parts:
    W_enc, W_dec = _linear(weights, trainer)
    b_enc = weights.take("encoder.bias")
    encoder = Encoder("jumprelu", W_enc, b_enc, weights.everywhere("threshold", len(b_enc)))
    return _Parts(encoder, W_dec, weights.take("b_dec"))


def _matryoshka(weights: Weights, trainer: Mapping[str, Any]) -> _Parts:
    W_enc, W_dec = _plain(weights, trainer)
    b_enc = weights.take("b_enc")
    encoder = Encoder("jumprelu", W_enc, b_enc, weights.everywhere("threshold", len(b_enc)))
    return _Parts(encoder, W_dec, weights.take("b_dec"))


def _jumprelu(weights: Weights, trainer: Mapping[str, Any]) -> _Parts:
    W_enc, W_dec = _plain(weights, trainer)
    encoder = Encoder("jumprelu", W_enc, weights.take("b_enc"), weights.take("threshold"))
    return _Parts(encoder, W_dec, weights.take("b_dec"), subtract_b_dec=False)


CLASSES: Mapping[str, Callable[[Weights, Mapping[str, Any]], _Parts]] = {
    "AutoEncoder": _relu,
    "AutoEncoderNew": _april,
    "GatedAutoEncoder": _gated,
    "AutoEncoderTopK": _topk,
    "BatchTopKSAE": _batchtopk,
    "MatryoshkaBatchTopKSAE": _matryoshka,
    "JumpReluAutoEncoder": _jumprelu,
}
"""The library's classes; decoders are taken as stored, not rescaled to unit rows."""
