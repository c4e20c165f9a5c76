"""Questions with worked examples before them, so that a model which never answers in this form sees it first."""

from collections.abc import Iterator

from assay.generators.catalogue.draft import Draft, dressed
from assay.generators.catalogue.negative import FAMILIAR, WELL_KNOWN, touched
from assay.generators.catalogue.other_names import other_names
from assay.probes.audit import names

SHOTS = 2
"""Worked examples per question: one shows the form, a second shows that the answer is short."""

FRAME = "Q: {q} A:"
"""One question; its worked examples have the same form, with the answer, on lines of their own."""


def with_examples(draft: Draft, questions: list[str]) -> list[str]:
    """Each question behind ``SHOTS`` answered ones, drawn by the seed.

    The examples are true facts of other relations than the edited one and those it touches; none names
    the subject, the target or the old answer, in the question or in the answer.
    """
    if not questions:
        return []
    examples = _examples(draft)
    if len(examples) < SHOTS:
        return []
    return ["\n".join([*draft.rng.sample(examples, SHOTS), FRAME.replace("{q}", q)]) for q in questions]


def _examples(draft: Draft) -> list[str]:
    """One answered question per familiar relation."""
    return [found for relation in FAMILIAR if (found := next(_of(draft, relation), None))]


def _of(draft: Draft, relation_id: str) -> Iterator[str]:
    material, facts = draft.material, draft.facts
    relation = material.relations.get(relation_id)
    if relation is None or relation_id in touched(draft):
        return
    taboo = _taboo(draft)
    for subject in draft.shuffled(facts.subjects(relation_id)[:WELL_KNOWN]):
        answers = facts.objects(subject, relation_id)
        name = dressed(subject, "", material.kinds[facts.kinds(subject)[0]], facts)
        question = name.fill(draft.rng.choice(relation.question))
        text = f"{FRAME.replace('{q}', question)} {facts.spoken(answers[0])}"
        if len(answers) == 1 and not any(names(text, word) for word in taboo):
            yield text


def _taboo(draft: Draft) -> list[str]:
    request = draft.request
    said = [
        request.subject,
        request.target,
        request.old,
        *other_names(request.subject, draft.material, draft.facts),
    ]
    return [word.removeprefix("The ").removeprefix("the ") for word in said if word]
