"""GGUF files: dequantised once into a safetensors folder that every later start reads."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from functools import cache as made_once
from hashlib import sha256
from io import StringIO
from pathlib import Path

import numpy as np
import torch

from assay.errors import InputError, ModelError, StoreError


def unpacked(gguf: Path, cache: Path) -> Path:
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
        with quiet_transformers(), redirect_stderr(StringIO()), reading_once():
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


@contextmanager
def reading_once() -> Iterator[None]:
    """One parse of a GGUF file for all that transformers wants of it.

    It parses the file for the configuration, for the weights and for the tokenizer, and makes the table of tensors'
    names anew for every module; both together were four fifths of the unpacking.
    """
    import gguf

    class Reader(gguf.GGUFReader):  # type: ignore[misc]
        """Sees the mapped file as a plain array, of which pieces are cut quicker."""

        @property
        def data(self) -> np.ndarray:
            return self._plain

        @data.setter
        def data(self, mapped: np.ndarray) -> None:
            self._plain = mapped.view(np.ndarray)

    kept = gguf.GGUFReader, gguf.get_tensor_name_map
    gguf.GGUFReader, gguf.get_tensor_name_map = made_once(Reader), made_once(kept[1])
    try:
        yield
    finally:
        gguf.GGUFReader, gguf.get_tensor_name_map = kept


def _disk(error: Exception, target: Path) -> InputError:
    return StoreError(
        f"cannot write {target}: {getattr(error, 'strerror', None) or error}",
        "room and permission for the unpacked model (about 550 MB for the default one)",
        "free space, or set ASSAY_HOME to a folder on another disk",
    )


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
