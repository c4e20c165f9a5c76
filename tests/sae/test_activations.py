"""Activations on disk: the model's own numbers, whole shards only, and close to float32 when in bfloat16."""

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from assay.corpus.sources import Corpus, hashed
from assay.errors import InputError, ModelError
from assay.models.forward import forward, pack
from assay.models.model import Model
from assay.sae import activations
from assay.sae.activations import collect
from assay.sae.rows import rows_of
from small import Heard
from tiny import TEXT
from training import one_thread  # noqa: F401 - a fixture

LINES = [line for line in TEXT.splitlines() if line]


def text(count: int = 40) -> Corpus:
    return hashed("lines", [f"{LINES[n % len(LINES)]} {n} times." for n in range(count)])


def in_bfloat16(model: Model) -> Model:
    module = copy.deepcopy(model.module)
    for parameter in module.parameters():
        parameter.data = parameter.data.bfloat16()
    return replace(model, module=module)


def test_rows_hold_one_document_each(llama: Model) -> None:
    corpus = hashed("one", [TEXT, LINES[0]])
    rows = list(rows_of(llama, corpus, 16, 10_000))
    assert all(row[0] == llama.start and 8 <= len(row) - 1 <= 15 for row in rows)
    first = [token for row in rows[:-1] for token in row[1:]]
    whole = llama.tokenizer(TEXT, add_special_tokens=False)["input_ids"]
    assert first[: len(whole) // 15 * 15] == whole[: len(whole) // 15 * 15]
    assert sum(len(row) - 1 for row in rows_of(llama, corpus, 16, 40)) == 40


@pytest.mark.slow
def test_they_are_the_models_own(llama: Model, tmp_path: Path) -> None:
    """float16 on disk keeps 11 bits."""
    found = collect(llama, text(), 2, tmp_path, context=16, tokens=10_000)
    rows = sorted(rows_of(llama, text(), 16, 10_000), key=len)
    xs = []
    for row in rows:
        batch, _ = pack(llama, [row])
        xs.append(forward(llama, batch, block_out=(2,)).block_out[2][0, 1:])
    wanted = torch.cat(xs)
    assert found.ids.tolist() == [token for row in rows for token in row[1:]]
    torch.testing.assert_close(found.rows(torch.arange(len(found))), wanted, rtol=1e-3, atol=1e-3)


def test_bfloat16_is_close_to_float32(some_model: Model, tmp_path: Path) -> None:
    """Rounded to 8 bits in every operation of four blocks: within 3% of a vector's length, on average."""
    rough, exact = (
        collect(model, text(), 2, tmp_path / name, context=16, tokens=10_000)
        for name, model in (("bf16", in_bfloat16(some_model)), ("fp32", some_model))
    )
    assert (rough.parts[0].dtype, exact.parts[0].dtype) == (torch.bfloat16, torch.float16)
    every = torch.arange(len(exact))
    a, b = rough.rows(every), exact.rows(every)
    assert float(((a - b).norm(dim=-1) / b.norm(dim=-1)).mean()) < 0.03


def test_a_killed_pass_goes_on(llama: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activations, "ROWS_PER_SHARD", 16)
    whole = collect(llama, text(), 2, tmp_path / "whole", context=16, tokens=10_000)
    assert len(whole.parts) > 3
    write, written = activations._write, 0

    def kills(*arguments: object) -> None:
        nonlocal written
        written += 1
        if written == 3:
            raise KeyboardInterrupt
        write(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(activations, "_write", kills)
    with pytest.raises(KeyboardInterrupt):
        collect(llama, text(), 2, tmp_path / "killed", context=16, tokens=10_000)
    heard = Heard()
    again = collect(llama, text(), 2, tmp_path / "killed", context=16, tokens=10_000, emit=heard)
    every = torch.arange(len(whole))
    assert torch.equal(whole.rows(every), again.rows(every)) and torch.equal(whole.ids, again.ids)
    assert heard.of("stage_started")[0]["total"] == len(whole) - sum(len(part) for part in whole.parts[:2])
    assert heard.of("stage_progress")[-1]["done"] == heard.of("stage_started")[0]["total"]
    collect(llama, text(), 2, tmp_path / "killed", context=16, tokens=10_000, emit=heard)
    assert len(heard.of("stage_started")) == 1  # nothing was left to run


@pytest.mark.parametrize("half", [False, True], ids=["float32", "bfloat16"])
def test_a_damaged_shard_is_made_again(llama: Model, half: bool, tmp_path: Path) -> None:
    model = in_bfloat16(llama) if half else llama
    whole = collect(model, text(), 2, tmp_path, context=16, tokens=10_000).parts[0].clone()
    (shard,) = tmp_path.rglob("*.safetensors")
    heard = Heard()
    collect(model, text(), 2, tmp_path, context=16, tokens=10_000, emit=heard)
    assert heard.events == []  # a whole one is not
    shard.write_bytes(shard.read_bytes()[:-10])
    again = collect(model, text(), 2, tmp_path, context=16, tokens=10_000, emit=heard)
    assert torch.equal(again.parts[0], whole) and heard.of("stage_started")


@pytest.mark.parametrize(("layer", "context", "count"), [(1, 16, 40), (2, 17, 40), (2, 16, 39)])
def test_another_key_for_other_numbers(
    llama: Model, tmp_path: Path, layer: int, context: int, count: int
) -> None:
    base = collect(llama, text(), 2, tmp_path, context=16, tokens=10_000)
    assert collect(llama, text(count), layer, tmp_path, context=context, tokens=10_000).key != base.key


def test_what_does_not_fit_into_float16(llama: Model, tmp_path: Path) -> None:
    llama.embed.weight.data *= 1e7
    with pytest.raises(ModelError) as error:
        collect(llama, text(), 2, tmp_path, context=16, tokens=10_000)
    assert "activations that do not fit into torch.float16" in str(error.value)
    assert "bfloat16" in error.value.todo


def test_errors(llama: Model, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="a layer from 0 to 3"):
        collect(llama, text(), 4, tmp_path, context=16, tokens=100)
    with pytest.raises(InputError, match="no usable text in corpus 'short'"):
        collect(llama, hashed("short", ["Hi."]), 2, tmp_path, context=16, tokens=100)
    with pytest.raises(InputError, match="rows of 5 tokens\n  wanted: at least 9"):
        collect(llama, text(), 2, tmp_path, context=5, tokens=100)
