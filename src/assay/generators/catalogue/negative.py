"""Probes of what must not change: other facts of the subject, and facts of other subjects."""

from collections.abc import Iterator

from assay.generators.catalogue.draft import Draft, dressed
from assay.generators.catalogue.facts import key
from assay.probes.audit import names
from assay.probes.probe import Probe

WELL_KNOWN = 14
"""Other subjects are drawn from the first this many of a relation: the tables begin with the famous."""

FAMILIAR = (
    "country_capital",
    "country_language",
    "country_currency",
    "country_demonym",
    "capital_country",
    "place_continent",
    "place_country",
    "landmark_city",
    "element_symbol",
    "product_maker",
    "software_developer",
    "work_author",
    "work_painter",
    "athlete_sport",
    "person_native_language",
    "person_occupation",
    "religion_scripture",
    "position_sport",
    "thing_origin",
    "show_network",
    "discovery_discoverer",
    "field_people",
    "film_director",
    "invention_inventor",
    "animal_class",
    "food_ingredient",
    "country_largest_city",
    "team_league",
)
"""Relations whose answers even a small model tends to know: asked first, since a known answer that does
not move says more than an unknown one."""


def touched(draft: Draft) -> frozenset[str]:
    """The edited relation and those that may follow from it, or it from them."""
    relation = draft.relation
    if relation is None:
        return frozenset()
    back = (r.id for r in draft.material.relations.values() if relation.id in r.touches)
    return frozenset({relation.id, *relation.touches, *back})


def ripple(draft: Draft) -> list[Probe]:
    """Other facts of the same subject, known answers first, then open attributes."""
    known: list[Probe] = []
    off_limits = touched(draft)
    for relation, answer in draft.facts.about(draft.request.subject):
        if relation in off_limits or key(answer) in (key(draft.request.target), key(draft.request.old or "")):
            continue
        for template in draft.shuffled(draft.material.statements(relation))[:2]:
            known.append(_negative(draft, draft.name.fill(template), "same_subject", answer, relation))
    draft.rng.shuffle(known)
    if draft.relation is None:
        open_ended = draft.shuffled(draft.material.generic["ripple"])
    else:
        open_ended = draft.shuffled(text for text, may in draft.kind.ripple if not may & off_limits)
    return known + [
        _negative(draft, draft.name.fill(t), "same_subject", None, "attribute") for t in open_ended
    ]


def elsewhere(draft: Draft, axis: str, far: bool) -> list[Probe]:
    """Known facts of other subjects in other relations; with ``far``, from other domains only."""
    return list(_elsewhere(draft, axis, far))


def _elsewhere(draft: Draft, axis: str, far: bool) -> Iterator[Probe]:
    material, facts, off_limits = draft.material, draft.facts, touched(draft)
    banned = {key(x) for x in (draft.request.subject, draft.request.target, draft.request.old or "")}
    rest = (r for r in facts.relations() if r not in FAMILIAR)
    for relation in draft.shuffled(FAMILIAR) + draft.shuffled(rest):
        templates = material.statements(relation)
        if not templates or relation in off_limits:
            continue
        for subject in draft.shuffled(facts.subjects(relation)[:WELL_KNOWN]):
            kind = material.kinds[next(iter(facts.kinds(subject)), "thing")]
            answers = facts.objects(subject, relation)
            if far and kind.domain == draft.kind.domain:
                continue
            if key(subject) in banned or any(key(a) in banned for a in answers):
                continue
            prompt = dressed(subject, "", kind, facts).fill(draft.rng.choice(templates))
            if not any(names(prompt, word) for word in (draft.request.subject, answers[0])):
                yield _negative(draft, prompt, axis, answers[0], relation)
                break


def _negative(draft: Draft, prompt: str, axis: str, answer: str | None, source: str) -> Probe:
    expected = draft.facts.spoken(answer) if answer else None
    return Probe(prompt, draft.request.target, False, axis, expected, f"catalogue:{source}:{axis}")
