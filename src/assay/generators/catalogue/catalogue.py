"""The offline generator: the same request and seed give the same plan, without a model or a network."""

import difflib
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from assay.errors import GeneratorError
from assay.generators.catalogue.draft import Draft, dressed
from assay.generators.catalogue.facts import Facts, key
from assay.generators.catalogue.indirect import inverse, multi_hop
from assay.generators.catalogue.material import Material, load_material
from assay.generators.catalogue.negative import elsewhere, ripple, touched
from assay.generators.catalogue.phrasing import name_of
from assay.generators.catalogue.positive import VALIDATION_SHARE, generic_piles, piles
from assay.generators.catalogue.recognise import Recognised, Recogniser
from assay.generators.catalogue.synthetic import synthetic
from assay.generators.plan import AXES, Plan, Request
from assay.probes.audit import VALIDATION, audit, names, same
from assay.probes.probe import Probe

VERSION = 3
"""Raised whenever the same request and seed would give other probes."""

NEUTRAL = 24
"""Neutral prompts per plan."""


@dataclass(frozen=True)
class Known:
    """What the catalogue knows of a request that another generator makes probes for."""

    request: Request
    """With ``old`` and ``relation`` filled in where they are known."""
    confidence: float
    """How sure the relation is, in [0, 1]; 0 when it is not known."""
    about_edit: Callable[[Probe], bool]
    """Whether a probe asks about the edited relation, or one that may follow from it, in the catalogue's words."""


class Catalogue:
    """Makes plans from a table of relations with their own sentences and a base of facts."""

    name = "catalogue"

    def plan(
        self,
        request: Request,
        seed: int,
        n_probes: int = 8,
        n_synthetic: int = 5,
        avoid: Sequence[str] = (),
    ) -> Plan:
        """Everything to ask about ``request``; see ``generators.plan.Generator``."""
        guess = self._guess(request)
        draft = self._draft(request, guess.relation, seed)
        draft.spent |= {same(p) for p in (*avoid, request.prompt)}
        paraphrases, probes = _deal(draft, n_probes)
        audited = audit(draft.request, {VALIDATION: paraphrases, **probes}, self._about_edit(draft))
        kept = dict(audited.probes)
        paraphrases = kept.pop(VALIDATION)
        return Plan(
            request=draft.request,
            generator=f"{self.name} {VERSION}",
            relation_confidence=guess.confidence,
            generic=draft.relation is None,
            paraphrases=paraphrases,
            neutral=_neutral(draft, avoid),
            probes=kept,
            synthetic=synthetic(draft, n_synthetic),
            long_form=_long_form(draft),
            rejects=audited.rejects,
            notes=_notes(draft, guess, kept),
        )

    def relations(self) -> tuple[tuple[str, str], ...]:
        """(relation id, example sentence) of every relation, for a listing."""
        return tuple((r.id, r.example) for r in self._material.relations.values())

    def known(self, request: Request) -> Known:
        """What words alone tell of a request: sentence embeddings are not asked."""
        guess = (
            self._recogniser.recognise(request, by_meaning=False)
            if request.relation is None
            else self._guess(request)
        )
        draft = self._draft(request, guess.relation, 0)
        return Known(draft.request, guess.confidence, self._about_edit(draft))

    def _about_edit(self, draft: Draft) -> Callable[[Probe], bool]:
        off_limits, subject = touched(draft), draft.request.subject

        def about_edit(probe: Probe) -> bool:
            return bool(off_limits.intersection(self._recogniser.lexical(probe.prompt, subject)))

        return about_edit

    @cached_property
    def _material(self) -> Material:
        return load_material()

    @cached_property
    def _facts(self) -> Facts:
        return Facts()

    @cached_property
    def _recogniser(self) -> Recogniser:
        return Recogniser(self._material.relations, self._facts)

    def _guess(self, request: Request) -> Recognised:
        if request.relation is None:
            return self._recogniser.recognise(request)
        if request.relation not in self._material.relations:
            known = list(self._material.relations)
            near = difflib.get_close_matches(request.relation, known, n=3, cutoff=0.4)
            raise GeneratorError(
                came=f"relation {request.relation!r}",
                wanted="a relation of the catalogue" + (f"; near: {', '.join(near)}" if near else ""),
                todo=f"leave the relation out to have it recognised, or name one of: {', '.join(known)}",
            )
        return Recognised(request.relation, 1.0)

    def _draft(self, request: Request, relation: str | None, seed: int) -> Draft:
        facts, material = self._facts, self._material
        old = request.old
        if old is None and relation is not None:
            known = facts.objects(request.subject, relation)
            old = facts.spoken(known[0]) if known else None
        rng = random.Random(f"{seed}|{relation}|{request.subject}|{request.target}|{request.prompt}")
        kinds = facts.kinds(request.subject)
        if relation is None:
            kind = material.kinds[kinds[0] if kinds else "work"]
            name = name_of(request.subject, request.prompt, kind.lower_the)
        else:
            own = material.relations[relation].subject_kind
            kind = material.kinds[own if own in kinds or not kinds else kinds[0]]
            name = dressed(request.subject, request.prompt, kind, facts)
        return Draft(replace(request, old=old, relation=relation), kind, name, material, facts, rng)


