"""The model-free audit that every probe passes before use; what fails is kept, with its reason."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from assay.generators.plan import AXES, Reject, Request
from assay.probes.probe import Probe

REASONS: Mapping[str, str] = {
    "empty": "the prompt or the target is empty",
    "trailing_space": "the prompt ends with white space, which changes how the answer is tokenised",
    "unknown_axis": "the sub-axis is not one of its benchmark's",
    "training_prompt": "it is the prompt that the edit was trained on",
    "duplicate": "the same prompt stands earlier in this benchmark",
    "leak": "the prompt already names the answer",
    "no_subject": "a probe about the subject does not name it",
    "negative_about_edit": "a probe of what must not change asks about the edited fact",
    "unfit": "it is too long, or has line breaks or characters that do not print",
    "finished": "the prompt ends its sentence, so that no answer can follow",
    "bridge": "a second hop names the answer that it has to reach by itself",
    "no_object": "a probe of the fact turned round does not name the new answer",
    "own_name": "a probe under another name uses the subject's own",
    "about_subject": "a text about other things names the subject or an answer of the edit",
    "no_answer": "the true answer is missing",
    "no_edit": "a further edit lacks its subject, an answer or a probe, or shares one with another edit",
    "spent": "the prompt stands in another benchmark, or was to be avoided",
}
"""Reason id to its explanation, in the order in which the checks run. Those from ``unfit`` on are looked for in
generated text only (generators.llm.checks); the others in every probe."""

VALIDATION = "validation"
"""The name under which the validation paraphrases are audited, beside the benchmark ids."""

SUBJECT_FREE = frozenset({"alias", "indirect", "inverse", "alternate"})
"""Axes whose probes may refer to the subject without naming it."""

SHORT = 2
"""Answers of at most this many letters are looked for with their case ("In" the symbol, "in" the word)."""


@dataclass(frozen=True)
class Audited:
    """What an audit kept and what it threw out; together they are exactly what came in."""

    probes: Mapping[str, tuple[Probe, ...]]
    """Benchmark id to the probes that passed, in their order."""
    rejects: tuple[Reject, ...]
    """Every probe that failed, with the first reason that applied."""


def nothing_about_edit(probe: Probe) -> bool:
    """The default for generators that cannot tell: no negative is known to be about the edit."""
    return False


def audit(
    request: Request,
    probes: Mapping[str, Sequence[Probe]],
    about_edit: Callable[[Probe], bool] = nothing_about_edit,
) -> Audited:
    """Sorts ``probes`` (benchmark id, or ``VALIDATION``, to probes) into kept and rejected.

    ``about_edit`` says whether a prompt asks about the edited relation; negatives that do are rejected,
    as are negatives that repeat the prompt of a positive probe.
    """
    positive = {same(p.prompt) for found in probes.values() for p in found if p.is_positive}
    kept: dict[str, tuple[Probe, ...]] = {}
    rejects: list[Reject] = []
    for benchmark, found in probes.items():
        seen: set[str] = set()
        passed: list[Probe] = []
        for probe in found:
            reason = _reason(request, benchmark, probe, seen, positive, about_edit)
            if reason is None:
                passed.append(probe)
                seen.add(same(probe.prompt))
            else:
                rejects.append(Reject(benchmark, probe, reason))
        kept[benchmark] = tuple(passed)
    return Audited(kept, tuple(rejects))


def same(prompt: str) -> str:
    """What prompts are compared by: case and runs of white space do not count."""
    return " ".join(prompt.casefold().split())


def names(text: str, answer: str) -> bool:
    """Whether ``text`` contains ``answer`` as whole words; case counts only for very short answers."""
    answer = answer.strip()
    if not answer:
        return False
    flags = re.NOFLAG if len(answer) <= SHORT else re.IGNORECASE
    return re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", text, flags) is not None


def without_subject(prompt: str, subject: str) -> str:
    """``prompt`` with the subject blanked out: an answer inside the subject's own name is no leak."""
    return (
        re.sub(re.escape(_bare(subject)), " _ ", prompt, flags=re.IGNORECASE) if subject.strip() else prompt
    )


def _bare(subject: str) -> str:
    return re.sub(r"^the\s+", "", subject.strip(), flags=re.IGNORECASE)


def _reason(
    request: Request,
    benchmark: str,
    probe: Probe,
    seen: set[str],
    positive: set[str],
    about_edit: Callable[[Probe], bool],
) -> str | None:
    prompt = same(probe.prompt)
    axes = AXES.get(benchmark)
    if not prompt or not probe.target.strip():
        return "empty"
    if probe.prompt != probe.prompt.rstrip():
        return "trailing_space"
    if probe.axis is not None and axes is not None and probe.axis not in axes:
        return "unknown_axis"
    if prompt == same(request.prompt):
        return "training_prompt"
    if prompt in seen:
        return "duplicate"
    if _leaks(request, probe):
        return "leak"
    if probe.is_positive:
        needs_subject = probe.axis not in SUBJECT_FREE
        return "no_subject" if needs_subject and same(_bare(request.subject)) not in prompt else None
    return "negative_about_edit" if prompt in positive or about_edit(probe) else None


def _leaks(request: Request, probe: Probe) -> bool:
    """Inverse probes ask for the subject itself, so for them the subject is not blanked out."""
    asks_subject = same(_bare(probe.target)) == same(_bare(request.subject))
    text = probe.prompt if asks_subject else without_subject(probe.prompt, request.subject)
    answers = {_bare(a) for a in (probe.target, probe.expected) if a}
    return any(names(text, answer) for answer in answers)
