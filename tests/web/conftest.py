"""What tests of the web app share: the default model, unpacked and with its moments, in a folder of the whole run."""

from pathlib import Path

import pytest

from assay.corpus.sources import corpus
from assay.edits.moments import second_moments
from assay.models.load import load
from shared import made_once


@pytest.fixture(scope="session")
def default_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in whose cache the default model lies unpacked, with the moments of its keys; only to be read."""

    def make(root: Path) -> None:
        model = load("smollm2", root / "cache")
        second_moments(model, corpus("factbook"), root / "cache", layers=[5])

    return made_once(tmp_path_factory, "default-home", make)
