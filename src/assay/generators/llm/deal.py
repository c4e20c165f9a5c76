"""From what a language model answered to a plan: shared out, audited as a whole, with what a reader must know."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace

from assay.errors import GeneratorError
from assay.generators.catalogue.catalogue import Catalogue
from assay.generators.catalogue.positive import VALIDATION_SHARE
from assay.generators.catalogue.shots import FRAME
from assay.generators.dealing import deal
from assay.generators.llm.collect import Collected
from assay.generators.llm.price import priced
from assay.generators.llm.purposes import NEUTRAL, OPENINGS, PURPOSES, SHOTS
from assay.generators.llm.sift import BENCHMARK
from assay.generators.llm.tally import sifted
from assay.generators.plan import AXES, Making, Plan, Reject, Synthetic
from assay.probes.audit import VALIDATION, audit, same
from assay.probes.probe import Probe

LEAST_PARAPHRASES, LEAST_NEUTRAL = 4, 20
"""What the three checks of an edit need; where a model gives fewer, the catalogue's stand in for the rest."""


def planned(name: str, raw: Collected, n: int, n_synthetic: int, avoid: Sequence[str]) -> Plan:
    """The plan; nothing is padded, so a benchmark may get fewer probes than it could have, or none."""
    request = raw.about.request
    spent = {same(text) for text in (*avoid, request.prompt)}
    pile, rejects = _unlike(raw, spent)
    paraphrases, probes = _dealt(raw, pile, n)
    neutral = tuple(p.prompt for p in pile["neutral"][:NEUTRAL])
    lent, lent_neutral = _lent(raw, paraphrases, probes, neutral, spent)
    paraphrases, neutral = (*paraphrases, *lent), (*neutral, *lent_neutral)
    audited = audit(request, {VALIDATION: paraphrases, **probes}, raw.about_edit)
    kept = dict(audited.probes)
    return Plan(
        request=request,
        generator=name,
        relation_confidence=raw.confidence,
        generic=False,
        paraphrases=kept.pop(VALIDATION),
        neutral=neutral,
        probes=kept,
        synthetic=tuple(_edits(raw)[:n_synthetic]),
        long_form=tuple(p.prompt for p in pile["openings"][:OPENINGS]),
        rejects=(*(r for one in raw.piles.values() for r in one.rejects), *rejects, *audited.rejects),
        notes=(
            *_notes(raw, len(rejects) + len(audited.rejects)),
            *_lent_note(len(lent), len(paraphrases), len(lent_neutral), len(neutral)),
        ),
        making=_making(raw, len(rejects) + len(audited.rejects)),
        sifted=sifted(raw, rejects, audited.rejects),
    )


def _unlike(raw: Collected, spent: set[str]) -> tuple[dict[str, list[Probe]], list[Reject]]:
    """Axis to its probes, those left out whose prompt stands in an earlier axis or was to be avoided."""
    found: dict[str, list[Probe]] = {}
    rejects: list[Reject] = []
    seen = set(spent)
    for one in raw.piles.values():
        for axis, things in one.good.items():
            mine = [thing for thing in things if isinstance(thing, Probe)]
            found[axis] = [p for p in mine if same(p.prompt) not in seen]
            rejects += [Reject(BENCHMARK.get(axis, axis), p, "spent") for p in mine if same(p.prompt) in seen]
            seen |= {same(p.prompt) for p in found[axis]}
    return found, rejects


def _edits(raw: Collected) -> list[Synthetic]:
    return [thing for thing in raw.piles["further"].good["edits"] if isinstance(thing, Synthetic)]


def _dealt(
    raw: Collected, pile: Mapping[str, list[Probe]], n: int
) -> tuple[tuple[Probe, ...], dict[str, tuple[Probe, ...]]]:
    """Validation paraphrases, and the probes of every benchmark, shared out as the catalogue does."""
    rng = random.Random(f"llm|{raw.seed}")
    spent: set[str] = set()
    spare = pile["paraphrase"][VALIDATION_SHARE:]
    paraphrases = deal(spent, VALIDATION_SHARE, pile["paraphrase"])
    held = deal(spent, n, pile["direct"], spare[::2])
    others = [p for p in held if p.axis == "paraphrase"]
    edited = [replace(p, axis="edited") for p in held]
    asked = _questions(pile, rng)
    probes: dict[str, tuple[Probe, ...]] = dict.fromkeys(AXES, ()) | {
        "edit_bench": held,
        "edit_generalization": deal(spent, n, pile["implied"], pile["context"], pile["indirect"]),
        "ripple_bench": deal(spent, n, pile["same_subject"]),
        "fine_tune_diff": (*edited, *deal(spent, n, pile["unrelated"])),
        "batch_edit_consistency": _again(held, n - 2, rng),
        "sequential_edit_retention": _again(held, n - 2, rng),
        "locality_sensitivity_score": deal(spent, n, pile["cross_domain"]),
        "indirect_fact_recovery": deal(spent, n, pile["multi_hop"], pile["inverse"], pile["alternate"]),
        "portability_sub_metrics": deal(spent, n, pile["template"], pile["alias"], pile["compositional"]),
        "preservation_vs_memorization": (
            *deal(spent, n, pile["surface"]),
            *deal(spent, n, spare[1::2]),
            *others,
        )[: 2 * n],
        "zsre": deal(spent, n, pile["question"], asked),
    }
    return paraphrases, probes


