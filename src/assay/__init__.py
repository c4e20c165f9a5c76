"""assay: what an SAE feature or a weight edit is really worth.

The names below are the stable Python interface; importing the package loads nothing heavy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assay.api import (
        Run,
        assess,
        edit,
        load,
        load_edit,
        load_sae,
        measure,
        score_feature,
        validate,
    )
    from assay.edits.delta import Edit
    from assay.errors import AssayError, InputError
    from assay.generators.plan import Request
    from assay.probes.probe import Probe
    from assay.score import Score

_WHERE = {
    "AssayError": "assay.errors",
    "Edit": "assay.edits.delta",
    "InputError": "assay.errors",
    "Probe": "assay.probes.probe",
    "Request": "assay.generators.plan",
    "Run": "assay.api",
    "Score": "assay.score",
    "assess": "assay.api",
    "edit": "assay.api",
    "load": "assay.api",
    "load_edit": "assay.api",
    "load_sae": "assay.api",
    "measure": "assay.api",
    "score_feature": "assay.api",
    "validate": "assay.api",
}

__all__ = [
    "AssayError",
    "Edit",
    "InputError",
    "Probe",
    "Request",
    "Run",
    "Score",
    "assess",
    "edit",
    "load",
    "load_edit",
    "load_sae",
    "measure",
    "score_feature",
    "validate",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _WHERE:
        raise AttributeError(f"module 'assay' has no attribute {name!r}; it has: {', '.join(__all__)}")
    return getattr(import_module(_WHERE[name]), name)


def __dir__() -> list[str]:
    return __all__
