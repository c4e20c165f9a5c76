"""Labels by a language model: it proposes, held-out sentences decide.

A proposal is kept only if its InterpScore over the bank's deciding half, of which the model has seen nothing, is
higher than that of the present label, and not by luck. What was kept is in the book as it comes, what was answered in
the folder of answers: a run that was stopped asks nothing twice.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from typing import Any, Literal

import numpy as np
from scipy.stats import t as student

from assay.errors import GeneratorError
from assay.events import stage
from assay.features.labels.automatic import Deciding
from assay.features.labels.book import Labelled
from assay.features.labels.concepts import read_label
from assay.features.labels.relabel import clipped
from assay.features.llm.evidence import Evidence
from assay.features.llm.forms import Proposals
from assay.features.llm.proposals import Refused, read_proposals
from assay.features.material import Material
from assay.generators.llm.asking import Asker, asking
from assay.generators.llm.author import Author, cost_json
from assay.generators.llm.collect import waited_for
from assay.generators.llm.price import priced
from assay.generators.llm.prompts import alone
from assay.generators.llm.talk import Unfit

Pass = Literal["label", "relabel"]
"""The first pass sees what a feature does, the second also what its label gets wrong; names of the prompt files."""

PORTION = 32
"""Features whose answers are waited for together, and decided on."""
HOPELESS = 8
"""Features of a portion, at least, that have to have no usable answer, all of them, before the rest is given up."""
BY_HAND = "labelled by hand: that label stays"
SILENT = "it never fires in the index"
HIGHEST = "its label has the highest InterpScore that there is"
NO_BETTER = "no proposal has a higher InterpScore than its label"
NONE_FIT = "no proposal has an InterpScore above 0"
NO_LABEL = "no proposal is a label"
CHANCE = "no proposal with a higher InterpScore goes with it better than chance allows"
LEVEL = 0.05
"""Largest p of a proposal that is kept."""


@dataclass(frozen=True)
class Candidate:
    """A proposal that was tried."""

    label: str
    interp: float | None
    """InterpScore over the deciding half; None where the label claims too few of its sentences."""
    figures: Mapping[str, float | None]
    """As ``Deciding.figures`` gives them."""
    p: float | None
    """One-sided p of its correlation with the feature over the deciding half, times the number of proposals tried:
    of several labels of few sentences one may have a high InterpScore by luck."""


@dataclass(frozen=True)
class Named:
    """What came of one feature."""

    feature: int
    present: str | None
    """Its label before."""
    present_interp: float | None
    """InterpScore of that over the deciding half; None without a label, or where it cannot be judged."""
    candidates: tuple[Candidate, ...] = ()
    """In the order in which they were proposed."""
    refused: tuple[Refused, ...] = ()
    """Proposals that are no labels."""
    kept: Labelled | None = None
    reason: str | None = None
    """Why no proposal was kept, or why none was asked for."""

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dict."""
        return asdict(self)


@dataclass(frozen=True)
class Naming:
    """What came of all of them."""

    features: tuple[Named, ...]
    author: Mapping[str, Any]
    """``cost_json`` of the model that was asked."""

    @property
    def labels(self) -> list[Labelled]:
        """The labels that were kept."""
        return [one.kept for one in self.features if one.kept is not None]


def name_features(material: Material, author: Author, which: Pass, features: Sequence[int] | None) -> Naming:
    """Ask for labels of some features, by default of all live ones; better ones go into the book.

    Raises Mismatch for a feature that does not exist, GeneratorError where the server gives no answers; what was kept
    before stays.
    """
    m = material
    if features is None:
        features = np.flatnonzero(np.diff(m.whole_index.arrays["begin"]) > 0).tolist()
    for feature in features:
        m.sae.check_feature(feature)
    return waited_for(_name(m, author, which, list(dict.fromkeys(features))))


async def _name(material: Material, author: Author, which: Pass, features: Sequence[int]) -> Naming:
    m, done, found = material, 0, list[Named]()
    evidence = Evidence(m)

    def say(title: str) -> None:
        m.emit("stage_progress", {"stage": which, "title": title, "done": done, "total": len(features)})

    with stage(m.emit, which, f"labels by {author.asked.model}", len(features)):
        async with asking(author.asked, author.means, m.seed, say) as asker:
            for at in range(0, len(features), PORTION):
                portion = features[at : at + PORTION]
                named, failed = await _portion(m, asker, author.name, which, portion, evidence)
                m.book.add([one.kept for one in named if one.kept is not None])
                found += named
                done += len(named)
                cost = asker.cost
                kept = sum(one.kept is not None for one in found)
                say(
                    f"{kept:,} labels kept, {cost.tokens_in:,} tokens in, {cost.tokens_out:,} out{priced(cost.dollars)}"
                )
                if failed is not None:
                    raise failed
            return Naming(tuple(found), cost_json(author, asker.cost))


