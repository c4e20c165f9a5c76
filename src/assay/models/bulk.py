"""The dtype of bulk work: bfloat16, unless this machine multiplies in it far more slowly than in float32.

Processors without instructions for it still give right products, on x86 without AVX-512 six to fifty times as slowly.
What a processor can is asked, not timed: on a busy machine a time says little.
"""

import torch


def bulk_dtype(device: torch.device | str | None = None) -> torch.dtype:
    """bfloat16 or float32. ``device`` is the one that models are loaded on unless it is given."""
    kind = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu")).type
    quick = (
        torch.cuda.is_bf16_supported(including_emulation=False) if kind == "cuda" else _processor_is_quick()
    )
    return torch.bfloat16 if quick else torch.float32


def _processor_is_quick() -> bool:
    """Whether oneDNN, by which torch multiplies on processors, has products in bfloat16 for this one."""
    has_onednn: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return has_onednn and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
