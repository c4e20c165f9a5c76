"""``assay sae import``: the same function before and after, of every format; what it says and what it refuses."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from foreign import Draw, Foreign
from foreign_libraries import gemma_scope, llama_scope, sparsify
from test_coder import sae_of
from test_parity import FOREIGN, check, inputs
from typer.testing import CliRunner, Result

from assay.cli.main import app
from assay.errors import InputError, ModelError, StoreError
from assay.sae.coder import SAE
from assay.sae.formats.convert import import_sae
from assay.sae.formats.saelens import CONFIG, WEIGHTS
from assay.sae.formats.save import save_sae
from assay.sae.formats.table import load_sae

Assay = Callable[..., Result]
Maker = Callable[[Path, Draw], Foreign]


@pytest.fixture
def assay(monkeypatch: pytest.MonkeyPatch) -> Assay:
    monkeypatch.setenv("COLUMNS", "80")
    return lambda *words: CliRunner().invoke(app, ["sae", "import", *map(str, words)])


@pytest.mark.parametrize("maker", FOREIGN, ids=lambda maker: maker.__name__)
def test_in_float32_it_is_still_the_librarys_formula(maker: Maker, tmp_path: Path) -> None:
    foreign = maker(tmp_path / "theirs", Draw())
    done = import_sae(foreign.folder, tmp_path / "ours")
    assert sorted(path.name for path in done.folder.iterdir()) == [CONFIG, WEIGHTS]
    assert done.sae.scale == 1 and done.rounding == 0
    check(done.sae, foreign)
    before = load_sae(foreign.folder)
    if before.scale == 1:
        assert done.sae.hash == before.hash
    for name in ("architecture", "k", "subtract_b_dec", "model_id", "layer", "start_token", "context"):
        assert getattr(done.sae, name) == getattr(before, name)


def bound(sae: SAE, x: torch.Tensor) -> torch.Tensor:
    """What rounding every number of W_enc by half of its last bit, 2^-11 of it, can change in ``pre`` at most;
    and a little for numbers below float16's range and for float32 itself."""
    taken = x - sae.b_dec if sae.subtract_b_dec else x
    return taken.abs() @ sae.W_enc.abs() * 2**-11 + 1e-5


@pytest.mark.parametrize("maker", FOREIGN, ids=lambda maker: maker.__name__)
def test_in_float16_codes_differ_by_its_rounding(maker: Maker, tmp_path: Path) -> None:
    foreign = maker(tmp_path / "theirs", Draw())
    done = import_sae(foreign.folder, tmp_path / "ours", "float16")
    assert 0 < done.rounding < 2**-11
    x = inputs(foreign)
    before, after = load_sae(foreign.folder), done.sae
    a, b = before.encode(x), after.encode(x)
    both = (a > 0) & (b > 0)
    assert ((a - b).abs() <= bound(before.folded(), x))[both].all()
    assert ((a > 0) != (b > 0)).double().mean() < 0.005  # at a threshold, or as the last of k
    assert both.double().mean() > 0.02
    assert torch.allclose(after.decode(a), before.decode(a), rtol=1e-2, atol=1e-3 * before.decode(a).std())


@pytest.mark.parametrize(
    ("maker", "format", "activation"),
    [
        (sparsify, "sparsify", "topk"),
        (gemma_scope, "Gemma Scope", "jumprelu"),
        (llama_scope, "Llama Scope", "jumprelu"),
    ],
)
def test_it_says_what_it_was_and_what_it_became(
    assay: Assay, maker: Maker, format: str, activation: str, tmp_path: Path
) -> None:
    folder = maker(tmp_path, Draw()).folder
    result = assay(folder, tmp_path / "json", "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert (found["was"]["format"], found["became"]["format"]) == (format, "SAELens 6.54.12")
    assert found["was"]["architecture"] == found["became"]["architecture"] == activation
    assert found["became"]["hash"] == load_sae(tmp_path / "json").hash
    assert found["bytes"] == sum(path.stat().st_size for path in (tmp_path / "json").iterdir())
    assert (found["dtype"], found["rounding"], found["folder"]) == ("float32", 0, str(tmp_path / "json"))

    shown = assay(folder, tmp_path / "text", "--dtype", "float16")
    assert shown.exit_code == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert lines[1].split() == ["format", *format.split(), "SAELens", "6.54.12"]
    assert ("(folded into the weights)" in shown.stdout) == (maker is llama_scope)
    assert any(line.split()[:2] == ["k", "4"] for line in lines) == (activation == "topk")
    assert "matrices in float16, each direction within " in lines[-2]
    assert lines[-1] == str(tmp_path / "text")
    assert all(len(line) <= 80 for line in lines[:-1])


def test_nothing_is_written_over(tmp_path: Path) -> None:
    theirs = sparsify(tmp_path, Draw()).folder
    ours = import_sae(theirs, tmp_path / "ours").folder
    before = load_sae(ours).hash
    for out, name in ((ours, "SAELens"), (theirs, "sparsify")):
        with pytest.raises(StoreError) as error:
            import_sae(theirs, out)
        assert str(error.value) == (
            f"the folder {out}, which holds an SAE already ({name})\n  wanted: a new folder\n"
            "  to do:  name another one, or remove what is there"
        )
    assert load_sae(ours).hash == before
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / CONFIG).write_text("{}")
    with pytest.raises(StoreError, match=r"already \(cfg\.json\)"):
        import_sae(theirs, tmp_path / "half")
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot write"):
        import_sae(theirs, tmp_path / "file")


@pytest.mark.parametrize(
    ("factor", "name"), [(1e6, "W_dec"), (1e-6, "W_dec"), (1e6, "W_enc"), (1e-6, "W_enc")]
)
def test_numbers_that_float16_does_not_hold(tmp_path: Path, factor: float, name: str) -> None:
    """Too large, and too small: those it would keep, but with fewer digits, down to none."""
    sae = sae_of("jumprelu")
    weights = getattr(sae, name).clone()
    (weights if name == "W_dec" else weights.T)[5] *= factor
    source = save_sae(replace(sae, **{name: weights}), tmp_path / "source")
    with pytest.raises(InputError) as error:
        import_sae(source, tmp_path / "out", "float16")
    assert f"{name} of feature 5, whose numbers do not fit into float16" in str(error.value)
    assert error.value.wanted == "numbers from 6e-05 to 65504"
    assert error.value.todo == "keep them exact: --dtype float32"
    assert not (tmp_path / "out").exists()
    assert import_sae(source, tmp_path / "out").sae.hash == load_sae(source).hash


def test_a_feature_that_writes_nothing_is_no_trouble(tmp_path: Path) -> None:
    sae = sae_of()
    weights = sae.W_dec.clone()
    weights[3] = 0
    source = save_sae(replace(sae, W_dec=weights), tmp_path / "source")
    assert not import_sae(source, tmp_path / "out", "float16").sae.W_dec[3].any()


def test_errors(assay: Assay, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="dtype 'half'\n  wanted: one of float32, float16"):
        import_sae(tmp_path, tmp_path / "out", "half")
    with pytest.raises(ModelError, match="no SAE of a known format"):
        import_sae(tmp_path, tmp_path / "out")
    result = assay(tmp_path / "none", tmp_path / "out")
    assert result.exit_code == 2 and "neither an alias nor a folder" in result.stderr
    assert not (tmp_path / "out").exists()
