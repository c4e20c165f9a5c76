"""Runs about one feature of an SAE: what they are called, and what is written down when one is asked for."""

from collections.abc import Mapping
from typing import Any

from assay.generators.plan import Request

KIND = "feature"
SCORED, TRIED, BETTER = "feature {} of {}", "feature {} of {} on a text", "a better label of feature {} of {}"
"""Subjects of the three works, by which runs are found."""


def about(
    subject: str, work: str, feature: int, sae: str, source: str, asked: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Request and options of the run, and what its worker needs. ``subject``: one of the three; ``sae``: what pages
    call it; ``source``: what opens it wherever the worker was started."""
    request = Request("", subject.format(feature, sae), "").to_json()
    known = {"feature": feature, **asked}
    return request, {"sae": sae, "source": source, "work": work, **known}, {"sae": source, **known}