def _questions(pile: Mapping[str, list[Probe]], rng: random.Random) -> list[Probe]:
    """The questions once more behind worked examples, where there are enough of those."""
    examples = [f"{FRAME.replace('{q}', p.prompt)} {p.expected}" for p in pile["examples"]]
    if len(examples) < SHOTS:
        return []
    return [
        replace(p, prompt="\n".join([*rng.sample(examples, SHOTS), p.prompt]), axis="question_shots")
        for p in pile["question"]
    ]


def _again(held: tuple[Probe, ...], n: int, rng: random.Random) -> tuple[Probe, ...]:
    """At most ``n`` of the probes that ask whether the fact holds, in their order."""
    chosen = set(rng.sample(range(len(held)), min(max(n, 1), len(held))))
    return tuple(p for i, p in enumerate(held) if i in chosen)


def _lent(
    raw: Collected,
    paraphrases: Sequence[Probe],
    probes: Mapping[str, Sequence[Probe]],
    neutral: Sequence[str],
    spent: set[str],
) -> tuple[tuple[Probe, ...], tuple[str, ...]]:
    """Paraphrases and neutral prompts of the catalogue, as many as the three checks lack and no more.

    They decide whether the edit is kept; no benchmark scores them as the model's probes.
    """
    few = max(0, LEAST_PARAPHRASES - len(paraphrases))
    calm = max(0, LEAST_NEUTRAL - len(neutral))
    if not few and not calm:
        return (), ()
    used = [*spent, *neutral, *(p.prompt for some in (paraphrases, *probes.values()) for p in some)]
    spare = Catalogue().plan(raw.about.request, raw.seed, avoid=used)
    if len(spare.paraphrases) < few or len(spare.neutral) < calm:
        raise GeneratorError(
            f"{len(paraphrases)} usable paraphrases and {len(neutral)} neutral prompts by {raw.model}, and too few "
            "of the catalogue to stand in",
            f"at least {LEAST_PARAPHRASES} and {LEAST_NEUTRAL}, which the three checks of an edit need",
            "try another --seed or a larger model",
        )
    return spare.paraphrases[:few], spare.neutral[:calm]


def _lent_note(few: int, paraphrases: int, calm: int, neutral: int) -> Iterable[str]:
    if few or calm:
        yield (
            f"the three checks: {few} of {paraphrases} paraphrases and {calm} of {neutral} neutral prompts are the "
            "catalogue's, because too few of the model's were usable"
        )


def _notes(raw: Collected, late: int) -> tuple[str, ...]:
    """What a reader of the cards must know; the same for answers that were kept and for fresh ones."""
    about, request, cost = raw.about, raw.about.request, raw.cost
    notes = [
        f"probes by the language model {raw.model} {raw.where}: {cost.answers} answers, "
        f"{cost.tokens_in:,} tokens in, {cost.tokens_out:,} out{priced(cost.dollars)}",
        "accepted / rejected / asked again: " + " · ".join(_counts(raw)),
    ]
    if raw.dropped:
        notes.append(f"{raw.dropped} more items had another form than asked for and were left out")
    if late:
        notes.append(f"{late} more rejected when the benchmarks were put together")
    if about.relation:
        notes.append(f"the relation in the model's words: {about.relation}")
    if about.old_unchecked:
        notes.append(f"the old answer, {request.old}, is the model's word: it is in no fact base")
    elif request.old is None:
        notes.append("the old answer is not known: no figure of the old fact can be shown")
    short = list(_short(raw))
    if short:
        notes.append("fewer than wanted: " + ", ".join(short))
    return tuple(notes)


def _making(raw: Collected, late: int) -> Making:
    piles = raw.piles.values()
    good = sum(len(things) for one in piles for things in one.good.values())
    return Making(
        accepted=good - late,
        rejected=sum(len(one.rejects) for one in piles) + late,
        again=sum(one.turns for one in piles),
        unread=sum(one.unread is not None for one in piles),
        **asdict(raw.cost),
    )


def _counts(raw: Collected) -> Iterable[str]:
    for purpose in PURPOSES:
        one = raw.piles[purpose.id]
        yield f"{purpose.id} {sum(map(len, one.good.values()))}/{len(one.rejects)}/{one.turns}" + (
            " (no readable answer)" if one.unread is not None else ""
        )


def _short(raw: Collected) -> Iterable[str]:
    for one in raw.piles.values():
        for axis, wanted in one.wanted.items():
            if len(one.good[axis]) < wanted:
                yield f"{axis} {len(one.good[axis])} of {wanted}"
        if one.wanted.get("alias") == 0:
            yield "alias (the model knows no other name)"
