"""The benchmarks of a run as they are shown: finished, unscored with a reason, or not run with a reason."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.report.glossary import BENCHMARKS, GROUPS, Entry
from assay.report.words import TO_COME, VERDICTS, Word, interval, number

Run = Mapping[str, Any]
"""``run.json`` as ``runs.fold`` makes it; every part may be missing or null."""

NOT_ASKED = "not among the benchmarks of this run"

_BAD_FIRST = ("low", "uncertain", "unscored", "missing", "high")


@dataclass(frozen=True)
class Bench:
    """One of the thirteen as it is shown: finished, unscored, or not run at all."""

    id: str
    title: str
    group: str
    question: str
    state: str
    """A key of words.VERDICTS."""
    note: str | None
    """Why there is no score, or what an uncertain one means."""
    data: Mapping[str, Any]
    """The result's dict; empty when it has not run."""
    to_come: bool = False
    """Whether it has not run because its turn has not come yet."""

    @property
    def word(self) -> Word:
        """The verdict in words and symbols."""
        return TO_COME if self.to_come else VERDICTS[self.state]

    @property
    def entry(self) -> Entry | None:
        """Its line of the glossary; None for a benchmark this version does not know."""
        return BENCHMARKS.get(self.id)

    @property
    def ceiling(self) -> str | None:
        """``0.41 of a possible 0.44`` where the unedited model itself could not reach 1; an edit can also
        be stronger than the old fact was."""
        score, ceiling = self.data.get("score"), self.data.get("ceiling")
        if score is None or ceiling is None or ceiling >= 1:
            return None
        if float(score) > float(ceiling):
            return f"{number(float(score))}; the old fact had {number(float(ceiling))}"
        return f"{number(float(score))} of a possible {number(float(ceiling))}"

    @property
    def made(self) -> str:
        """What the audit made of the generator's work, in words; of an older run, what it recorded of it."""
        accepted, rejected, again = (self.data.get(name) for name in ("accepted", "rejects", "again"))
        words = [] if accepted is None else [f"{number(accepted)} accepted"]
        if accepted is not None or rejected:
            words.append(f"{number(rejected or 0)} rejected by the audit")
        if again is not None:
            times = {0: "never asked again", 1: "asked again once"}
            words.append(times.get(again, f"asked again {number(again)} times"))
        return ", ".join(words)


def bench(data: Mapping[str, Any]) -> Bench:
    """One benchmark's dict as it is shown."""
    id = str(data.get("id") or "unnamed")
    entry = BENCHMARKS.get(id)
    score, threshold = data.get("score"), data.get("threshold")
    state = "unscored" if score is None else str(data.get("verdict"))
    note = None
    if score is None:
        note = data.get("reason") or "no reason was recorded"
    elif state not in VERDICTS:
        state = "high" if data.get("passed") else "low"
    elif state == "uncertain":
        side = "above" if data.get("passed") else "below"
        span = interval(data.get("interval"))
        note = f"{side} the line of {number(threshold)}, but the interval {span} spans it"
    return Bench(
        id=id,
        title=str(data.get("title") or (entry.title if entry else id)),
        group=str(data.get("group") or (entry.group if entry else "other")),
        question=str(data.get("question") or ""),
        state=state,
        note=note,
        data=data,
    )


def benches(run: Run, every: bool = False) -> tuple[Bench, ...]:
    """Those of the thirteen that were asked for, in their order, whether they have run or not, and all that came.

    ``every``: also those that nobody asked for.
    """
    came = {str(data.get("id")): bench(data) for data in run.get("benchmarks") or ()}
    wanted = _asked_for(run)
    known = [
        came.pop(id) if id in came else _blank(id, row, run, id in wanted)
        for id, row in BENCHMARKS.items()
        if every or id in came or id in wanted
    ]
    return (*known, *came.values())


def _asked_for(run: Run) -> Collection[str]:
    """Ids of the benchmarks that a run is to have, or was to have."""
    options = run.get("options") or {}
    return options.get("only") or BENCHMARKS


def _blank(id: str, row: Entry, run: Run, wanted: bool) -> Bench:
    """One that is not there."""
    measured = (run.get("options") or {}).get("bench") is not False
    to_come = wanted and measured and run.get("status") in ("running", "queued")
    why = why_not_run(run) if wanted and measured else NOT_ASKED
    return Bench(id, row.title, row.group, "", "missing", why, {}, to_come)


def all_of_them(cards: Sequence[Bench]) -> bool:
    """Whether these are all thirteen, not those that somebody chose."""
    return {card.id for card in cards} >= set(BENCHMARKS)


def why_not_run(run: Run) -> str:
    """Why a benchmark that is not in the run is not in it."""
    status = run.get("status")
    if status == "rolled_back":
        return "the edit was rolled back, so there was nothing to characterise"
    if status == "committed":
        return NOT_ASKED
    return "its turn has not come yet" if status in ("running", "queued") else "the run ended before it"


def any_scored(run: Run) -> bool:
    """Whether any benchmark has run, scored or not."""
    return bool(run.get("benchmarks"))


def by_group(cards: Sequence[Bench]) -> Iterator[tuple[str, tuple[Bench, ...]]]:
    """(question of the group, its benchmarks), in reading order."""
    extra = dict.fromkeys(card.group for card in cards if card.group not in GROUPS)
    for group in (*GROUPS, *extra):
        members = tuple(card for card in cards if card.group == group)
        if members:
            yield GROUPS.get(group, group), members


def failures_first(cards: Sequence[Bench]) -> tuple[Bench, ...]:
    """Worst news first; within a verdict the suite's order."""
    return tuple(sorted(cards, key=lambda card: _BAD_FIRST.index(card.state)))


def tally(cards: Sequence[Bench]) -> tuple[tuple[Word, int], ...]:
    """How many of each verdict, those that occur only."""
    counts = ((word, sum(card.word == word for card in cards)) for word in (*VERDICTS.values(), TO_COME))
    return tuple((word, n) for word, n in counts if n)
