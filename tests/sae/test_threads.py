"""Products are right, or the user is told that they would not be."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

CHECK = """
import torch
from assay.errors import InputError
from assay.sae.threads import prove_threads
def right(inner):
    x = torch.ones(512, inner, dtype=torch.bfloat16)
    return bool((torch.mm(x, x.T, out=torch.zeros(512, 512, dtype=torch.bfloat16)) == inner).all())
all_right = all(right(inner) for inner in (64, 576))
try:
    prove_threads()
    print(all_right, "nothing said")
except InputError as error:
    print(all_right, error)
"""


@pytest.mark.parametrize(("limit", "threads"), [("1", "1"), ("1", "2")])
def test_right_or_told(limit: str, threads: str) -> None:
    """Whether fewer threads than promised break a product depends on the machine; that it is told does not."""
    env = os.environ | {"OMP_THREAD_LIMIT": limit, "OMP_NUM_THREADS": threads}
    said = subprocess.run([sys.executable, "-c", CHECK], env=env, capture_output=True, text=True, check=True)
    right, _, words = said.stdout.partition(" ")
    if right == "True":
        assert words == "nothing said\n"
    else:
        assert "2 threads and OMP_THREAD_LIMIT=1, which gives wrong products" in words
        assert "set OMP_NUM_THREADS=1 too" in words
