"""Training on planted dictionaries: what it finds, the same every time, and after a kill."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from assay.errors import InputError
from assay.sae.schedule import active, dead_window, learning_rate
from assay.sae.stream import Stream
from assay.sae.train import checkpoint_path, forget, train
from assay.sae.trainer import Trainer
from assay.settings import SaeSettings
from small import Heard
from training import activations, directions, one_thread, planted, small  # noqa: F401 - a fixture

pytestmark = pytest.mark.slow

D = 24


def data(n: int = 4_000) -> Any:
    return activations(planted(directions(40, D), n))


@pytest.mark.parametrize(
    "settings",
    [
        small(k=3, passes=30, features=80),
        small(k=3, passes=30, features=80, bf16=True),
        small(architecture="relu", l1=2.0, passes=40, features=80),
    ],
    ids=["batchtopk", "bfloat16", "relu"],
)
def test_finds_the_planted_directions(tmp_path: Path, settings: SaeSettings) -> None:
    truth = directions(40, D)
    done = train(activations(planted(truth, 8_000)), [settings], tmp_path)[0]
    rows = done.sae.W_dec / done.sae.W_dec.norm(dim=-1, keepdim=True)
    assert float((truth @ rows.T).max(-1).values.mean()) > 0.9
    fresh = planted(truth, 500, seed=5)
    error = done.sae.decode(done.sae.encode(fresh)) - fresh
    assert 1 - float(error.square().sum() / (fresh - fresh.mean(0)).square().sum()) > 0.8


def test_mean_scale_and_threshold_are_in_the_coder(tmp_path: Path) -> None:
    """In the model's own units the coder keeps about k features per token, and fits as well as in training."""
    given = data()
    done = train(given, [small(passes=20)], tmp_path)[0]
    x = torch.cat(given.parts)
    codes = done.sae.encode(x)
    assert done.sae.architecture == "jumprelu"
    assert float((codes > 0).sum(1).float().mean()) == pytest.approx(4, rel=0.1)
    ev = 1 - float((done.sae.decode(codes) - x).square().sum() / (x - x.mean(0)).square().sum())
    assert ev == pytest.approx(done.ev, abs=0.05)
    assert done.sae.threshold is not None and done.sae.threshold.dtype == torch.float32


@pytest.mark.parametrize(("aux", "silent"), [(1 / 32, 0), (0.0, 16)])
def test_dead_features_are_revived(aux: float, silent: int) -> None:
    """Features too weak to be among the largest fire again with aux-k, and never without it."""
    settings = small(aux=aux, passes=40, anneal_from=1.0, dead_window=500)
    stream = Stream(data(), settings)
    trainer = Trainer(D, stream.steps, settings, "cpu")
    trainer.weights.enc[:16] *= 0.02
    fired = torch.zeros(16, dtype=torch.bool)
    for step in range(stream.steps):
        trainer.step(step, stream.at(step))
        fired |= trainer.silent[:16] == 0
    assert int((~fired).sum()) == silent


