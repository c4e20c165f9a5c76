"""Helpers of the tests about folders that cannot be read."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assay.errors import ModelError
from assay.sae.formats.table import load_sae


def refused(folder: Path) -> str:
    with pytest.raises(ModelError) as error:
        load_sae(folder)
    assert str(error.value).count("wanted:") == 1
    return str(error.value)


def rewrite(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    values = json.loads(path.read_text(encoding="utf-8"))
    change(values)
    path.write_text(json.dumps(values), encoding="utf-8")
