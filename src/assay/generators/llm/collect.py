"""Asks for everything that a plan needs: several purposes at a time, and again where too little was good."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from assay.errors import GeneratorError
from assay.events import Emit, stage
from assay.generators.catalogue.catalogue import Catalogue
from assay.generators.llm.asking import Asked, Asker, Cost
from assay.generators.llm.checks import LONGEST_ANSWER, bare
from assay.generators.llm.examples import example
from assay.generators.llm.prompts import prompt
from assay.generators.llm.purposes import FACT, PURPOSES, Purpose, Wanted, ask_for
from assay.generators.llm.schemas import SCHEMAS
from assay.generators.llm.sift import Sieve
from assay.generators.llm.talk import OTHERWISE, Unfit
from assay.generators.llm.things import About, Thing, inside_of, other_names, things
from assay.generators.llm.wire import plain
from assay.generators.means import Means
from assay.generators.plan import Reject, Request
from assay.probes.audit import REASONS, same
from assay.probes.probe import Probe

MOST = 4
"""Items of an answer that are looked at, as a multiple of those asked for."""

SHOWN = 8
"""Rejected prompts that the model is shown when it is asked again."""
SHORT = 160
"""Letters of each."""

NAMES = 6
"""Other names of a subject, at most."""

T = TypeVar("T")


@dataclass(frozen=True)
class Pile:
    """What one purpose brought."""

    good: Mapping[str, Sequence[Thing]]
    """Axis to what passed the audit, in the order of the answers."""
    wanted: Mapping[str, int]
    rejects: tuple[Reject, ...]
    again: Mapping[str, int]
    """Axis to how often more of it was asked for."""
    unread: str | None = None
    """Why nothing of the answer could be used; None where something could."""

    @property
    def turns(self) -> int:
        """How often the question was put again."""
        return max(self.again.values(), default=0)


@dataclass(frozen=True)
class Collected:
    """Everything that was answered, audited."""

    about: About
    confidence: float
    """How sure the catalogue is of the relation; 0 where it knows none."""
    about_edit: Callable[[Probe], bool]
    piles: Mapping[str, Pile]
    """Purpose to its pile."""
    seed: int
    model: str
    where: str
    """Where the model ran, for notes."""
    cost: Cost
    dropped: int
    """Items of another form, left out."""


class Session(Asker):
    """Asks each purpose's question once."""

    async def ask(self, purpose: str, title: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer to one question, as JSON of the purpose's form; Unfit where there is none, now or when kept."""
        told, shown = prompt(purpose), example(purpose)
        return await self.put(purpose, SCHEMAS[purpose], told, title, data, shown, keep_unfit=True)


def collected(asked: Asked, means: Means, request: Request, seed: int, n: int, n_synthetic: int) -> Collected:
    """Ask one model for everything; what it costs is counted. Raises GeneratorError where an answer cannot be had."""
    return waited_for(collecting(asked, means, request, seed, Wanted(n, n_synthetic), means.emit))


async def collecting(
    asked: Asked,
    means: Means,
    request: Request,
    seed: int,
    wanted: Wanted,
    emit: Emit,
    known_early: Callable[[Request], None] = lambda request: None,
) -> Collected:
    """What ``collected`` waits for; ``known_early`` is handed the request with its old answer as soon as that is
    known."""
    known = Catalogue().known(request)
    total = 1 + len(PURPOSES)
    done = 0

    def say(title: str) -> None:
        told = {"stage": "ask", "title": title, "done": done, "total": total}
        emit("stage_progress", told)

    with stage(emit, "ask", f"asking {asked.model}", total):
        async with asked.open(say) as talk:
            session = Session(talk, asked, means, seed, say)
            about = await _fact(session, known.request)
            done += 1
            known_early(about.request)

            async def pile(purpose: Purpose) -> Pile:
                nonlocal done
                sieve = Sieve(about.request, known.about_edit)
                found = await _pile(session, purpose, about, sieve, wanted, seed, means.llm.again)
                done += 1
                good = sum(map(len, found.good.values()))
                say(f"{purpose.title}: {good} good, {len(found.rejects)} rejected")
                return found

            # All are waited for: what an answer cost is kept even where another one fails.
            found = await asyncio.gather(*map(pile, PURPOSES), return_exceptions=True)
    piles: dict[str, Pile] = {}
    for purpose, one in zip(PURPOSES, found, strict=True):
        if isinstance(one, BaseException):
            raise one
        piles[purpose.id] = one
    unread = [one.unread for one in piles.values() if one.unread is not None]
    if len(unread) == len(piles):
        raise GeneratorError(unread[0], "one readable answer at least", OTHERWISE)
    return Collected(
        about=about,
        confidence=known.confidence,
        about_edit=known.about_edit,
        piles=piles,
        seed=seed,
        model=asked.model,
        where=asked.where,
        cost=session.cost,
        dropped=sum(a.dropped for a in session.answers),
    )


async def _fact(session: Session, request: Request) -> About:
    """What the fact is about; an old answer that the user or the fact base knows goes before the model's."""
    try:
        said = await session.ask(
            FACT, "what the fact is about", {"prompt": request.prompt, "subject": request.subject}
        )
    except Unfit:  # the others can be answered without it
        return About(request=request, inside=request.subject)
    old = said["old"].strip().rstrip(".")
    usable = (
        old.isprintable() and 0 < len(old) <= LONGEST_ANSWER and same(bare(old)) != same(bare(request.target))
    )
    unchecked = request.old is None and usable
    return About(
        request=replace(request, old=old) if unchecked else request,
        inside=inside_of(request.subject, said["inside"]),
        relation=plain(said["relation"], LONGEST_ANSWER),
        kind=plain(said["kind"], LONGEST_ANSWER),
        names=other_names(request.subject, said["names"], NAMES, LONGEST_ANSWER),
        old_unchecked=unchecked,
    )


async def _pile(
    session: Session, purpose: Purpose, about: About, sieve: Sieve, wanted: Wanted, seed: int, again: int
) -> Pile:
    """Asks until enough is good, asking again brings nothing, or the budget is spent."""
    wants = {axis: count(wanted) for axis, count in purpose.wants.items()}
    if not about.names and "alias" in wants:
        wants["alias"] = 0
    good: dict[str, list[Thing]] = {axis: [] for axis in wants}
    turns, unread = dict.fromkeys(wants, 0), None
    for turn in range(1 + again):
        missing = {axis: n - len(good[axis]) for axis, n in wants.items() if n > len(good[axis])}
        if not missing:
            break
        counts = {axis: ask_for(n) for axis, n in missing.items()}
        data = {**about.to_json(), "counts": counts, "variation": seed}
        if turn:
            data["again"] = {"kept": _kept(good, missing), "refused": _refused(sieve.rejects)}
            turns |= dict.fromkeys(missing, turn)
        try:
            answer = await session.ask(purpose.id, purpose.title, data)
        except Unfit as unfit:
            unread = None if turn else unfit.came
            break
        before = sum(map(len, good.values()))
        for axis in missing:
            items = answer[axis][: MOST * counts[axis]]
            good[axis] = sieve.add(axis, good[axis], things(about, purpose.id, axis, items))
        if sum(map(len, good.values())) == before:
            break
    return Pile(good, wants, tuple(sieve.rejects), turns, unread)


def _kept(good: Mapping[str, Sequence[Thing]], missing: Mapping[str, int]) -> list[str]:
    """The prompts that need not come again."""
    return [t.prompt if isinstance(t, Probe) else t.request.prompt for axis in missing for t in good[axis]]


def _refused(rejects: Sequence[Reject]) -> list[dict[str, str]]:
    """The newest rejected prompts with their reasons."""
    return [{"prompt": plain(r.probe.prompt, SHORT), "reason": REASONS[r.reason]} for r in rejects[-SHOWN:]]


def waited_for(work: Coroutine[Any, Any, T]) -> T:
    """What ``work`` returns; in a notebook, where a loop runs already, it has a thread of its own."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()
