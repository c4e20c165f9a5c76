"""A language model that is asked for something else than probes: labels, sentences, marks."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from assay.errors import GeneratorError
from assay.generators.llm.generator import Speaking
from assay.generators.means import Means
from assay.generators.table import KINDS

if TYPE_CHECKING:
    from assay.generators.llm.asking import Asked, Cost

MODELS = " or ".join(f"{kind}:{row.takes}" for kind, row in KINDS.items() if row.asks)
"""How such models are named, for messages."""


@dataclass(frozen=True)
class Author:
    """One model, at a server or in this process, and the means to ask it."""

    kind: str
    """What stands before the colon of its name."""
    asked: "Asked"
    means: Means

    @property
    def name(self) -> str:
        """As it is shown and recorded: ``llm:MODEL`` or ``local:MODEL``."""
        return f"{self.kind}:{self.asked.model}"


def is_model(name: str) -> bool:
    """Whether a generator's name is that of a language model."""
    kind, _, model = name.strip().partition(":")
    return kind in KINDS and KINDS[kind].asks and bool(model.strip())


def author(name: str, means: Means, asked_for: str) -> Author:
    """The model that ``name`` (``llm:MODEL`` or ``local:MODEL``) stands for. Nothing is asked yet and no weights
    are loaded, but a model of this process is found first, on the hub too, and told by its files.

    ``asked_for`` says in one word what it is to make, for messages. Raises GeneratorError for any other name, a wrong
    address, a missing key or a model that is not there, MissingPackage where the packages are missing that it takes.
    """
    kind, _, model = name.strip().partition(":")
    maker = KINDS[kind].make(model, means) if is_model(name) else None
    if not isinstance(maker, Speaking):
        raise GeneratorError(
            f"{name!r} for {asked_for}",
            f"a language model: {MODELS}",
            "for example llm:qwen3:8b, with --base-url http://localhost:11434/v1, or local:Qwen/Qwen3-1.7B",
        )
    return Author(kind, maker.asked(), means)


def cost_json(author: Author, cost: "Cost") -> dict[str, Any]:
    """Who was asked, and what it cost, as a JSON-able dict; kept answers count with what they cost when made."""
    return {
        "generator": author.kind,
        "model": author.asked.model,
        "answers": cost.answers,
        "tokens_in": cost.tokens_in,
        "tokens_out": cost.tokens_out,
        "dollars": cost.dollars,
    }
