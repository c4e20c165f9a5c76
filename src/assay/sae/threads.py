"""A proof that this process may run as many threads as torch believes, before hours are spent on wrong numbers.

Where OMP_THREAD_LIMIT is lower, torch's bfloat16 products leave rows unwritten and say nothing.
"""

import os

import torch

from assay.errors import InputError


def prove_threads() -> None:
    """Raise InputError when a bfloat16 product comes out wrong on the processor.

    The product goes into zeros, so that a row nobody wrote cannot be right by what memory held before.
    """
    left = torch.ones(512, 64, dtype=torch.bfloat16)
    product = torch.mm(left, left.T, out=torch.zeros(512, 512, dtype=torch.bfloat16))
    if bool((product == 64).all()):
        return
    limit = os.environ.get("OMP_THREAD_LIMIT", "1")
    raise InputError(
        f"torch with {torch.get_num_threads()} threads and OMP_THREAD_LIMIT={limit}, which gives wrong products",
        "no more threads than the limit",
        f"set OMP_NUM_THREADS={limit} too, or remove OMP_THREAD_LIMIT",
    )
