"""Sentences for a label by a language model that knows the label and nothing else: neither feature nor activation."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.errors import GeneratorError
from assay.events import Emit, stage
from assay.features.labels.concepts import Concept, Embed, read_label
from assay.features.llm.audit import AXES, REASONS, Reject, Sieve
from assay.features.llm.forms import Written
from assay.generators.llm.asking import Asker, asking
from assay.generators.llm.author import Author, cost_json
from assay.generators.llm.collect import waited_for
from assay.generators.llm.prompts import alone
from assay.generators.llm.purposes import ask_for
from assay.generators.llm.talk import Unfit

PURPOSE = "sentences"
MOST = 4
"""Sentences of an answer that are looked at, as a multiple of those asked for."""
SHOWN = 8
"""Rejected sentences that the model is shown when it is asked again."""
READS: Mapping[str, str] = {
    "words": "a sentence matches if it has one of these words, spelled like this; letter case does not count",
    "ending": "a sentence matches if one of its words, which is longer than the ending, ends like this",
    "beginning": "a sentence matches if one of its words, which is longer than the beginning, begins like this",
    "form": "a sentence matches if this form of writing stands in it",
    "meaning": "a sentence matches if it is about this, whatever its words",
}
"""Kind of a label to how the model is told that it is meant."""


@dataclass(frozen=True)
class Made:
    """Audited sentences of one label."""

    label: str
    sentences: Mapping[str, tuple[str, ...]]
    """Each of AXES to those that passed."""
    wanted: int
    """Of each."""
    rejects: tuple[Reject, ...]
    again: int
    """How often more was asked for."""
    author: Mapping[str, Any]
    """``cost_json`` of the model that wrote them."""

    def to_json(self) -> dict[str, Any]:
        """A JSON-able dict: who wrote them, and what became of them, the sentences themselves left out."""
        return {
            **self.author,
            "wanted": self.wanted,
            "accepted": {axis: len(self.sentences[axis]) for axis in AXES},
            "rejected": [
                {"list": one.axis, "text": one.text, "reason": REASONS[one.reason]} for one in self.rejects
            ],
            "reasons": {REASONS[r]: n for r, n in Counter(one.reason for one in self.rejects).items()},
            "asked_again": self.again,
        }


def write_sentences(author: Author, label: str, embed: Embed, wanted: int, seed: int, emit: Emit) -> Made:
    """``wanted`` sentences of each kind for a label, or as many as a few questions bring.

    Raises InputError for an empty label, GeneratorError where the server gives no answer of the right form.
    """
    return waited_for(_write(author, read_label(label), embed, wanted, seed, emit))


async def _write(author: Author, concept: Concept, embed: Embed, wanted: int, seed: int, emit: Emit) -> Made:
    def say(title: str) -> None:
        emit("stage_progress", {"stage": PURPOSE, "title": title, "done": 0, "total": None})

    with stage(emit, PURPOSE, f"sentences by {author.asked.model}"):
        async with asking(author.asked, author.means, seed, say) as asker:
            sieve = Sieve(concept, embed)
            try:
                turns = await _fill(asker, sieve, wanted, seed, author.means.llm.again)
            except Unfit as unfit:
                raise GeneratorError(unfit.came, unfit.wanted, unfit.todo) from unfit
            good = {axis: tuple(texts) for axis, texts in sieve.good.items()}
            return Made(
                concept.label, good, wanted, tuple(sieve.rejects), turns, cost_json(author, asker.cost)
            )


async def _fill(asker: Asker, sieve: Sieve, wanted: int, seed: int, again: int) -> int:
    """Ask until there are enough, asking again brings nothing, or the budget is spent; how often it was again."""
    concept, turns = sieve.concept, 0
    for turn in range(1 + again):
        missing = {axis: wanted - len(good) for axis, good in sieve.good.items() if len(good) < wanted}
        if not missing:
            break
        counts = {axis: ask_for(n) for axis, n in missing.items()}
        data: dict[str, Any] = {
            "label": concept.label,
            "reads": READS[concept.kind],
            "counts": counts,
            "variation": seed,
        }
        if turn:
            data["again"] = {
                "kept": [text for axis in missing for text in sieve.good[axis]],
                "refused": _refused(sieve.rejects),
            }
        answer = await asker.put(PURPOSE, Written, alone(PURPOSE), f"sentences for {concept.label}", data)
        turns = turn
        before = sum(map(len, sieve.good.values()))
        for axis in missing:
            sieve.add(axis, answer[axis][: MOST * counts[axis]], wanted)
        if sum(map(len, sieve.good.values())) == before:
            break
    return turns


def _refused(rejects: Sequence[Reject]) -> list[dict[str, str]]:
    """The newest rejected sentences with their reasons."""
    return [{"sentence": one.text, "reason": REASONS[one.reason]} for one in rejects[-SHOWN:]]
