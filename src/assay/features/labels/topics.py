"""The topics that a label may name."""

import json
from importlib.resources import files


def topics() -> list[str]:
    """Matters that an encyclopaedia has articles on; each is a label that is read by its meaning."""
    text = (files("assay.features.labels") / "topics.json").read_text(encoding="utf-8")
    names: list[str] = json.loads(text)
    return names
