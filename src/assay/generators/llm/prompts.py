"""The prompts: one readable file per purpose, and rules that go before all of them."""

from dataclasses import dataclass
from functools import cache
from importlib import resources

RULES = "rules"
"""The file whose text stands before every purpose's own."""


@dataclass(frozen=True)
class Prompt:
    """What a model is told to do; what it is to do it with comes apart, as JSON."""

    version: str
    """Of the rules and of the purpose's file, as ``1.1``."""
    text: str


@cache
def prompt(purpose: str) -> Prompt:
    """The prompt of a purpose: the rules, then its own file."""
    versions, texts = zip(*(_file(name) for name in (RULES, purpose)), strict=True)
    return Prompt(".".join(versions), "\n\n".join(texts))


@cache
def alone(purpose: str) -> Prompt:
    """A prompt that stands by itself: its file has all the rules it needs."""
    return Prompt(*_file(purpose))


def _file(name: str) -> tuple[str, str]:
    """(version, text): a file begins with the line ``version: N`` and an empty one."""
    whole = (resources.files("assay.generators.llm") / "prompts" / f"{name}.md").read_text(encoding="utf-8")
    first, _, text = whole.partition("\n")
    return first.removeprefix("version:").strip(), text.strip()
