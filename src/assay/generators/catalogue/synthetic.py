"""Made-up edits on other subjects, for the sequential and batch benchmarks."""

from collections.abc import Iterator

from assay.generators.catalogue.draft import Draft, dressed
from assay.generators.catalogue.facts import key
from assay.generators.catalogue.made_up import made_up
from assay.generators.catalogue.negative import touched
from assay.generators.catalogue.relations import Relation
from assay.generators.plan import Request, Synthetic
from assay.probes.audit import same
from assay.probes.probe import Probe

PROBES_EACH = 4
"""Positive probes per made-up edit."""

STOCK = ("country_capital", "landmark_city", "person_birthplace", "work_author", "company_headquarters")
"""Relations to draw from when the edited one is unknown or too small."""


def synthetic(draft: Draft, n: int) -> tuple[Synthetic, ...]:
    """Up to ``n`` edits, of the same relation as far as its facts go, then of similar ones.

    Subjects and targets are all distinct, and none is a subject or object of the original edit. Every
    target is the true object of some other subject.
    """
    made: list[Synthetic] = []
    taken = {key(x) for x in (draft.request.subject, draft.request.target, draft.request.old or "")}
    for relation in _similar(draft):
        subjects = draft.facts.subjects(relation.id)
        for request in made_up(relation, subjects, draft.material, draft.facts, draft.rng, taken):
            if len(made) == n:
                return tuple(made)
            taken |= {key(request.subject), key(request.target), key(request.old or "")}
            made.append(Synthetic(request, _probes(draft, relation, request)))
    return tuple(made)


def _similar(draft: Draft) -> Iterator[Relation]:
    """The edited relation, then those with the same kind of object and subject, then the stock."""
    relations, here = draft.material.relations, draft.relation
    order: list[Relation] = []
    if here is not None:
        ranked = sorted(
            relations.values(),
            key=lambda r: (r.object_kind != here.object_kind, r.subject_kind != here.subject_kind),
        )
        order = [here, *(r for r in ranked if r.object_kind == here.object_kind)]
    for relation in (*order, *(relations[name] for name in STOCK)):
        if relation is here or relation.id not in touched(draft):
            yield relation


def _probes(draft: Draft, relation: Relation, request: Request) -> tuple[Probe, ...]:
    kind = draft.material.kinds[next(iter(draft.facts.kinds(request.subject)), relation.subject_kind)]
    name = dressed(request.subject, "", kind, draft.facts)
    texts = [("direct", t) for t in draft.shuffled(relation.direct)[:2]]
    texts += [("paraphrase", t) for t in draft.shuffled(relation.paraphrase)]
    probes = [
        Probe(name.fill(t), request.target, True, axis, request.old, f"catalogue:{relation.id}:{axis}")
        for axis, t in texts
        if same(name.fill(t)) != same(request.prompt)
    ]
    return tuple(probes[:PROBES_EACH])
