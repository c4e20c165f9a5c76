"""What generated text has to be like beyond the audit that all probes pass: an answer is material, never trusted."""

import re
from collections.abc import Callable, Mapping

from assay.generators.plan import Request, Synthetic
from assay.probes.audit import names, same, without_subject
from assay.probes.probe import Probe

LONGEST = 400
"""Letters of a prompt, at most."""
LONGEST_ANSWER = 80
"""Letters of an answer or a name, at most."""

ELSEWHERE = frozenset({"unrelated", "cross_domain", "examples", "neutral"})
"""Axes whose texts are about other things than the edit."""

ENDS = re.compile(r"[.!?…]['\"”’)]*$")


def bare(name: str) -> str:
    """A name without an article before it."""
    return re.sub(r"^the\s+", "", name.strip(), flags=re.IGNORECASE)


def reason(request: Request, axis: str, probe: Probe) -> str | None:
    """The key of probes.audit.REASONS for what is wrong with a generated probe or text, or None."""
    if not fits(probe):
        return "unfit"
    look = LOOKS.get(axis)
    found = look(request, probe) if look else None
    if found is None and axis in ELSEWHERE and any(names(_all(probe), word) for word in taboo(request)):
        return "about_subject"
    return found


def fits(probe: Probe) -> bool:
    """Whether prompt and answers are short single lines of letters that print."""
    answers = (probe.target, probe.expected or "")
    short = len(probe.prompt) <= LONGEST and all(len(answer) <= LONGEST_ANSWER for answer in answers)
    return short and (probe.prompt + "".join(answers)).isprintable()


def taboo(request: Request) -> list[str]:
    """What texts about other things may not name."""
    return [bare(word) for word in (request.subject, request.target, request.old) if word]


def _all(probe: Probe) -> str:
    return f"{probe.prompt} | {probe.expected or ''}"


def _open(request: Request, probe: Probe) -> str | None:
    return "finished" if ENDS.search(probe.prompt) else None


def _bridge(request: Request, probe: Probe) -> str | None:
    """The step from the subject to the new answer is the model's to take; the second must lead somewhere new."""
    if probe.expected is not None and same(probe.expected) == same(probe.target):
        return "no_answer"
    text = without_subject(probe.prompt, request.subject)
    named = any(names(text, bare(answer)) for answer in (request.target, request.old) if answer)
    return "bridge" if named else _open(request, probe)


def _inverse(request: Request, probe: Probe) -> str | None:
    return _open(request, probe) if names(probe.prompt, bare(request.target)) else "no_object"


def _alias(request: Request, probe: Probe) -> str | None:
    return "own_name" if names(probe.prompt, bare(request.subject)) else _open(request, probe)


def _same_subject(request: Request, probe: Probe) -> str | None:
    if same(bare(request.subject)) not in same(probe.prompt):
        return "no_subject"
    return "negative_about_edit" if _edits_answer(request, probe) else _open(request, probe)


def _other(request: Request, probe: Probe) -> str | None:
    if not probe.expected:
        return "no_answer"
    return "negative_about_edit" if _edits_answer(request, probe) else _open(request, probe)


def _edits_answer(request: Request, probe: Probe) -> bool:
    """Whether the true answer is one of the edit's: then the prompt asks about the edited fact in other words."""
    answers = {same(bare(answer)) for answer in (request.target, request.old) if answer}
    return bool(probe.expected) and same(bare(probe.expected or "")) in answers


def _example(request: Request, probe: Probe) -> str | None:
    """A worked example: a whole question with its answer, which it does not give away."""
    if not probe.prompt.endswith("?") or not probe.expected:
        return "no_answer"
    return "leak" if names(probe.prompt, bare(probe.expected)) else None


def _opening(request: Request, probe: Probe) -> str | None:
    if same(bare(request.subject)) not in same(probe.prompt):
        return "no_subject"
    text = without_subject(probe.prompt, request.subject)
    return "leak" if any(names(text, bare(a)) for a in (request.target, request.old) if a) else None


LOOKS: Mapping[str, Callable[[Request, Probe], str | None]] = {
    **dict.fromkeys(
        (
            "direct",
            "paraphrase",
            "surface",
            "implied",
            "context",
            "indirect",
            "template",
            "compositional",
            "alternate",
            "neutral",
        ),
        _open,
    ),
    "alias": _alias,
    "multi_hop": _bridge,
    "inverse": _inverse,
    "same_subject": _same_subject,
    "unrelated": _other,
    "cross_domain": _other,
    "examples": _example,
    "openings": _opening,
}
"""Axis to what is looked at beside length; questions are put into their frame first, which ends openly."""


def edit_reason(request: Request, made: Synthetic, others: set[str]) -> str | None:
    """What is wrong with a further edit, or None; ``others`` are the names that are taken, in ``same``'s spelling."""
    asked = made.request
    texts = (asked.prompt, asked.subject, asked.target, asked.old or "")
    if not all(text.isprintable() for text in texts) or len(asked.prompt) > LONGEST:
        return "unfit"
    if any(len(text) > LONGEST_ANSWER for text in texts[1:]):
        return "unfit"
    own = {same(bare(name)) for name in (asked.subject, asked.target, asked.old or "")}
    whole = all(text.strip() for text in texts) and asked.prompt.count(asked.subject) == 1
    if not whole or len(own) < 3 or own & others or not made.probes:
        return "no_edit"
    text = without_subject(asked.prompt, asked.subject)
    if any(names(text, bare(answer)) for answer in (asked.target, asked.old or "")):
        return "leak"
    return "finished" if ENDS.search(asked.prompt) else None
