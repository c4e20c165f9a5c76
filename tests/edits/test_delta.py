"""Applied means the promised function; restored means the same bits, whatever happens in between."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from assay.edits.delta import Edit, Update, load_edit
from assay.errors import Mismatch, ModelError, StoreError
from assay.generators.plan import Request
from assay.models.model import Model, weight_hash
from tiny import tiny_model

REQUEST = Request("The Eiffel Tower is in", "The Eiffel Tower", "Berlin", "Paris", "landmark_city")


def random_edit(model: Model, layer: int = 1, rank: int = 1, seed: int = 0, size: float = 1.0) -> Edit:
    generator = torch.Generator().manual_seed(seed)
    left = torch.randn(model.d_model, rank, generator=generator, dtype=torch.float64) * size
    right = torch.randn(model.d_mlp, rank, generator=generator, dtype=torch.float64)
    return Edit(
        (REQUEST,), "rome", "r-rome", (Update(layer, left, right),), model.id, model.hash, seed, ("",)
    )


def test_the_edited_projection_computes_w_plus_delta(any_model: Model) -> None:
    edit = random_edit(any_model)
    down = any_model.down(1)
    x = torch.randn(5, any_model.d_mlp)
    before = down(x)
    with edit.applied(any_model):
        moved = down(x) - before
    assert torch.allclose(moved.double(), x.double() @ edit.updates[0].dense().T, rtol=1e-4, atol=1e-4)


def test_restored_bit_for_bit_nested_and_after_exceptions(any_model: Model) -> None:
    first, second = random_edit(any_model, 1), random_edit(any_model, 1, seed=1)
    weight = any_model.down(1).weight
    original = weight.clone()
    with pytest.raises(ZeroDivisionError), first.applied(any_model):
        once = weight.clone()
        with second.applied(any_model):
            assert not torch.equal(weight, once)
        assert torch.equal(weight, once)
        raise ZeroDivisionError
    assert torch.equal(weight, original)
    assert weight_hash(any_model.module) == any_model.hash


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")
def test_ctrl_c_restores_the_bits() -> None:
    code = (
        "import os, signal, sys, torch\n"
        "from tiny import tiny_model\n"
        "from test_delta import random_edit\n"
        "from assay.models.model import weight_hash\n"
        "model = tiny_model('llama')\n"
        "try:\n"
        "    with random_edit(model).applied(model):\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "        torch.ones(9).sum()\n"
        "        sys.exit('not interrupted')\n"
        "except KeyboardInterrupt:\n"
        "    sys.exit(0 if weight_hash(model.module) == model.hash else 'not restored')\n"
    )
    tests = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": f"{tests}:{tests / 'edits'}"},
        capture_output=True,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert done.returncode == 0, done.stderr


def test_a_non_finite_update_changes_nothing(llama: Model) -> None:
    edit = random_edit(llama, size=1e60)
    with pytest.raises(ModelError, match="not finite"), edit.applied(llama):
        pytest.fail("must not be applied")
    assert weight_hash(llama.module) == llama.hash


def test_saved_and_loaded_without_loss(llama: Model, tmp_path: Path) -> None:
    edit = replace(random_edit(llama, rank=2), settings={"steps": 20}, figures={"loss": [3.0, 0.1]})
    again = load_edit(edit.save(tmp_path / "deep" / "edit.safetensors"))
    assert again.to_json() == edit.to_json()
    assert torch.equal(again.updates[0].left, edit.updates[0].left)
    assert torch.equal(again.updates[0].right, edit.updates[0].right)
    assert sorted(p.name for p in (tmp_path / "deep").iterdir()) == ["edit.safetensors"]


def test_another_model_is_refused_and_untouched(llama: Model) -> None:
    other = tiny_model("llama", seed=1)
    with (
        pytest.raises(Mismatch, match="an edit made for weights") as error,
        random_edit(llama).applied(other),
    ):
        pytest.fail("must not be applied")
    assert "load tiny-llama" in error.value.todo
    assert weight_hash(other.module) == other.hash


@pytest.mark.parametrize("damage", [b"", b"not a file", None])
def test_unreadable_edit_files(llama: Model, tmp_path: Path, damage: bytes | None) -> None:
    path = random_edit(llama).save(tmp_path / "edit.safetensors")
    path.write_bytes(path.read_bytes()[:-40] if damage is None else damage)
    with pytest.raises(StoreError, match="cannot be read as an edit"):
        load_edit(path)
