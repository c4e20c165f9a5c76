"""Doubles that are small real things: a tiny random model of every family with its own tokenizer."""

import os
from itertools import count
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read when the hub's library is imported, so before the imports

import hypothesis
import pytest
import torch

import default_home as home_of_default
from assay.models.model import Model
from threads import THREADS
from tiny import FAMILY_NAMES, tiny_model

UNLIKE = ("llama", "gpt2", "pythia")
"""Gated with norms alone; weights stored the other way round, with biases; attention and MLP side by side."""

HOMES = count()

# How long an example takes says what else the machine does.
hypothesis.settings.register_profile("assay", deadline=None, max_examples=25)
hypothesis.settings.register_profile("nightly", deadline=None, max_examples=200)
hypothesis.settings.load_profile("assay")  # make nightly names the other one on its command line


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs the default model or a browser is never part of the quick tier; the longest begin first."""
    for item in items:
        if item.get_closest_marker("default_model") or "browser" in item.path.stem:
            item.add_marker("slow")
    items.sort(key=lambda item: not item.get_closest_marker("default_model"))


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test can touch a user's data: each has a home of its own, made by what first writes into it."""
    monkeypatch.setenv("ASSAY_HOME", str(tmp_path_factory.getbasetemp() / f"home-{next(HOMES)}"))


@pytest.fixture(autouse=True)
def _threads() -> None:
    torch.set_num_threads(THREADS)


def _families(others: pytest.MarkDecorator) -> list[Any]:
    """The most unlike ones for every tier; the others with a mark."""
    return [pytest.param(name, marks=() if name in UNLIKE else others) for name in FAMILY_NAMES]


@pytest.fixture(params=_families(pytest.mark.slow))
def any_model(request: pytest.FixtureRequest) -> Model:
    """A tiny random model of each family in turn: for what a family can do differently."""
    return tiny_model(request.param)


@pytest.fixture(params=_families(pytest.mark.nightly))
def some_model(request: pytest.FixtureRequest) -> Model:
    """A tiny random model of the most unlike families: for what only passes through a model."""
    return tiny_model(request.param)


@pytest.fixture
def llama() -> Model:
    return tiny_model("llama")


@pytest.fixture(scope="session")
def default_home(tmp_path_factory: pytest.TempPathFactory) -> home_of_default.DefaultHome:
    """A home with the default model and one whole edit of it; nobody may write into it."""
    return home_of_default.default_home(tmp_path_factory)
