"""Unpacking a GGUF file: what transformers makes of it, byte for byte, from one parse of the file."""

import json
from contextlib import nullcontext
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch

from assay.models import gguf as module
from assay.models.gguf import unpacked
from assay.models.load import load
from tiny import tiny_tokenizer

WIDTH, INNER, LAYERS, HEADS = 64, 96, 2, 4


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random llama of two layers, its matrices quantised to four bits where their width allows it."""
    path = tmp_path_factory.mktemp("gguf") / "small.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("small")
    writer.add_context_length(128)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS // 2)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    parts = json.loads(tiny_tokenizer(False).backend_tokenizer.to_str())["model"]
    tokens = sorted(parts["vocab"], key=parts["vocab"].get)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types([3 if token.startswith("<") and token != "<" else 1 for token in tokens])
    writer.add_token_merges([" ".join(pair) for pair in parts["merges"]])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    rng = np.random.default_rng(0)

    def add(name: str, *shape: int) -> None:
        values = rng.standard_normal(shape, dtype=np.float32) / 8
        if len(shape) == 1:
            writer.add_tensor(name, 1 + values)
            return
        kind = gguf.GGMLQuantizationType.Q4_1
        writer.add_tensor(name, gguf.quantize(values, kind), raw_dtype=kind)

    add("token_embd.weight", len(tokens), WIDTH)
    add("output_norm.weight", WIDTH)
    for n in range(LAYERS):
        add(f"blk.{n}.attn_norm.weight", WIDTH)
        add(f"blk.{n}.ffn_norm.weight", WIDTH)
        add(f"blk.{n}.attn_q.weight", WIDTH, WIDTH)
        add(f"blk.{n}.attn_k.weight", WIDTH // 2, WIDTH)
        add(f"blk.{n}.attn_v.weight", WIDTH // 2, WIDTH)
        add(f"blk.{n}.attn_output.weight", WIDTH, WIDTH)
        add(f"blk.{n}.ffn_gate.weight", INNER, WIDTH)
        add(f"blk.{n}.ffn_up.weight", INNER, WIDTH)
        add(f"blk.{n}.ffn_down.weight", WIDTH, INNER)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_every_file_is_the_one_that_transformers_alone_makes(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick = unpacked(file, tmp_path / "quick")
    monkeypatch.setattr(module, "reading_once", nullcontext)
    slow = unpacked(file, tmp_path / "slow")
    names = {path.name for path in slow.iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json", "complete"} <= names
    assert {path.name: path.read_bytes() for path in quick.iterdir()} == {
        path.name: path.read_bytes() for path in slow.iterdir()
    }


def test_the_file_is_parsed_once_and_the_package_is_as_it_was(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[str] = []

    class Counted(gguf.GGUFReader):  # type: ignore[misc]
        def __init__(self, path: str) -> None:
            parsed.append(path)
            super().__init__(path)

    monkeypatch.setattr(gguf, "GGUFReader", Counted)
    table = gguf.get_tensor_name_map
    unpacked(file, tmp_path)
    assert len(parsed) == 1
    assert gguf.GGUFReader is Counted and gguf.get_tensor_name_map is table
    with pytest.raises(ZeroDivisionError), module.reading_once():
        raise ZeroDivisionError
    assert gguf.GGUFReader is Counted and gguf.get_tensor_name_map is table


def test_the_weights_are_those_of_the_file(file: Path, tmp_path: Path) -> None:
    model = load(str(file), tmp_path)
    by_name = {tensor.name: tensor for tensor in gguf.GGUFReader(file).tensors}
    down = by_name["blk.1.ffn_down.weight"]
    assert torch.equal(model.down(1).weight, torch.from_numpy(gguf.dequantize(down.data, down.tensor_type)))