async def _portion(
    material: Material, asker: Asker, author: str, which: Pass, features: Sequence[int], evidence: Evidence
) -> tuple[list[Named], GeneratorError | None]:
    """What came of these features, and the error after which no further ones are to be asked about."""
    deciding = Deciding(material.whole_bank, material.embed)  # it remembers every label that it has seen
    before = {feature: _before(material, deciding, feature) for feature in features}
    asked = [feature for feature, one in before.items() if one.reason is None]

    async def ask(feature: int) -> Mapping[str, Any]:
        if which == "label":
            data = evidence.first(feature)
        else:
            data = evidence.second(feature, _shown_label(material, feature, author))
        return await asker.put(which, Proposals, alone(which), f"labels of feature {feature}", data)

    answers = dict(zip(asked, await asyncio.gather(*map(ask, asked), return_exceptions=True), strict=True))
    named: list[Named] = []
    unfit: list[Unfit] = []
    fatal: BaseException | None = None
    for feature, one in before.items():
        answer = answers.get(feature)
        if isinstance(answer, Unfit):
            unfit.append(answer)
            one = Named(feature, one.present, one.present_interp, reason=answer.came)
        elif isinstance(answer, BaseException):
            fatal = fatal or answer
            continue
        elif answer is not None:
            one = _decided(deciding, material.whole_bank.n_deciding, one, answer["labels"], which, author)
        named.append(one)
    if fatal is not None and not isinstance(fatal, GeneratorError):
        raise fatal
    if fatal is None and unfit and len(unfit) == len(asked) and len(asked) >= min(HOPELESS, len(features)):
        last = unfit[-1]
        fatal = GeneratorError(last.came, last.wanted, last.todo)
    return named, fatal


def _before(material: Material, deciding: Deciding, feature: int) -> Named:
    """The feature as it is; ``reason`` says why nothing is asked about it."""
    own = material.book.get(feature)
    if own is None:
        silent = material.index.statistics(feature).dead
        return Named(feature, None, None, reason=SILENT if silent else None)
    score = clipped(deciding.figures(feature, read_label(own.label))["d"])
    reason = None
    if own.source == "user":
        reason = BY_HAND
    elif material.index.statistics(feature).dead:
        reason = SILENT
    elif score == 1.0:
        reason = HIGHEST
    return Named(feature, own.label, score, reason=reason)


def _shown_label(material: Material, feature: int, author: str) -> str | None:
    """The label that the second pass is shown: not one that this pass by this model has put there, so that the same
    command asks the same question again, which is answered already."""
    history = material.book.history(feature)
    older = [one for one in history if (one.source, one.author) != ("relabelled", author)]
    return older[-1].label if older else None


def _decided(
    deciding: Deciding, n: int, before: Named, said: Sequence[str], which: Pass, author: str
) -> Named:
    """The best proposal, if it beats the present label; of equals the one that goes with the feature best."""
    concepts, refused = read_proposals(said)
    tried = []
    for concept in concepts:
        figures = deciding.figures(before.feature, concept)
        p = _chance(figures["r"], n, len(concepts))
        tried.append(Candidate(concept.label, clipped(figures["d"]), figures, p))
    better = [
        one
        for one in tried
        if one.label != before.present and (one.interp or 0.0) > (before.present_interp or 0.0)
    ]
    sure = [one for one in better if one.p is not None and one.p <= LEVEL]
    best = max(sure, key=lambda one: (one.interp or 0.0, one.figures["r"] or 0.0), default=None)
    kept, reason = None, None
    if best is not None:
        source: Literal["automatic", "relabelled"] = "automatic" if which == "label" else "relabelled"
        figures = {"interp": best.interp, "p": best.p, **best.figures}
        kept = Labelled(before.feature, best.label, source, figures, author=author)
    elif better:
        reason = CHANCE
    elif not concepts:
        reason = NO_LABEL
    else:
        reason = NONE_FIT if before.present_interp is None else NO_BETTER
    return Named(
        before.feature,
        before.present,
        before.present_interp,
        tuple(tried),
        tuple(refused),
        kept,
        reason,
    )


def _chance(r: float | None, n: int, tried: int) -> float | None:
    """p of a correlation above 0 over n sentences (Student's t), for the best of so many (Bonferroni)."""
    if r is None:
        return None
    if r >= 1:
        return 0.0
    return min(1.0, tried * float(student.sf(r * sqrt((n - 2) / (1 - r * r)), n - 2)))
