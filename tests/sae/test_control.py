"""The control of random weights: it fires as often as the original and writes as much, by the seed."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from typer.testing import CliRunner

import planted_labels as p
from assay.cli.main import app
from assay.corpus.sources import corpora
from assay.corpus.split import split
from assay.models.load import load
from assay.sae.coder import SAE, Architecture
from assay.sae.control import random_like
from assay.sae.formats.save import save_sae
from assay.sae.formats.table import load_sae
from assay.sae.residual import residual
from assay.sae.rows import rows_of
from assay.settings import ActivationSettings
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
@pytest.mark.parametrize("whitened", [True, False])
def test_it_fires_as_often(x: Tensor, architecture: Architecture, scale: float, whitened: bool) -> None:
    sae = original(x, architecture, scale)
    control = random_like(sae, x, 5, whitened)
    wanted = [max(n, 1) for n in counts(sae, x)]
    if architecture != "topk":
        assert wanted[NEVER] == 1 and wanted[ALWAYS] == N and wanted[MOSTLY] == 0.9 * N
    assert counts(control, x) == wanted
    one_by_one = torch.cat([control.encode(row) > 0 for row in x.split(1)])
    assert one_by_one.sum(0).tolist() == wanted  # however the rows are batched
    assert control.encode(x).min() == 0


def written(sae: SAE, x: Tensor) -> Tensor:
    """Mean length of what each feature writes where it fires, vector by vector."""
    codes = sae.encode(x)
    out = []
    for feature in range(sae.d_sae):
        fired = codes[:, feature][codes[:, feature] > 0]
        each = [float((a * sae.W_dec[feature] / sae.scale).norm()) for a in fired[:50]]
        out.append(sum(each) / len(each) if each else 0.0)
    return torch.tensor(out)


@pytest.mark.parametrize("whitened", [True, False])
def test_its_features_write_as_much(x: Tensor, whitened: bool) -> None:
    some = x[:50]
    sae = original(some, scale=0.2)
    control = random_like(sae, some, 5, whitened)
    wanted = written(sae, some)
    alive = wanted > 0
    assert torch.allclose(written(control, some)[alive], wanted[alive], rtol=1e-3)
    dead = ~alive
    assert dead[NEVER] and torch.allclose(
        written(control, some)[dead], wanted[alive].median().expand(int(dead.sum())), rtol=1e-3
    )


def test_plain_directions_are_no_likelier_than_chance_to_be_the_same(x: Tensor) -> None:
    sae = original(x, scale=0.2)
    control = random_like(sae, x, 5, whitened=False)
    assert torch.allclose(control.W_enc.norm(dim=0), torch.ones(FEATURES), rtol=1e-3)
    cosines = torch.cosine_similarity(control.W_dec, sae.W_dec)
    assert abs(float(cosines.mean())) < 3 / (D * FEATURES) ** 0.5 and float(cosines.abs().max()) < 0.8
    assert torch.allclose(torch.cosine_similarity(control.W_dec, control.W_enc.T), torch.ones(FEATURES))


def test_whitened_directions_do_not_all_see_the_same(x: Tensor) -> None:
    """Readings of plain directions agree where one axis has most of the variance; those of whitened ones do not."""
    large = x.clone()
    large[:, 0] = (large[:, 0] - 7) * 10_000

    def agreement(whitened: bool) -> float:
        sae = random_like(original(large), large, 5, whitened)
        readings = (large - large.mean(0)) @ sae.W_enc
        return float(torch.corrcoef(readings.T).abs().mean())

    chance = 1 / FEATURES + (1 - 1 / FEATURES) * (2 / (torch.pi * D)) ** 0.5
    assert agreement(False) > 0.9 and agreement(True) == pytest.approx(chance, rel=0.1)
    # What a decoder row writes is what goes with its reading: the regression of x on it.
    sae = random_like(original(x), x, 5)
    centred = x - x.mean(0)
    regressed = centred.T @ (centred @ sae.W_enc)
    assert torch.allclose(torch.cosine_similarity(regressed.T, sae.W_dec), torch.ones(FEATURES), atol=1e-3)


def test_the_seed_decides(x: Tensor) -> None:
    sae = original(x)
    a, b, c = (random_like(sae, x, seed) for seed in (1, 1, 2))
    assert a.hash == b.hash != c.hash
    assert a.metadata == {"control_of": sae.hash, "seed": 1, "whitened": True}
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
    held_out = split(corpora([str(text)]), ActivationSettings().held_out).held_out
    rows = [row[1:] for row in rows_of(model, held_out, p.CONTEXT, 10_000)]
    x = residual(model, p.LAYER, rows)
    assert counts(control, x) == [max(n, 1) for n in counts(given, x)]

    again = CliRunner().invoke(app, words)
    assert again.exit_code == 2 and "which holds an SAE already" in again.stderr
    words[3] = str(tmp_path / "other")
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 0, shown.stderr
    assert shown.stdout.splitlines() == [
        f"8 random features, each firing as often and writing as much as in {sae}",
        str(tmp_path / "other"),
    ]
    assert load_sae(tmp_path / "other").hash != control.hash  # seed 0


def test_an_sae_that_does_not_say_its_model(sae: Path, tmp_path: Path) -> None:
    nameless = save_sae(replace(load_sae(sae), model_id=None), tmp_path / "nameless")
    result = CliRunner().invoke(app, ["sae", "control", str(nameless), str(tmp_path / "out")])
    assert result.exit_code == 2 and "which does not say which model it reads" in result.stderr
    assert not (tmp_path / "out").exists()
