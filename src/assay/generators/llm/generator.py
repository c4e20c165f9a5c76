"""Generators that ask a language model: what it answers becomes probes only after the audit."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from assay.events import Emit
from assay.generators.llm.endpoint import check_installed, endpoint, key_of
from assay.generators.means import Means
from assay.generators.plan import Plan, Request

if TYPE_CHECKING:
    from assay.generators.llm.asking import Asked

VERSION = 1
"""Raised whenever the same answers would give other probes."""


class Speaking(ABC):
    """What the generators have in common that ask a language model, wherever it runs."""

    name: str
    model: str
    """As it is shown and recorded."""

    def __init__(self, means: Means) -> None:
        self._means = means

    @abstractmethod
    def _asked(self) -> "Asked":
        """Whom to ask."""

    def asked(self) -> "Asked":
        """The model itself, for other questions than a plan's. Raises GeneratorError where it is not there."""
        return self._asked()

    def plan(
        self,
        request: Request,
        seed: int,
        n_probes: int = 8,
        n_synthetic: int = 5,
        avoid: Sequence[str] = (),
    ) -> Plan:
        """Everything to ask about ``request``; see ``generators.plan.Generator``."""
        from assay.generators.llm.collect import collected
        from assay.generators.llm.deal import planned

        raw = collected(self._asked(), self._means, request, seed, n_probes, n_synthetic)
        return planned(self.title, raw, n_probes, n_synthetic, avoid)

    @property
    def title(self) -> str:
        """As it stands on every card."""
        return f"{self.name} {VERSION} ({self.model})"


class Llm(Speaking):
    """Makes plans from the answers of one model at a server; see docs/generators.md.

    Constructing one checks address, key and packages, and asks nothing.
    """

    name = "llm"

    def __init__(self, model: str, means: Means) -> None:
        super().__init__(means)
        self._server = endpoint(model, means.base_url)
        self.model = self._server.model
        key_of(self._server)
        check_installed()

    async def begin(
        self,
        request: Request,
        seed: int,
        n_probes: int,
        n_synthetic: int,
        emit: Emit,
        known_early: Callable[[Request], None],
    ) -> Callable[[], Plan]:
        """The plan, begun on a thread of its own; see ``generators.ahead.Begins``."""
        from assay.generators.llm.collect import collecting
        from assay.generators.llm.deal import planned
        from assay.generators.llm.purposes import Wanted

        wanted = Wanted(n_probes, n_synthetic)
        raw = await collecting(self._asked(), self._means, request, seed, wanted, emit, known_early)
        return lambda: planned(self.title, raw, n_probes, n_synthetic, ())

    def _asked(self) -> "Asked":
        from assay.generators.llm.asking import at_server

        return at_server(self._server, self._means)
