"""Load a model by alias, hub id, folder or GGUF file, with its start token and a proved family row."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from assay.errors import ModelError, first_line
from assay.models.families import family_of
from assay.models.gguf import quiet_transformers, unpacked
from assay.models.model import Model, weight_hash
from assay.models.packaged import ALIASES, packaged_file
from assay.models.prove import prove

START_TOKENS: dict[str | None, str] = {"<|im_start|>": "<|endoftext|>", None: "<|endoftext|>"}
"""Where the tokenizer's BOS is a chat marker or missing, the document separator the model was trained
with is the start token, if the vocabulary has it. (SmolLM2 on 200 known facts: top-1 35% with
<|endoftext|>, 29% with none, 26.5% with <|im_start|>.)"""


def load(
    name: str,
    cache: Path,
    *,
    device: str | None = None,
    dtype: torch.dtype = torch.float32,
    start_token: str | None = "auto",
) -> Model:
    """A ready Model: eval mode, no gradients, family row proved, weights hashed.

    ``name`` is an alias (``smollm2``), a local folder, a ``.gguf`` file or a hub id; ``cache`` is the folder
    in which GGUF files are unpacked once. ``start_token`` is
    ``auto`` (see START_TOKENS), a token of the vocabulary, or None for no start token. float32 is what
    edits are measured in; another dtype is for bulk work.
    """
    source = _source(name, cache)
    module, tokenizer = _read(name, source, dtype)
    module.requires_grad_(False)
    module.eval()
    for parameter in module.parameters():
        # Loaded weights are pages of the file: they can be dropped from memory and read again in the middle
        # of a measurement, and they would change under a running model when the file is patched.
        parameter.data = parameter.data.clone()
    module.to(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    model = Model(
        id=name,
        module=module,
        tokenizer=tokenizer,
        family=family_of(module.config.get_text_config().model_type),
        start=_start(name, tokenizer, start_token),
        hash=weight_hash(module),
    )
    prove(model)
    return model


def _source(name: str, cache: Path) -> str:
    """What to give transformers: a folder (GGUF files are unpacked into the cache first) or a hub id."""
    if name in ALIASES:
        return str(unpacked(packaged_file(name), cache))
    path = Path(name).expanduser()
    if name.endswith(".gguf"):
        if not path.is_file():
            raise ModelError(f"no file at {name}", "a GGUF file", "check the path")
        return str(unpacked(path, cache))
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise ModelError(
                f"the folder {name} has no config.json", "a Hugging Face model folder", "check the path"
            )
        return str(path)
    return name


def _read(name: str, source: str, dtype: torch.dtype) -> tuple[Any, Any]:
    from huggingface_hub.errors import StrictDataclassError
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        with quiet_transformers():
            # Nothing is ever unpickled: only safetensors weights are read.
            module, found = AutoModelForCausalLM.from_pretrained(
                source,
                dtype=dtype,
                use_safetensors=True,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # told by _complete, which names the tensors
            )
            tokenizer = AutoTokenizer.from_pretrained(source, use_fast=True)
    except SafetensorError as error:
        raise ModelError(
            f"the weights in {source} cannot be read: {error}",
            "whole safetensors files",
            "the file may be cut short: copy or download it again",
        ) from error
    except (OSError, ValueError, KeyError, StrictDataclassError) as error:
        raise ModelError(
            f"model {name!r} cannot be loaded: {first_line(error)}",
            f"an alias ({', '.join(ALIASES)}), a local folder, a .gguf file or a hub id of a causal LM",
            "check the name or path; a hub id needs the files in the local hub cache or a network",
        ) from error
    _complete(source, found)
    if not getattr(tokenizer, "is_fast", False):
        raise ModelError(
            f"the tokenizer of {name!r} is a slow one",
            "a fast tokenizer (tokenizer.json)",
            "convert the tokenizer",
        )
    return module, tokenizer


def _complete(source: str, found: Mapping[str, Any]) -> None:
    """Raise ModelError where the loader would have filled a gap in the weights with random numbers."""
    for what, names in (
        ("missing", found["missing_keys"]),
        ("of another shape than config.json says", {key for key, *_ in found["mismatched_keys"]}),
    ):
        if names:
            raise ModelError(
                f"{len(names)} weights in {source} are {what}, for example {min(names)}",
                "weights and config.json of one and the same model",
                "copy or download the whole folder again",
            )


def _start(name: str, tokenizer: Any, wanted: str | None) -> int | None:
    vocabulary = tokenizer.get_vocab()
    if wanted is None:
        return None
    if wanted != "auto":
        if wanted not in vocabulary:
            raise ModelError(
                f"start token {wanted!r} is not in the vocabulary of {name!r}",
                "a token of the vocabulary, auto, or none",
                "use auto",
            )
        return int(vocabulary[wanted])
    bos = tokenizer.bos_token
    chosen = START_TOKENS.get(bos, bos)
    if chosen in vocabulary:
        return int(vocabulary[chosen])
    return None if bos is None else int(tokenizer.bos_token_id)
