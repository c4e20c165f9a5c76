"""The commands that load a model, as far as they go without one."""

import json
from collections.abc import Callable

import pytest
from typer.testing import Result

from assay.runs.home import Home
from assay.runs.store import Store

pytest.importorskip("assay.pipeline")

Assay = Callable[..., Result]


@pytest.mark.parametrize("verb", ["edit", "trace"])
def test_a_model_that_is_not_there_ends_the_run_and_is_explained(assay: Assay, home: Home, verb: str) -> None:
    words = [verb, "--prompt", "Paris is the capital of", "--subject", "Paris", "--model", "/no/such/model"]
    words += ["--target", "Rome"] if verb == "edit" else []
    result = assay(*words, "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["error"]["kind"] == "ModelError"
    assert "/no/such/model" in result.stderr.splitlines()[-3]
    assert "Traceback" not in result.stderr
    with Store(home) as store:
        (run,) = store.runs()
        assert run.status == "failed"
        assert store.document(run.id)["resumable"] is False
