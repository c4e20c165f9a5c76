"""Which processors need to be held to one way of multiplying."""

import os
from pathlib import Path

import pytest

from assay.steady import STRICT, VARIABLE, hold_to_one_way


@pytest.mark.parametrize(
    ("flags", "held"), [("fma avx2 sse", STRICT), ("avx2 avx512f", None), ("neon", None), (None, None)]
)
def test_only_x86_without_avx512(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, flags: str | None, held: str | None
) -> None:
    monkeypatch.setenv(VARIABLE, "x")  # so that it is as before afterwards
    monkeypatch.delenv(VARIABLE)
    file = tmp_path / "cpuinfo"
    if flags is not None:
        file.write_text(f"flags\t: {flags}\n")
    hold_to_one_way(file)
    assert os.environ.get(VARIABLE) == held
    monkeypatch.setenv(VARIABLE, "COMPATIBLE")
    hold_to_one_way(file)
    assert os.environ[VARIABLE] == "COMPATIBLE", "what the user has set stays"
