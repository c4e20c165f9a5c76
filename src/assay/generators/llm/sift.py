"""Good and bad apart: generated probes, texts and further edits, each bad one with its reason."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from assay.generators.llm.checks import bare, edit_reason, reason, taboo
from assay.generators.llm.things import Thing
from assay.generators.plan import AXES, Reject, Request, Synthetic
from assay.probes.audit import audit, names, same
from assay.probes.probe import Probe

BENCHMARK = {axis: benchmark for benchmark, axes in reversed([*AXES.items()]) for axis in axes}
"""Axis to the first benchmark that has it; what has none (openings, edits) goes by its own name."""

EDIT_PROBES = 4
"""Probes of a further edit, at most."""


@dataclass
class Sieve:
    """Audits what one purpose's answers hold; grows while answers come in."""

    request: Request
    about_edit: Callable[[Probe], bool]
    rejects: list[Reject] = field(default_factory=list)

    def add(self, axis: str, good: Sequence[Thing], new: Sequence[Thing]) -> list[Thing]:
        """``good`` with those of ``new`` that pass, in their order; the others go to ``rejects``."""
        kept = list(good)
        for thing in new:
            found: Thing | None
            if isinstance(thing, Synthetic):
                found = self._edit(thing, [k for k in kept if isinstance(k, Synthetic)])
            else:
                found = self._probe(axis, thing, [k for k in kept if isinstance(k, Probe)])
            if found is not None:
                kept.append(found)
        return kept

    def _probe(self, axis: str, probe: Probe, good: list[Probe]) -> Probe | None:
        why = None if probe.prompt else "empty"
        why = why or reason(self.request, axis, probe)
        benchmark = BENCHMARK.get(axis)
        if why is None and benchmark is not None:
            audited = audit(self.request, {benchmark: [*good, probe]}, self.about_edit)
            why = audited.rejects[0].reason if audited.rejects else None
        elif why is None and same(probe.prompt) in {same(p.prompt) for p in good}:
            why = "duplicate"
        if why is not None:
            self.rejects.append(Reject(benchmark or axis, probe, why))
        return probe if why is None else None

    def _edit(self, made: Synthetic, good: list[Synthetic]) -> Synthetic | None:
        """A further edit with those of its probes that pass the same audit for its own request."""
        own = Sieve(made.request, lambda probe: False)
        probes: list[Probe] = []
        for probe in made.probes:
            if any(names(probe.prompt, word) for word in taboo(self.request)):
                own.rejects.append(Reject("synthetic", probe, "about_subject"))
            elif own._probe(probe.axis or "direct", probe, probes) is not None:
                probes.append(probe)
        self.rejects += [replace(reject, benchmark="synthetic") for reject in own.rejects]
        whole = replace(made, probes=tuple(probes[:EDIT_PROBES]))
        taken = {same(word) for word in taboo(self.request)}
        for other in good:
            texts = (other.request.subject, other.request.target, other.request.old or "")
            taken |= {same(bare(text)) for text in texts}
        why = edit_reason(self.request, whole, taken)
        if why is not None:
            asked = made.request
            shown = Probe(asked.prompt, asked.target, True, None, asked.old, "llm:further:edits")
            self.rejects.append(Reject("synthetic", shown, why))
        return whole if why is None else None
