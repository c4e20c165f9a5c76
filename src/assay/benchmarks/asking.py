"""What every benchmark shares: the edit, the plan, and probes measured before and after."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from assay.benchmarks.result import ProbeResult
from assay.benchmarks.seen import Seen, fill
from assay.edits.delta import Edit
from assay.edits.moments import Moments
from assay.events import Emit, ignore
from assay.generators.plan import Plan
from assay.models.model import Model
from assay.probes.measure import Answer, Question, Reading, ask, kl, prepare, read, total_variation
from assay.probes.probe import Probe
from assay.settings import BenchSettings


@dataclass(frozen=True)
class Bench:
    """One committed edit on the bench. ``model`` holds the unedited weights between measurements."""

    model: Model
    edit: Edit
    plan: Plan
    moments: Moments
    settings: BenchSettings = field(default_factory=BenchSettings)
    seed: int = 0
    emit: Emit = ignore
    memo: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """What several benchmarks of this one run share (the chain of further edits)."""

    seen: Seen = field(default_factory=Seen, compare=False, repr=False)
    """What was already read of these weights, in this suite or in others."""

    def read_ahead(self) -> None:
        """Read all probes of the plan in one go.

        What a benchmark reads then never depends on which others ran before it: a suite that was interrupted
        ends with the same numbers.
        """
        probes = [p for some in self.plan.probes.values() for p in some]
        neutral = [Question(n) for n in self.plan.neutral[: self.settings.collapse_prompts]]
        self.readings([*(question_of(p) for p in probes), *neutral])

    def results(self, benchmark: str) -> list[ProbeResult]:
        """The benchmark's probes on the unedited and the edited model, ``value`` not yet set."""
        return self.results_of(self.plan.probes.get(benchmark, ()))

    def results_of(self, probes: Sequence[Probe]) -> list[ProbeResult]:
        """Any probes on the unedited and the edited model."""
        before, after = self.readings([question_of(p) for p in probes])
        return [result_of(self.model, p, b, a) for p, b, a in zip(probes, before, after, strict=True)]

    def readings(self, questions: Sequence[Question]) -> tuple[list[Reading], list[Reading]]:
        """Questions read before and after the edit; the layers below it are run once for both, and what
        was read already is not read again."""
        seen, model = self.seen, self.model
        todo = [q for q in dict.fromkeys(questions) if q not in seen.before or q not in seen.after]
        if todo:
            prepared = prepare(model, todo, self.edit.layer)
            if all(q not in seen.before for q in todo):
                seen.before.update(zip(todo, read(model, prepared), strict=True))
            fill(seen.before, todo, lambda missing: ask(model, missing))
            with self.edit.applied(model):
                seen.after.update(zip(todo, read(model, prepared), strict=True))
        return [seen.before[q] for q in questions], [seen.after[q] for q in questions]


def question_of(probe: Probe) -> Question:
    """The prompt with the target and, where it is known and different, the expected old answer."""
    other = probe.expected and probe.expected.strip() != probe.target.strip()
    return Question(
        probe.prompt, (probe.target, probe.expected) if other and probe.expected else (probe.target,)
    )


def result_of(model: Model, probe: Probe, before: Reading, after: Reading) -> ProbeResult:
    """One probe's record from its two readings."""
    target_before, target_after = before.answers[0], after.answers[0]
    old_before: Answer | None = before.answers[1] if len(before.answers) > 1 else None
    old_after: Answer | None = after.answers[1] if len(after.answers) > 1 else None
    if probe.expected and old_before is None:
        old_before, old_after = target_before, target_after
    return ProbeResult(
        prompt=probe.prompt,
        target=probe.target,
        is_positive=probe.is_positive,
        axis=probe.axis,
        expected=probe.expected,
        source=probe.source,
        p_before=target_before.p,
        p_after=target_after.p,
        p_mean_token_before=target_before.p_mean_token,
        p_mean_token_after=target_after.p_mean_token,
        argmax_all_before=target_before.argmax_all,
        argmax_all_after=target_after.argmax_all,
        token_accuracy_after=sum(target_after.argmax) / len(target_after.argmax),
        rank_before=target_before.rank,
        rank_after=target_after.rank,
        expected_p_before=old_before.p if old_before else None,
        expected_p_after=old_after.p if old_after else None,
        expected_argmax_before=old_before.argmax_all if old_before else None,
        kl=kl(before, after),
        tv=total_variation(before, after),
        top1_before=str(model.tokenizer.decode([before.top1])),
        top1_after=str(model.tokenizer.decode([after.top1])),
        value=None,
    )


def valued(
    results: Sequence[ProbeResult], values: Sequence[float | None], reason: str = ""
) -> list[ProbeResult]:
    """The results with what each contributes; ``reason`` goes to those that contribute nothing."""
    return [
        replace(r, value=v, reason=None if v is not None else reason)
        for r, v in zip(results, values, strict=True)
    ]


def by_axis(results: Sequence[ProbeResult]) -> dict[str, list[float]]:
    """Axis to the values of its scored probes, in order of appearance."""
    out: dict[str, list[float]] = {}
    for r in results:
        if r.value is not None:
            out.setdefault(r.axis or "all", []).append(r.value)
    return out


def axis_table(results: Sequence[ProbeResult]) -> Mapping[str, Mapping[str, float | int | None]]:
    """Axis to its mean and n."""
    return {axis: {"score": mean(v), "n": len(v)} for axis, v in by_axis(results).items()}


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean of at least one value."""
    return sum(values) / len(values)


def knows(result: ProbeResult, settings: BenchSettings) -> bool:
    """Whether the unedited model knew the expected answer."""
    return bool(result.expected_argmax_before) or (result.expected_p_before or 0.0) >= settings.known_p
