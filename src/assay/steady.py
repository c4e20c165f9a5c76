"""The same products give the same digits from run to run.

MKL, by which torch multiplies on x86, takes another way through a product when memory lies otherwise, and on processors
without AVX-512 the last digits then differ between two runs of one command. It can be held to one way, at the time
when it is loaded.
"""

import os
from pathlib import Path

VARIABLE = "MKL_CBWR"
STRICT = "AVX2,STRICT"


def hold_to_one_way(cpuinfo: Path = Path("/proc/cpuinfo")) -> None:
    """To be called before torch is imported. What the user has set stays; elsewhere than on such processors it does
    nothing."""
    try:
        flags = cpuinfo.read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        return
    if "avx2" in flags and "avx512f" not in flags:
        os.environ.setdefault(VARIABLE, STRICT)