def test_same_seed_same_weights(tmp_path: Path) -> None:
    first, again, other = (
        train(data(), [small(seed=seed)], tmp_path / name)[0].sae.hash
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert first == again != other


class Killed(Exception):
    """Stands for SIGKILL: nothing in the program catches it."""


@pytest.mark.parametrize("architecture", ["batchtopk", "relu"])
def test_a_killed_run_ends_as_an_uninterrupted_one(
    tmp_path: Path, architecture: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    several = [small(architecture=architecture, k=k, passes=6, dead_window=300) for k in (2, 4)]
    whole = train(data(), several, tmp_path / "whole")
    at = Stream.at
    calls = 0

    def kills(self: Stream, step: int) -> torch.Tensor:
        nonlocal calls
        calls += 1
        if calls in (20, 45):
            raise Killed
        return at(self, step)

    monkeypatch.setattr(Stream, "at", kills)
    heard = Heard()
    for _ in range(2):
        with pytest.raises(Killed):
            train(data(), several, tmp_path / "killed", save_every=0.0)
    resumed = train(data(), several, tmp_path / "killed", save_every=0.0, emit=heard)
    assert calls < 2 * 93  # it did not begin anew
    assert [one.sae.hash for one in resumed] == [one.sae.hash for one in whole]
    assert [(one.ev, one.dead) for one in resumed] == [(one.ev, one.dead) for one in whole]


def test_a_damaged_checkpoint_is_begun_again(tmp_path: Path) -> None:
    given, several = data(), [small()]
    whole = train(given, several, tmp_path)[0]
    path = checkpoint_path(given, several, tmp_path)
    path.write_bytes(path.read_bytes()[:1000])
    assert train(given, several, tmp_path)[0].sae.hash == whole.sae.hash
    forget(given, several, tmp_path)
    assert not path.exists()


def test_together_as_alone(tmp_path: Path) -> None:
    """Autoencoders on one stream do not touch one another."""
    together = train(data(), [small(k=2), small(k=6)], tmp_path)
    alone = [train(data(), [small(k=k)], tmp_path)[0] for k in (2, 6)]
    assert [one.sae.hash for one in together] == [one.sae.hash for one in alone]


def test_progress_says_how_it_goes(tmp_path: Path) -> None:
    heard = Heard()
    train(data(), [small()], tmp_path, emit=heard)
    last: Mapping[str, Any] = heard.of("stage_progress")[-1]
    assert last["done"] == last["total"] and last["seconds_left"] == 0
    assert last["title"].startswith("EV ") and len(last["title"]) <= 28
    assert set(last["saes"][0]) == {"k", "l1", "loss", "ev", "l0", "dead"}


def test_outlying_tokens_are_left_out(tmp_path: Path) -> None:
    x = planted(directions(40, D), 2_000)
    x[7] *= 500
    stream = Stream(activations(x), small())
    assert len(stream) == 1_999 and 7 not in stream.kept
    batch = torch.cat([stream.at(step) for step in range(7)])
    assert float(batch.square().sum(-1).mean()) == pytest.approx(D, rel=0.05)
    assert batch.mean(0).abs().max() < 0.2


def test_every_token_is_seen_once_a_pass() -> None:
    x = torch.arange(1000.0)[:, None].repeat(1, 2)
    stream = Stream(activations(x), small(batch=100, passes=2, outlier=1e9))
    seen = torch.cat([stream.at(step)[:, 0] for step in range(20)]) / stream.scale + stream.mean[0]
    for half in seen.split(1000):
        torch.testing.assert_close(half.sort().values, x[:, 0], rtol=0, atol=1e-2)
    assert not torch.equal(seen[:1000], seen[1000:])


def test_schedules() -> None:
    settings = SaeSettings()
    assert [active(step, 1000, settings) for step in (0, 100, 200, 999)] == [192, 120, 48, 48]
    rates = [learning_rate(step, 1000, settings) for step in range(1000)]
    assert max(rates) == rates[500] == settings.lr
    assert rates[0] == pytest.approx(settings.lr / 50) and rates[-1] == pytest.approx(settings.lr / 300)


def test_the_dead_window_fits_the_tokens_there_are() -> None:
    settings = SaeSettings()
    windows = [dead_window(steps, settings) for steps in (100, 600, 9_683)]
    assert windows == [10_240, 61_440, 150_000]
    assert Trainer(D, 100, settings, "cpu").dead_window == 10_240


def test_too_little_text() -> None:
    with pytest.raises(InputError) as error:
        Stream(activations(torch.randn(100, 4)), small(passes=2))
    assert "100 tokens and 2 passes, for batches of 256" in str(error.value)


@pytest.mark.parametrize(
    ("several", "words"),
    [
        ([small(k=65)], "k = 65 of 64 features"),
        ([small(architecture="gated")], "architecture 'gated'\n  wanted: one of batchtopk, relu"),
        ([small(), small(seed=1)], "differ in more than architecture, k and L1"),
    ],
)
def test_settings_that_make_no_sense(tmp_path: Path, several: list[SaeSettings], words: str) -> None:
    with pytest.raises(InputError) as error:
        train(data(300), several, tmp_path)
    assert words in str(error.value)
