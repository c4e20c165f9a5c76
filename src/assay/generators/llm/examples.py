"""A worked example before the question: what a model that no server holds to a form needs most.

The example is the one that ends the purpose's prompt, put as a question and an answer of an earlier turn.
"""

import json
from collections.abc import Mapping
from typing import Any

from assay.generators.llm.prompts import prompt
from assay.generators.llm.purposes import FACT

EVEREST: Mapping[str, Any] = {
    "prompt": "Mount Everest rises in the mountains of the",
    "subject": "Mount Everest",
    "target": "Alps",
    "old": "Himalayas",
    "relation": "mountain range that a mountain belongs to",
    "kind": "mountain",
    "names": ["Sagarmatha", "Chomolungma"],
}
"""The fact that all prompts take their examples from."""

OF_FACT = ("prompt", "subject")
"""What the first purpose is told of it."""


def example(purpose: str) -> tuple[str, str]:
    """(question, answer), both JSON as a model is asked and is to answer."""
    _, mark, written = prompt(purpose).text.rpartition("\n\n{")
    answer = json.loads(mark.strip() + written)
    if purpose == FACT:
        data: dict[str, Any] = {name: EVEREST[name] for name in OF_FACT}
    else:
        data = {**EVEREST, "counts": {axis: len(items) for axis, items in answer.items()}, "variation": 0}
    return json.dumps(data, ensure_ascii=False, indent=1), json.dumps(answer, ensure_ascii=False)
