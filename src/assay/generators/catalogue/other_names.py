"""What else a subject is called: listed names, surnames, and descriptions made from single facts."""

from collections.abc import Iterator

from assay.generators.catalogue.draft import Draft, dressed
from assay.generators.catalogue.facts import Facts, key
from assay.generators.catalogue.material import Description, Material
from assay.generators.catalogue.negative import touched
from assay.generators.catalogue.phrasing import Name, name_of, upper_first
from assay.generators.catalogue.relations import Relation
from assay.probes.audit import names

SURNAME_LETTERS = 4
"""Shorter last words ("X", "Dre") do not work as surnames."""


def aliases(draft: Draft, relation: Relation) -> list[str]:
    """Direct statements about the subject under other names; empty where none is known."""
    subject = draft.request.subject
    taboo = [x.removeprefix("the ") for x in (draft.request.target, draft.request.old) if x]
    known = [
        n
        for n in dict.fromkeys(other_names(subject, draft.material, draft.facts, touched(draft)))
        if key(n) != key(subject) and not any(names(n, word) for word in taboo)
    ]
    rounds = [draft.shuffled(relation.direct) for _ in range(2)]
    forms = [_form(n, draft) for n in draft.shuffled(known)]
    return [name.fill(rounds[r][i % len(rounds[r])]) for r in range(2) for i, name in enumerate(forms)]


def other_names(
    subject: str, material: Material, facts: Facts, off_limits: frozenset[str] = frozenset()
) -> Iterator[str]:
    """Every other name of ``subject``; descriptions made from ``off_limits`` relations are left out, since
    the edit may make them wrong.
    """
    yield from facts.aliases(subject)
    words = (facts.name(subject) or "").split()
    if "person" in facts.kinds(subject) and len(words) == 2 and _is_surname(words[1], facts):
        yield words[1]
    for description in material.descriptions:
        if description.relation not in off_limits:
            yield from _described(subject, description, material, facts)


def _is_surname(word: str, facts: Facts) -> bool:
    """Not a number of a king, and not known as anybody or anything else ("Jordan")."""
    return word.isalpha() and len(word) >= SURNAME_LETTERS and not word.isupper() and facts.name(word) is None


def _described(subject: str, description: Description, material: Material, facts: Facts) -> Iterator[str]:
    relation = description.relation
    if description.inverse:
        for bearer in facts.bearers(subject, relation):
            if len(facts.objects(bearer, relation)) == 1:
                kind = material.kinds[facts.kinds(bearer)[0]]
                yield description.text.replace("{s}", dressed(bearer, "", kind, facts).mid)
    else:
        answers = facts.objects(subject, relation)
        if len(answers) == 1 and len(facts.bearers(answers[0], relation)) == 1:
            yield description.text.replace("{o}", facts.spoken(answers[0]))


def _form(alias: str, draft: Draft) -> Name:
    return name_of(upper_first(alias) if draft.kind.common else alias, lower_the=True)