def _deal(draft: Draft, n: int) -> tuple[tuple[Probe, ...], dict[str, tuple[Probe, ...]]]:
    """Validation paraphrases, and the probes of every benchmark; no sentence is spent twice, except that
    the benchmarks which ask "does the fact still hold" share theirs. Memorisation is a ratio of two means
    and needs many of each: it takes all paraphrases that validation left, those that EditBench asks, too.
    """
    relation = draft.relation
    pile = generic_piles(draft) if relation is None else piles(draft, relation)
    hops = [] if relation is None else multi_hop(draft, relation)
    turned = [] if relation is None else inverse(draft, relation)
    paraphrases = draft.deal(VALIDATION_SHARE, pile["paraphrase"])
    spare = pile["paraphrase"][VALIDATION_SHARE:]
    held = draft.deal(n, pile["direct"], spare[::2])
    preserved = (*draft.deal(n, pile["surface"]), *draft.deal(n, spare[1::2]), *_paraphrased(held))[: 2 * n]
    generalized = draft.deal(n, pile["implied"], pile["context"], pile["indirect"])
    angles = [*pile["alternate"], *(replace(p, axis="alternate") for p in pile["implied"] + pile["indirect"])]
    probes: dict[str, tuple[Probe, ...]] = dict.fromkeys(AXES, ()) | {
        "edit_bench": held,
        "preservation_vs_memorization": preserved,
        "edit_generalization": generalized,
        "portability_sub_metrics": draft.deal(n, pile["template"], pile["alias"], pile["compositional"]),
        "indirect_fact_recovery": draft.deal(n, hops, hops, turned[:2], angles),
        "zsre": draft.deal(n, pile["question"], pile["question_shots"]),
        "batch_edit_consistency": _again(draft, held, n - 2),
        "sequential_edit_retention": _again(draft, held, n - 2),
        "ripple_bench": draft.deal(n, ripple(draft)),
        "locality_sensitivity_score": draft.deal(n, elsewhere(draft, "cross_domain", far=True)),
    }
    edited = [replace(p, axis="edited") for p in held]
    unrelated = draft.deal(n, elsewhere(draft, "unrelated", far=False))
    return paraphrases, probes | {"fine_tune_diff": (*edited, *unrelated)}


def _paraphrased(held: tuple[Probe, ...]) -> tuple[Probe, ...]:
    return tuple(p for p in held if p.axis == "paraphrase")


def _again(draft: Draft, held: tuple[Probe, ...], n: int) -> tuple[Probe, ...]:
    """At most ``n`` of the probes that ask whether the fact holds, in their order."""
    chosen = set(draft.rng.sample(range(len(held)), min(max(n, 1), len(held))))
    return tuple(p for i, p in enumerate(held) if i in chosen)


def _neutral(draft: Draft, avoid: Sequence[str]) -> tuple[str, ...]:
    used = {same(p) for p in avoid}
    taboo = [x for x in (draft.request.subject, draft.request.target, draft.request.old) if x]
    free = (p for p in draft.shuffled(draft.material.neutral) if same(p) not in used)
    return tuple([p for p in free if not any(names(p, word) for word in taboo)][:NEUTRAL])


def _long_form(draft: Draft) -> tuple[str, ...]:
    openings = draft.material.generic["long_form"] if draft.relation is None else draft.kind.long_form
    return tuple(draft.name.fill(t) for t in draft.shuffled(openings))


def _notes(draft: Draft, guess: Recognised, probes: Mapping[str, Sequence[Probe]]) -> tuple[str, ...]:
    """What a reader of the cards must know."""
    notes = []
    request = draft.request
    if draft.relation is None:
        notes.append(
            "relation not recognised: generic probes built from your own prompt; multi-hop, inverse and "
            "alias probes cannot be made"
        )
    elif guess.confidence < 1:
        notes.append(f"relation recognised as {request.relation} (confidence {guess.confidence:.2f})")
    if request.old is None:
        notes.append("the old answer is not in the fact base: no figure of the old fact can be shown")
    elif any(names(request.subject, word) for word in (request.old, request.target)):
        notes.append("the subject's own name contains the old or the new answer")
    if draft.relation is not None:
        axes = {p.axis for found in probes.values() for p in found}
        if "alias" not in axes:
            notes.append("no other name of the subject is known: no alias probes")
        if "multi_hop" not in axes:
            notes.append("no second hop from the new answer is known: no multi-hop probes")
    if key(request.target) == key(request.old or ""):
        notes.append("the new answer is the old answer")
    return tuple(notes)
