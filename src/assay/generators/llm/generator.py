"""The generator that asks a language model: what it answers becomes probes only after the audit."""

from collections.abc import Sequence

from assay.generators.llm.endpoint import check_installed, endpoint, key_of
from assay.generators.means import Means
from assay.generators.plan import Plan, Request

VERSION = 1
"""Raised whenever the same answers would give other probes."""


class Llm:
    """Makes plans from the answers of one model; see docs/generators.md.

    Constructing one checks address, key and packages, and asks nothing.
    """

    name = "llm"

    def __init__(self, model: str, means: Means) -> None:
        self._server = endpoint(model, means.base_url)
        key_of(self._server)
        check_installed()
        self._means = means

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

        raw = collected(self._server, self._means, request, seed, n_probes, n_synthetic)
        return planned(f"{self.name} {VERSION} ({self._server.model})", raw, n_probes, n_synthetic, avoid)
