"""What one benchmark hands over: its score and everything a reader needs to check it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from assay.score import Score


@dataclass(frozen=True)
class ProbeResult:
    """One probe measured on the unedited and on the edited model. Probabilities are in [0, 1]."""

    prompt: str
    target: str
    is_positive: bool
    axis: str | None
    expected: str | None
    source: str
    p_before: float
    """Joint probability of all tokens of ``target``, unedited model."""
    p_after: float
    """The same on the edited model."""
    p_mean_token_before: float
    """exp(mean log p per token), unedited."""
    p_mean_token_after: float
    argmax_all_before: bool
    """Whether every target token is the argmax, teacher-forced."""
    argmax_all_after: bool
    token_accuracy_after: float
    """Share of target tokens that are the argmax, teacher-forced."""
    rank_before: int
    """Rank of the first target token among all tokens, 1 is best."""
    rank_after: int
    expected_p_before: float | None
    """Joint probability of ``expected``, where there is one: for a positive probe, the ceiling."""
    expected_p_after: float | None
    expected_argmax_before: bool | None
    """Whether the unedited model gave ``expected`` as its argmax (it knew the answer)."""
    kl: float
    """KL(before || after) of the next-token distribution at the prompt's end, nats."""
    tv: float
    """Total variation between the same two distributions, in [0, 1]."""
    top1_before: str
    """Most probable next token, unedited, as text."""
    top1_after: str
    value: float | None
    """What this probe contributes to its benchmark's score; None when it could not be used."""
    reason: str | None = None
    """Why ``value`` is None, or why the known answer was not used."""

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dict; ``ProbeResult(**d)`` is its inverse."""
        return asdict(self)


@dataclass(frozen=True)
class Step:
    """One step of a sequential benchmark: the state after ``index`` further edits."""

    index: int
    """0 is the committed edit alone."""
    subject: str
    """Subject of the edit applied at this step."""
    target: str
    value: float
    """Mean KL in nats (collapse) or P_k / P_0 clipped to 1 (retention) or P of the target (batch)."""
    held: bool | None = None
    """Whether that step's own edit held right after it was made (P of its target >= 0.5)."""


@dataclass(frozen=True)
class Text:
    """A generated paragraph and how it was judged."""

    opening: str
    before: str
    """Continuation by the unedited model."""
    after: str
    """Continuation by the edited model."""
    sampled: bool
    """False for greedy, True for a seeded sample."""
    consistency: float | None
    fluency: float | None
    no_contradiction: float | None


@dataclass(frozen=True)
class BenchResult:
    """One of the thirteen, finished."""

    score: Score
    title: str
    """Name for people ("EditBench")."""
    question: str
    """The one-line question it answers."""
    group: str
    """retention | generalisation | locality | stability | generation."""
    generator: str
    """Who made the probes."""
    probes: tuple[ProbeResult, ...] = ()
    sub_axes: Mapping[str, Mapping[str, float | int | None]] = field(default_factory=dict)
    """Axis to {score, n}."""
    ceiling: float | None = None
    """The same score computed for the old fact on the unedited model: what this model could reach."""
    steps: tuple[Step, ...] = ()
    texts: tuple[Text, ...] = ()
    accepted: int | None = None
    """How much that was made for this benchmark passed the audit, of which it may have asked fewer; None where that was
    not recorded."""
    rejects: int = 0
    """How much the audit threw out."""
    again: int | None = None
    """How often more was asked for; None where the generator cannot be asked again."""
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """The dict that ``--json``, the events and the run folder carry."""
        return {
            **self.score.to_json(),
            "title": self.title,
            "question": self.question,
            "group": self.group,
            "generator": self.generator,
            "sub_axes": {k: dict(v) for k, v in self.sub_axes.items()},
            "ceiling": self.ceiling,
            "steps": [asdict(s) for s in self.steps],
            "texts": [asdict(t) for t in self.texts],
            "accepted": self.accepted,
            "rejects": self.rejects,
            "again": self.again,
            "seconds": self.seconds,
            "probes": [p.to_json() for p in self.probes],
        }
