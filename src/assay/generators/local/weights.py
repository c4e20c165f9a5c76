"""A Hugging Face instruct model for writing: found by name, told from every other by its content, loaded late."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

from assay.errors import GeneratorError, InputError, first_line
from assay.models.gguf import quiet_transformers, unpacked
from assay.models.packaged import ALIASES, packaged_file

PARTS = ("*.json", "*.jinja", "*.safetensors", "*.model")
"""Files of a model folder that its answers depend on."""

CHUNK = 1 << 22


def folder_of(name: str, cache: Path) -> Path:
    """The folder of an alias, a folder, a .gguf file or a hub id. Raises GeneratorError where there is none."""
    if name in ALIASES:
        return unpacked(packaged_file(name), cache)
    path = Path(name).expanduser()
    if name.endswith(".gguf") and path.is_file():
        return unpacked(path, cache)
    if path.is_dir() and (path / "config.json").is_file():
        return path
    if path.is_dir() or name.endswith(".gguf") or path.is_absolute() or name.startswith((".", "~")):
        raise _not_found(name, "there is no model at this path")
    from huggingface_hub import snapshot_download

    try:
        with quiet_transformers():
            return Path(snapshot_download(name, allow_patterns=list(PARTS)))
    except Exception as error:  # no network, no such model, no right to it: the hub's library has many ways
        raise _not_found(name, first_line(error)) from error


def _not_found(name: str, why: str) -> GeneratorError:
    return GeneratorError(
        f"the model {name!r} to write probes: {why}",
        f"an alias ({', '.join(ALIASES)}), a Hugging Face model folder, a .gguf file or a hub id",
        "check the name or path; a hub id needs the files in the local hub cache or a network",
    )


def digest_of(folder: Path) -> str:
    """SHA-256 over the files that answers depend on, hex: the same wherever the folder lies."""
    whole = sha256()
    for file in sorted({file for pattern in PARTS for file in folder.glob(pattern)}):
        whole.update(f"{file.name}\n{file.stat().st_size}\n".encode())
        with file.open("rb") as opened:
            while chunk := opened.read(CHUNK):
                whole.update(chunk)
    return whole.hexdigest()


def tokenizer_of(name: str, folder: Path) -> Any:
    """The model's fast tokenizer with its chat template. Raises GeneratorError where it has none."""
    from transformers import AutoTokenizer

    with _explained(name), quiet_transformers():
        tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=True)
    if not getattr(tokenizer, "is_fast", False):
        raise GeneratorError(
            f"the tokenizer of {name!r}, which is a slow one",
            "a fast tokenizer (tokenizer.json), which answers are held to a form with",
            "convert the tokenizer, or take another model",
        )
    if not tokenizer.chat_template:
        raise GeneratorError(
            f"the model {name!r}, which has no chat template",
            "an instruct model: one that was trained to do what it is told",
            "take its instruct version, or a server: --generator llm:MODEL",
        )
    return tokenizer


def module_of(name: str, folder: Path) -> Any:
    """The model itself, without gradients: on the GPU as it is stored, on a CPU in float32."""
    from transformers import AutoModelForCausalLM

    on_gpu = torch.cuda.is_available()
    with _explained(name), quiet_transformers():
        module = AutoModelForCausalLM.from_pretrained(
            folder, dtype="auto" if on_gpu else torch.float32, use_safetensors=True
        )
    module.requires_grad_(False)
    module.eval()
    return module.to("cuda" if on_gpu else "cpu")


@contextmanager
def untouched_chance() -> Iterator[None]:
    """Whatever is drawn inside, the program's own sources of chance go on as if nothing had been."""
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        yield


@contextmanager
def _explained(name: str) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # whatever a foreign folder makes a foreign library trip over
        raise GeneratorError(
            f"the model {name!r} to write probes, which cannot be loaded: {first_line(error)}",
            "a whole causal language model with safetensors weights and a tokenizer",
            "check the folder, or copy or download it again",
        ) from error
