"""The generator whose language model runs in this process."""

from importlib.util import find_spec
from typing import TYPE_CHECKING

from assay.errors import GeneratorError, MissingPackage
from assay.generators.llm.generator import Speaking
from assay.generators.means import Means
from assay.runs.home import find_home

if TYPE_CHECKING:
    from assay.generators.llm.asking import Asked

INSTALL = "pip install 'assay[local]'"
LONGEST = 400
"""Letters of a name or path, at most."""


class Local(Speaking):
    """Makes plans from the answers of a Hugging Face instruct model, which is loaded at the first question that is
    not kept and freed after the last; see docs/generators.md.

    Constructing one checks the packages, and reads nothing.
    """

    name = "local"

    def __init__(self, model: str, means: Means) -> None:
        super().__init__(means)
        self.model = model.strip()
        if not self.model or len(self.model) > LONGEST or not self.model.isprintable():
            raise GeneratorError(
                f"the model's name {self.model[:LONGEST]!r}",
                "an alias, a folder, a .gguf file or a hub id",
                "for example local:Qwen/Qwen3-1.7B",
            )
        missing = [name for name in ("pydantic_ai", "openai", "llguidance") if find_spec(name) is None]
        if missing:
            raise MissingPackage(
                f"a generator that runs a language model here, without the package {missing[0]}",
                "the packages that hold its answers to a form",
                INSTALL,
            )

    def _asked(self) -> "Asked":
        from assay.generators.llm.asking import Asked
        from assay.generators.local.constrained import BOUNDS
        from assay.generators.local.weights import digest_of, folder_of
        from assay.generators.local.writer import Writer

        cache = self._means.cache or find_home().cache
        folder = folder_of(self.model, cache)
        settings = self._means.llm
        marks = {
            "protocol": self.name,
            "weights": digest_of(folder),
            "own_temperature": str(settings.local_temperature),
            "bounds": BOUNDS,
        }
        return Asked(
            model=self.model,
            where="in this process",
            marks=marks,
            open=lambda told: Writer(self.model, folder, settings, told),
            at_once=1,
        )
