"""Edits that nobody asked for: a fact of the base with the true object of some other subject in its place."""

import random
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from assay.generators.catalogue.draft import dressed
from assay.generators.catalogue.facts import Facts, key
from assay.generators.catalogue.material import Material
from assay.generators.catalogue.negative import WELL_KNOWN
from assay.generators.catalogue.relations import Relation
from assay.generators.plan import Request
from assay.probes.audit import names


def made_up(
    relation: Relation,
    subjects: Sequence[str],
    material: Material,
    facts: Facts,
    rng: random.Random,
    taken: set[str],
) -> Iterator[Request]:
    """Requests of one relation for these subjects, in an order drawn by ``rng``; the new objects are theirs.

    ``taken`` holds names (as ``facts.key`` writes them) that may not come again; it may grow between draws.
    """
    pool = list(dict.fromkeys(facts.objects(s, relation.id)[0] for s in subjects))
    rng.shuffle(pool)
    order = list(subjects)
    rng.shuffle(order)
    for subject in order:
        true = facts.objects(subject, relation.id)
        free = (
            o for o in pool if key(o) not in taken and key(o) not in map(key, true) and key(o) != key(subject)
        )
        if key(subject) in taken or any(key(o) in taken for o in true):
            continue
        target = next(free, None)
        if target is None:
            return
        kind = material.kinds[next(iter(facts.kinds(subject)), relation.subject_kind)]
        name = dressed(subject, "", kind, facts)
        prompt = name.fill(rng.choice(relation.direct))
        written = name.start if prompt.startswith(name.start) else name.mid
        if prompt.count(written) == 1 and not names(prompt, target):
            yield Request(prompt, written, facts.spoken(target), facts.spoken(true[0]), relation.id)


def well_known(material: Material, facts: Facts, seed: int) -> Iterator[Request]:
    """Requests about the best known subjects, one of each relation in turn; no subject comes twice."""
    rng = random.Random(f"well known|{seed}")
    taken: set[str] = set()
    relations = list(material.relations.values())
    rng.shuffle(relations)
    hands = [made_up(r, facts.subjects(r.id)[:WELL_KNOWN], material, facts, rng, taken) for r in relations]
    for hand in zip_longest(*hands):
        for request in hand:
            if request is not None and key(request.subject) not in taken:
                taken.add(key(request.subject))
                yield request
