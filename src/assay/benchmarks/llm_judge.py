"""LEME's second judge: a language model with a written rubric, beside the rule, never in its place.

One question per text, so that nothing that a text says can reach the marks of another. The rubric is
``generators/llm/prompts/judge.md``.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator

from assay.benchmarks.generation import AXES, axis_means
from assay.benchmarks.llm_judge_agreement import agreement
from assay.errors import GeneratorError
from assay.events import Emit, stage
from assay.generators.llm.asking import Asker, asking
from assay.generators.llm.author import Author, cost_json
from assay.generators.llm.collect import waited_for
from assay.generators.llm.prompts import alone
from assay.generators.llm.schemas import Form
from assay.generators.llm.talk import Unfit
from assay.generators.llm.wire import plain
from assay.score import Score, bootstrap, unscored

PURPOSE = "judge"
ID = "leme_judge"
MOST = 2
"""The best mark: a mark divided by it is a value in [0, 1]."""
REASON = 240
"""Letters of a reason that are kept."""
NO_MARKS = "the answer had no marks"

Texts = Sequence[Mapping[str, Any]]
"""``benchmarks.result.Text`` as JSON."""


def _no_truth(value: Any) -> Any:
    """JSON's true would pass for 1."""
    if isinstance(value, bool):
        raise ValueError("a number is wanted")
    return value


Points = Annotated[Literal[0, 1, 2], BeforeValidator(_no_truth)]


class Mark(Form):
    """The three marks of one text; any other number is refused."""

    consistency: Points | None
    fluency: Points
    no_contradiction: Points
    reason: str


class Marks(Form):
    """A list of one, so that an answer without usable marks is an empty one."""

    marks: list[Mark]


def judge_texts(
    author: Author,
    request: Mapping[str, Any],
    texts: Texts,
    *,
    threshold: float,
    seed: int,
    resamples: int,
    emit: Emit,
) -> dict[str, Any]:
    """What a language model says of LEME's texts, as a JSON-able dict.

    ``judge`` (who, and what it cost), ``rubric`` (its version), ``score`` (mean of the three criteria's means, as the
    rule's), ``axes`` (criterion to mean and n), ``texts`` (the marks as values in [0, 1], in the order of ``texts``; of
    a text without marks the reason), ``agreement`` with the rule (criterion to ``Agreement``).

    Raises GeneratorError where the model gives no answers; what was answered is kept.
    """
    found, cost = waited_for(_ask(author, request, texts, seed, emit))
    values = [{axis: one.get(axis) for axis in AXES} for one in found]
    return {
        "id": "leme",
        "judge": cost,
        "rubric": alone(PURPOSE).version,
        "seed": seed,
        "score": _score(values, threshold, seed, resamples).to_json(),
        "axes": {axis: _axis(values, axis) for axis in AXES},
        "texts": found,
        "agreement": {
            axis: agreement(
                [t.get(axis) for t in texts], [v[axis] for v in values], seed, resamples
            ).to_json()
            for axis in AXES
        },
    }


async def _ask(
    author: Author, request: Mapping[str, Any], texts: Texts, seed: int, emit: Emit
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    done = 0
    turn = asyncio.Semaphore(author.asked.at_once)
    lost: list[Exception] = []

    def say(title: str) -> None:
        emit("stage_progress", {"stage": PURPOSE, "title": title, "done": done, "total": len(texts)})

    async def one(asker: Asker, text: Mapping[str, Any]) -> dict[str, Any]:
        nonlocal done
        data = {
            "prompt": request["prompt"],
            "subject": request["subject"],
            "new": request["target"],
            "old": request.get("old"),
            "opening": text["opening"],
            "text": text["after"],
            "counts": {"marks": 1},
            "variation": seed,
        }
        async with turn:
            if lost:  # a server that fails for good is not asked about the other texts, too
                raise lost[0]
            try:
                answer = await asker.put(PURPOSE, Marks, alone(PURPOSE), "marks of a text", data)
                said = _marks(answer["marks"])
            except Unfit as unfit:
                said = {"unscored": unfit.came}
            except Exception as error:
                lost.append(error)
                raise
        done += 1
        say(f"{done} texts judged")
        return said

    with stage(emit, PURPOSE, f"{author.asked.model} judges", len(texts)):
        async with asking(author.asked, author.means, seed, say) as asker:
            asked = (one(asker, text) for text in texts)
            found: list[dict[str, Any]] = []
            for said in await asyncio.gather(*asked, return_exceptions=True):
                if isinstance(said, BaseException):
                    raise said
                found.append(said)
            if found and all(one.get("unscored") not in (None, NO_MARKS) for one in found):
                raise GeneratorError(
                    found[0]["unscored"],
                    "marks for one text at least",
                    "try another --seed, or a model that follows forms better",
                )
            return found, cost_json(author, asker.cost)


def _marks(said: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The marks as values in [0, 1]; of several items the first, which is about the text."""
    if not said:
        return {"unscored": NO_MARKS}
    first = said[0]
    values = {axis: None if first[axis] is None else first[axis] / MOST for axis in AXES}
    return {**values, "reason": plain(first["reason"], REASON)}


def _axis(values: Sequence[Mapping[str, float | None]], axis: str) -> dict[str, float | int | None]:
    known = [value for one in values if (value := one[axis]) is not None]
    return {"score": sum(known) / len(known) if known else None, "n": len(known)}


def _score(
    values: Sequence[Mapping[str, float | None]], threshold: float, seed: int, resamples: int
) -> Score:
    """The mean of the criteria's means, over the texts that have marks."""
    table = np.array([[np.nan if (v := one[axis]) is None else v for axis in AXES] for one in values], float)
    judged = table[np.isfinite(table).any(1)] if len(table) else table
    lost = len(values) - len(judged)
    means = axis_means(judged) if len(judged) else dict.fromkeys(AXES)
    missing = [axis for axis, value in means.items() if value is None]
    if missing:
        what = "no text was judged" if not len(judged) else f"no text has a mark for {', '.join(missing)}"
        return unscored(ID, what, threshold, len(values))
    value = _mean(judged)
    return Score(
        ID,
        value,
        value,
        bootstrap([judged], _mean, seed, resamples),
        len(judged),
        lost,
        threshold,
        None,
        means,
    )


def _mean(table: Any) -> float:
    """NaN where a criterion has no mark at all."""
    known = [value for value in axis_means(table).values() if value is not None]
    return sum(known) / len(AXES) if len(known) == len(AXES) else float("nan")
