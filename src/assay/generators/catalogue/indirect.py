"""Probes that need the edit as a premise: a second hop, the fact turned round."""

from itertools import chain, zip_longest

from assay.generators.catalogue.draft import Draft, dressed
from assay.generators.catalogue.facts import key
from assay.generators.catalogue.phrasing import upper_first
from assay.generators.catalogue.relations import Relation
from assay.probes.probe import Probe


def multi_hop(draft: Draft, relation: Relation) -> list[Probe]:
    """From the new object one step on; only hops whose answer the fact base knows and the edit changes.

    The probe's target follows from the new object, ``expected`` from the old one.
    """
    request, by_hop = draft.request, []
    for hop in draft.material.hops.get(relation.object_kind, ()):
        new = draft.facts.hop(request.target, hop.path)
        old = draft.facts.hop(request.old, hop.path) if request.old else None
        if new is None or (old is not None and key(new) == key(old)):
            continue
        phrases = [draft.name.fill("," + np)[1:] for np in draft.shuffled(relation.np)]
        probes = []
        for i, template in enumerate(draft.shuffled(hop.templates)):
            phrase = phrases[i % len(phrases)]
            prompt = template.replace("{o}", phrase).replace("{O}", upper_first(phrase))
            probes.append(_probe(draft, prompt, new, old, f"{relation.id}:hop:{hop.path[-1]}", "multi_hop"))
        by_hop.append(probes)
    draft.rng.shuffle(by_hop)
    return [p for p in chain.from_iterable(zip_longest(*by_hop)) if p is not None]


def inverse(draft: Draft, relation: Relation) -> list[Probe]:
    """Asks for the subject, given the new object; ``expected`` is a subject that is known to fit it."""
    request, facts = draft.request, draft.facts
    target = facts.spoken(request.target)
    fitting = [
        s
        for s in facts.subjects(relation.id)
        if key(request.target) in map(key, facts.objects(s, relation.id))
    ]
    expected = dressed(fitting[0], "", draft.kind, facts).mid if fitting else None
    probes = []
    for template in draft.shuffled(relation.inverse):
        prompt = upper_first(template.replace("{o}", target)) if template[:3] == "{o}" else template
        prompt = prompt.replace("{o}", target)
        probes.append(_probe(draft, prompt, draft.name.mid, expected, f"{relation.id}:inverse", "inverse"))
    return probes


def _probe(draft: Draft, prompt: str, target: str, expected: str | None, source: str, axis: str) -> Probe:
    spoken = draft.facts.spoken
    return Probe(
        prompt, spoken(target), True, axis, spoken(expected) if expected else None, f"catalogue:{source}"
    )
