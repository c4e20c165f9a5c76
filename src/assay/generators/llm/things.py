"""From the items of an answer to probes, texts and further edits, before anything is checked."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.generators.catalogue.shots import FRAME
from assay.generators.llm.checks import bare
from assay.generators.plan import Request, Synthetic
from assay.probes.audit import names, same
from assay.probes.probe import Probe

Thing = Probe | Synthetic

BLANKS = re.compile(r"\s*(?:\.{3,}|_{2,}|…)[\s._…]*$")
"""Marks of a gap at the end of a prompt."""


@dataclass(frozen=True)
class About:
    """What is known of the fact when sentences are asked for."""

    request: Request
    """With ``old`` filled in where it is known."""
    inside: str
    """The subject as it stands in the middle of a sentence."""
    relation: str = ""
    """What the prompt asks of the subject, in the model's words."""
    kind: str = ""
    """What the subject is, in the model's words."""
    names: tuple[str, ...] = ()
    """Other names of the subject."""
    old_unchecked: bool = False
    """Whether the old answer is only the model's word."""

    def to_json(self) -> dict[str, Any]:
        """What the model is told."""
        request = self.request
        told = {"prompt": request.prompt, "subject": request.subject, "target": request.target}
        return {
            **told,
            "old": request.old,
            "relation": self.relation,
            "kind": self.kind,
            "names": list(self.names),
        }


def cut(text: str, answers: Sequence[str | None], subject: str = "") -> str:
    """``text`` up to where the answer begins: a marked gap, or the answer itself, at its end is taken off.

    A subject at the end stays whole, also where its name ends like the answer.
    """
    text = BLANKS.sub("", text.strip())
    if subject and same(text).endswith(same(bare(subject))):
        return text
    for answer in filter(None, answers):
        end = re.search(rf"(?<!\w){re.escape(bare(answer))}[\s.,;!]*$", text, re.IGNORECASE)
        if end is not None and bare(answer):
            text = text[: end.start()]
    return text.rstrip()


def things(about: About, purpose: str, axis: str, items: Sequence[Any]) -> list[Thing]:
    """The items of one axis; what is wrong with them is found later."""
    make = MAKERS.get(axis, _positive)
    return [make(about, axis, f"llm:{purpose}:{axis}", item) for item in items]


def _positive(about: About, axis: str, source: str, item: str) -> Thing:
    request = about.request
    prompt = cut(item, (request.target, request.old), request.subject)
    return Probe(prompt, request.target, True, axis, request.old, source)


def _question(about: About, axis: str, source: str, item: str) -> Thing:
    request = about.request
    return Probe(FRAME.replace("{q}", item.strip()), request.target, True, axis, request.old, source)


def _hop(about: About, axis: str, source: str, item: Mapping[str, str]) -> Thing:
    answer, old = item["answer"].strip(), item["old_answer"].strip() or None
    prompt = cut(item["prompt"], (answer, old), about.request.subject)
    return Probe(prompt, answer, True, axis, old, source)


def _inverse(about: About, axis: str, source: str, item: str) -> Thing:
    return Probe(cut(item, (about.inside,)), about.inside, True, axis, None, source)


def _negative(about: About, axis: str, source: str, item: Mapping[str, str]) -> Thing:
    answer = item["answer"].strip() or None
    prompt = cut(item["prompt"], (answer,), about.request.subject)
    return Probe(prompt, about.request.target, False, axis, answer, source)


def _example(about: About, axis: str, source: str, item: Mapping[str, str]) -> Thing:
    return Probe(item["prompt"].strip(), about.request.target, False, axis, item["answer"].strip(), source)


def _text(about: About, axis: str, source: str, item: str) -> Thing:
    text = item.strip() if axis == "openings" else cut(item, ())
    return Probe(text, about.request.target, False, axis, None, source)


def _edit(about: About, axis: str, source: str, item: Mapping[str, Any]) -> Thing:
    target, old = item["target"].strip(), item["old"].strip()
    subject = item["subject"].strip()
    request = Request(cut(item["prompt"], (old, target), subject), subject, target, old)
    probes = [
        Probe(cut(text, (old, target), subject), target, True, kind, old, f"{source}:{kind}")
        for kind in ("direct", "paraphrase")
        for text in item[kind]
    ]
    return Synthetic(request, tuple(probes))


MAKERS: Mapping[str, Callable[[About, str, str, Any], Thing]] = {
    "question": _question,
    "multi_hop": _hop,
    "inverse": _inverse,
    "same_subject": _negative,
    "unrelated": _negative,
    "cross_domain": _negative,
    "examples": _example,
    "openings": _text,
    "neutral": _text,
    "edits": _edit,
}
"""Axis to its maker; the others state the fact itself."""


def inside_of(subject: str, said: str) -> str:
    """The subject inside a sentence as the model writes it, if it is the subject that it writes."""
    return said.strip() if same(bare(said)) == same(bare(subject)) and said.isprintable() else subject


def other_names(subject: str, said: Sequence[str], most: int, longest: int) -> tuple[str, ...]:
    """The names that a model gives, without those that are the subject's own, or no names."""
    good = [name.strip() for name in said if name.strip() and name.isprintable() and len(name) <= longest]
    return tuple([n for n in dict.fromkeys(good) if not names(n, bare(subject))][:most])
