"""Doubles that are small real things: a tiny random model of every family with its own tokenizer."""

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read when the hub's library is imported, so before the imports

import hypothesis
import pytest
import torch

from assay.models.model import Model
from threads import THREADS
from tiny import FAMILY_NAMES, tiny_model

# How long an example takes says what else the machine does.
hypothesis.settings.register_profile("assay", deadline=None)
hypothesis.settings.load_profile("assay")


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test can touch a user's data."""
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture(autouse=True)
def _threads() -> None:
    torch.set_num_threads(THREADS)


@pytest.fixture(params=FAMILY_NAMES)
def any_model(request: pytest.FixtureRequest) -> Model:
    """A tiny random model of each family in turn."""
    return tiny_model(request.param)


@pytest.fixture
def llama() -> Model:
    return tiny_model("llama")
