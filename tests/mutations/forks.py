"""Runs pytest in forks of one process that has the large libraries loaded: two thirds of a short test's time.

A line of JSON on the standard input is one run: pytest's arguments, a file for what it prints, environment variables,
and the seconds that it may take. Its exit status comes back as a line.
"""

import importlib
import json
import os
import runpy
import signal
import sys
from collections.abc import Mapping

LIBRARIES = (
    *("torch", "numpy", "scipy.stats", "pandas", "pyarrow", "safetensors.torch", "sqlalchemy", "tokenizers"),
    *(
        f"transformers.models.{name}.modeling_{name}"
        for name in ("llama", "gpt2", "gpt_neox", "gemma2", "opt")
    ),
)
"""None that comes with a plugin of pytest, which would have to load it itself, and nothing of assay."""


def run(words: list[str], said: str, environ: Mapping[str, str], longest: int) -> None:
    """In a fork: pytest, its status being that of the process."""
    os.environ.update(environ)
    out = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for old, new in ((nothing, 0), (out, 1), (out, 2)):
        os.dup2(old, new)
    signal.alarm(longest)  # the end of the process, unless it ends before
    sys.argv = ["pytest", *words]
    import pytest

    sys.exit(pytest.main(words))


def main() -> None:
    """Serve until the input ends."""
    runpy.run_path("src/assay/steady.py")["hold_to_one_way"]()  # before torch, as tests/threads.py does
    for name in LIBRARIES:
        importlib.import_module(name)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            run(*json.loads(line))
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os.write(1, f"{status}\n".encode())


if __name__ == "__main__":
    main()
