"""The control of random weights: it fires as often as the original, with directions as long, by the seed."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from typer.testing import CliRunner

import planted_labels as p
from assay.cli.main import app
from assay.models.load import load
from assay.models.tokens import plain_ids
from assay.sae.coder import SAE, Architecture
from assay.sae.control import random_like
from assay.sae.formats.save import save_sae
from assay.sae.formats.table import load_sae
from assay.sae.residual import residual
from small import save_tiny

N, D, FEATURES = 3_000, 24, 40
NEVER, ALWAYS, MOSTLY = 0, 1, 2


@pytest.fixture
def x() -> Tensor:
    """Vectors off the origin, of very different spread by axis."""
    generator = torch.Generator().manual_seed(0)
    return torch.randn(N, D, generator=generator) * torch.linspace(0.1, 5, D) + 7


def original(x: Tensor, architecture: Architecture = "jumprelu", scale: float = 1.0) -> SAE:
    """Of its features one never fires, one always, one on nine tenths, the others on ever smaller parts."""
    generator = torch.Generator().manual_seed(1)
    enc, dec = torch.randn(D, FEATURES, generator=generator), torch.randn(FEATURES, D, generator=generator)
    x = x * scale
    pre = (x - x.mean(0)) @ enc
    share = torch.logspace(-0.4, -3, FEATURES)
    cut = torch.stack([pre[:, f].quantile(1 - share[f]) for f in range(FEATURES)])
    cut[NEVER], cut[ALWAYS] = 2 * pre.max(), 2 * pre.min()
    cut[MOSTLY] = pre[:, MOSTLY].quantile(0.1)
    return SAE(
        id="original",
        architecture=architecture,
        W_enc=enc,
        b_enc=-cut if architecture != "topk" else torch.zeros(FEATURES),
        W_dec=dec * torch.linspace(0.5, 3, FEATURES)[:, None],
        b_dec=x.mean(0),
        threshold=torch.zeros(FEATURES) if architecture == "jumprelu" else None,
        k=5 if architecture == "topk" else None,
        scale=scale,
        model_id="a model",
        layer=3,
        context=64,
    )


def counts(sae: SAE, x: Tensor) -> list[int]:
    return [int(n) for n in (sae.encode(x) > 0).sum(0)]


@pytest.mark.parametrize("architecture", ["jumprelu", "relu", "topk"])
@pytest.mark.parametrize("scale", [1.0, 0.2])
def test_it_fires_as_often(x: Tensor, architecture: Architecture, scale: float) -> None:
    sae = original(x, architecture, scale)
    control = random_like(sae, x, 5)
    wanted = [max(n, 1) for n in counts(sae, x)]
    if architecture != "topk":
        assert wanted[NEVER] == 1 and wanted[ALWAYS] == N and wanted[MOSTLY] == 0.9 * N
    assert counts(control, x) == wanted
    one_by_one = torch.cat([control.encode(row) > 0 for row in x.split(1)])
    assert one_by_one.sum(0).tolist() == wanted  # however the rows are batched
    assert control.encode(x).min() == 0


def test_its_directions_are_as_long_and_no_likelier_than_chance_to_be_the_same(x: Tensor) -> None:
    sae = original(x, scale=0.2)
    control = random_like(sae, x, 5)
    lengths = [one.contribution(torch.arange(FEATURES), 1.0).norm(dim=1) for one in (sae, control)]
    assert torch.allclose(*lengths, rtol=1e-3)
    assert torch.allclose(control.W_enc.norm(dim=0), torch.ones(FEATURES), rtol=1e-3)
    cosines = torch.cosine_similarity(control.W_dec, sae.W_dec)
    assert abs(float(cosines.mean())) < 3 / (D * FEATURES) ** 0.5 and float(cosines.abs().max()) < 0.8
    assert torch.allclose(torch.cosine_similarity(control.W_dec, control.W_enc.T), torch.ones(FEATURES))


def test_the_seed_decides(x: Tensor) -> None:
    sae = original(x)
    a, b, c = (random_like(sae, x, seed) for seed in (1, 1, 2))
    assert a.hash == b.hash != c.hash
    assert a.metadata == {"control_of": sae.hash, "seed": 1}
    assert (a.model_id, a.layer, a.context, a.d_sae) == ("a model", 3, 64, FEATURES)


def test_ties_are_all_on_one_side(x: Tensor) -> None:
    """Of equal vectors all fire or none, as near to the count as that allows."""
    doubled = x[: N // 10].repeat(10, 1)
    sae = original(doubled)
    found = counts(random_like(sae, doubled, 0), doubled)
    for count, wanted in zip(found, counts(sae, doubled), strict=True):
        assert count % 10 == 0 and abs(count - max(wanted, 1)) <= 10


@pytest.fixture(scope="module")
def sae(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    model = save_tiny(tmp_path_factory.mktemp("model"))
    made = p.random_sae(load(str(model), tmp_path_factory.mktemp("cache")))
    named = replace(made, model_id=str(model), start_token=True, context=p.CONTEXT)
    return save_sae(named, tmp_path_factory.mktemp("sae") / "tiny")


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "text.txt"
    path.write_text("\n".join(p.corpus(120).documents), encoding="utf-8")
    return path


def test_the_command(sae: Path, text: Path, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    words = ["sae", "control", str(sae), str(tmp_path / "out"), "--corpus", str(text)]
    result = CliRunner().invoke(app, [*words, "--seed", "3", "--json"])
    assert result.exit_code == 0, result.stderr
    control = load_sae(tmp_path / "out")
    said = json.loads(result.stdout)
    assert said == {"folder": str(tmp_path / "out"), "hash": control.hash, "features": 8, "seed": 3}
    given = load_sae(sae)
    assert control.metadata["control_of"] == given.hash
    assert (control.model_id, control.layer, control.context) == (given.model_id, p.LAYER, p.CONTEXT)

    model = load(str(given.model_id), tmp_path / "cache")
    rows = [plain_ids(model, line)[: p.CONTEXT - 1] for line in text.read_text().splitlines()]
    x = residual(model, p.LAYER, rows)
    share = [(one.encode(x) > 0).float().mean(0)[1:] for one in (control, given)]
    assert torch.allclose(*share, atol=0.05)  # on the whole text; its cuts are of the held-out part

    again = CliRunner().invoke(app, words)
    assert again.exit_code == 2 and "which holds an SAE already" in again.stderr
    words[3] = str(tmp_path / "other")
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 0, shown.stderr
    assert shown.stdout.splitlines() == [
        f"8 features of random weights, each firing as often as in {sae}",
        str(tmp_path / "other"),
    ]
    assert load_sae(tmp_path / "other").hash != control.hash  # seed 0


def test_an_sae_that_does_not_say_its_model(sae: Path, tmp_path: Path) -> None:
    nameless = save_sae(replace(load_sae(sae), model_id=None), tmp_path / "nameless")
    result = CliRunner().invoke(app, ["sae", "control", str(nameless), str(tmp_path / "out")])
    assert result.exit_code == 2 and "which does not say which model it reads" in result.stderr
    assert not (tmp_path / "out").exists()
