"""How many threads a test's torch has: two, or one each where test processes run side by side."""

import os

from assay.steady import hold_to_one_way

THREADS = 1 if "PYTEST_XDIST_WORKER" in os.environ else 2
"""Threads of two processes that wait for each other are ten times slower."""
if THREADS == 1:
    os.environ["OMP_NUM_THREADS"] = "1"  # of the processes that tests start
hold_to_one_way()
