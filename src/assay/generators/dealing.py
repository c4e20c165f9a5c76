"""Sharing probes out between benchmarks: every axis in turn, no prompt twice."""

from collections.abc import Iterable, Iterator, Sequence

from assay.probes.audit import same
from assay.probes.probe import Probe


def deal(spent: set[str], n: int, *piles: Sequence[Probe]) -> tuple[Probe, ...]:
    """Up to ``n`` probes whose prompts are not ``spent``, drawn from the piles in turn; those drawn are then
    spent. They stand in the order of the piles."""
    hands = [_unspent(spent, pile) for pile in piles]
    drawn: list[list[Probe]] = [[] for _ in piles]
    left = n
    while left and hands:
        before = left
        for hand, mine in zip(hands, drawn, strict=True):
            found = next(hand, None) if left else None
            if found is not None:
                mine.append(found)
                left -= 1
        if left == before:
            break
    return tuple(probe for mine in drawn for probe in mine)


def _unspent(spent: set[str], probes: Iterable[Probe]) -> Iterator[Probe]:
    """The probes whose prompts are still free, each marked as spent when it is drawn."""
    for probe in probes:
        if same(probe.prompt) not in spent:
            spent.add(same(probe.prompt))
            yield probe
