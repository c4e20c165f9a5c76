"""What a generator hands over: everything that one edit's validation and thirteen benchmarks ask.

A generator sees the request (subject, relation, target, old answer), never the model's activations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from assay.probes.probe import Probe

AXES: Mapping[str, tuple[str, ...]] = {
    "edit_bench": ("direct", "paraphrase"),
    "edit_generalization": ("implied", "context", "indirect"),
    "ripple_bench": ("same_subject",),
    "fine_tune_diff": ("edited", "unrelated"),
    "sequential_collapse_threshold": (),
    "batch_edit_consistency": ("direct", "paraphrase"),
    "sequential_edit_retention": ("direct", "paraphrase"),
    "locality_sensitivity_score": ("cross_domain",),
    "leme": (),
    "indirect_fact_recovery": ("multi_hop", "inverse", "alternate"),
    "portability_sub_metrics": ("template", "alias", "compositional"),
    "preservation_vs_memorization": ("surface", "paraphrase"),
    "zsre": ("question", "question_shots"),
}
"""Benchmark id to the sub-axes its probes may carry."""


BESIDE: Mapping[str, str] = {
    "sequential_collapse_threshold": "synthetic",
    "batch_edit_consistency": "synthetic",
    "sequential_edit_retention": "synthetic",
    "leme": "long_form",
}
"""Benchmark id to what it asks beside its probes, or in their place: a field of ``Plan``."""


@dataclass(frozen=True)
class Request:
    """One fact to write: the prompt with the subject in it exactly once, and the new object."""

    prompt: str
    """Cloze prompt that the object completes ("The Eiffel Tower is located in the city of")."""
    subject: str
    """The subject exactly as it stands in the prompt."""
    target: str
    """The new object, without a leading space."""
    old: str | None = None
    """The object before the edit, if known."""
    relation: str | None = None
    """Relation id of the catalogue, if known."""

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dict; ``Request(**d)`` is its inverse."""
        return {
            "prompt": self.prompt,
            "subject": self.subject,
            "target": self.target,
            "old": self.old,
            "relation": self.relation,
        }


@dataclass(frozen=True)
class Synthetic:
    """A made-up edit on another subject, with the probes that ask whether it holds."""

    request: Request
    probes: tuple[Probe, ...]
    """Positive probes of the synthetic fact (direct and paraphrase)."""


@dataclass(frozen=True)
class Reject:
    """A probe that failed the audit, kept so that nothing disappears silently."""

    benchmark: str
    probe: Probe
    reason: str
    """A key of probes.audit.REASONS."""


@dataclass(frozen=True)
class Making:
    """What it took to have a plan written by a language model; kept answers count as when they were made."""

    accepted: int
    """Sentences and further edits that passed the audit; not all are asked."""
    rejected: int
    again: int
    """How often more was asked for, over all purposes."""
    unread: int
    """Purposes without a readable answer."""
    answers: int
    tokens_in: int
    tokens_out: int
    dollars: float | None = None
    """At list prices; None where none is known."""


@dataclass(frozen=True)
class Sifted:
    """What was made for one benchmark, and what the audit made of it."""

    accepted: int | None
    """What passed; a benchmark may ask fewer, and what several benchmarks ask counts for each. None where it was not
    recorded."""
    rejected: int
    again: int | None = None
    """How often more was asked for; None for a generator that cannot be asked again."""


@dataclass(frozen=True)
class Plan:
    """Everything that will be asked about one edit."""

    request: Request
    """The request with ``old`` and ``relation`` filled in where the generator knew them."""
    generator: str
    """Name and version of the generator, as shown on every card."""
    relation_confidence: float
    """How sure the recognition of the relation is, in [0, 1]; 1 when the user named it."""
    generic: bool
    """True when the relation is unknown, so that the probes are template-free and weaker."""
    paraphrases: tuple[Probe, ...]
    """At least four, for the validation loop; disjoint from every benchmark's probes."""
    neutral: tuple[str, ...]
    """At least twenty neutral prompts, for the behaviour and representation checks."""
    probes: Mapping[str, tuple[Probe, ...]]
    """Benchmark id to its probes; benchmarks with nothing to ask have an empty tuple."""
    synthetic: tuple[Synthetic, ...]
    """Edits on other subjects, for the sequential and batch benchmarks."""
    long_form: tuple[str, ...]
    """Openings of paragraphs about the subject, for LEME; none names the old or the new object."""
    rejects: tuple[Reject, ...] = ()
    """What the audit threw out, and why."""
    notes: tuple[str, ...] = field(default_factory=tuple)
    """What a reader of the cards must know ("relation not recognised: generic probes")."""
    making: Making | None = None
    """None where no language model wrote it."""
    sifted: Mapping[str, Sifted] = field(default_factory=dict)
    """Benchmark id to how its material was come by; empty where no language model wrote it."""

    def sifted_for(self, benchmark: str) -> Sifted:
        """The same of any plan: without a language model all that passed stands in the plan. Plans of language models
        that were stored before this was counted do not tell."""
        if benchmark in self.sifted:
            return self.sifted[benchmark]
        rejected = sum(reject.benchmark == benchmark for reject in self.rejects)
        if self.making is not None:
            return Sifted(None, rejected)
        more = {"synthetic": self.synthetic, "long_form": self.long_form}.get(BESIDE.get(benchmark, ""), ())
        accepted = len(self.probes.get(benchmark, ())) + len(more)
        return Sifted(accepted, rejected)


class Generator(Protocol):
    """Makes a Plan; the only thing a generator must be able to do."""

    name: str

    def plan(
        self,
        request: Request,
        seed: int,
        n_probes: int = 8,
        n_synthetic: int = 5,
        avoid: Sequence[str] = (),
    ) -> Plan:
        """Everything to ask about ``request``; the same seed gives the same plan.

        ``n_probes`` is the most per benchmark; ``avoid`` holds prompts that must not be used again.
        """
        ...
