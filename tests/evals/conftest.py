from pathlib import Path

import pytest
from eval_bench import Bench

from assay.runs.home import Home
from tiny import tiny_model


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(Home(tmp_path / "home"), tiny_model("llama"))
