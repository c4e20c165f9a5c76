"""Questions to one language model, each asked once: from the folder of answers, else from the model."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol

from assay.generators.llm.endpoint import Endpoint, key_of
from assay.generators.llm.kept import Answer, Kept
from assay.generators.llm.price import dollars
from assay.generators.llm.prompts import Prompt
from assay.generators.llm.schemas import Form
from assay.generators.llm.talk import FORM, OTHERWISE, Talk, Unfit
from assay.generators.means import Means

FOLDER = "llm"
"""Of the answers, in the cache."""


@dataclass(frozen=True)
class Cost:
    """What was asked for, kept answers with what they cost when they were made."""

    answers: int
    tokens_in: int
    tokens_out: int
    dollars: float | None
    """At list prices; None where none is known (``price.dollars``)."""


class Speaker(Protocol):
    """What answers typed questions: a server (``Talk``), or a model in this process."""

    async def ask(
        self, form: type[Form], told: str, data: str, seed: int, example: tuple[str, str] | None = None
    ) -> Answer:
        """The answer to ``data`` under the instructions ``told``; Unfit where it has another form to the last."""
        ...


@dataclass(frozen=True)
class Asked:
    """A language model that can be asked."""

    model: str
    """Its name, as it is shown."""
    where: str
    """Where it runs, for notes: "at URL" or "in this process"."""
    marks: Mapping[str, str]
    """What tells its answers from another model's: part of the name under which they are kept."""
    open: Callable[[Callable[[str], None]], AbstractAsyncContextManager[Speaker]]
    """Called with who hears of waits in a few words; nothing is loaded or sent before a question is asked."""
    at_once: int
    """Questions at the same time, at most."""


def at_server(server: Endpoint, means: Means) -> Asked:
    """The model at a server."""
    return Asked(
        model=server.model,
        where=f"at {server.base_url}",
        marks={"model": server.model, "protocol": server.protocol, "base_url": server.base_url},
        open=lambda told: Talk(server, key_of(server), means.llm, told),
        at_once=max(1, means.llm.concurrency),
    )


class Asker:
    """``await asker.put(...)``, as often as wanted and at the same time; so many are asked at once."""

    def __init__(
        self, talk: Speaker, asked: Asked, means: Means, seed: int, progress: Callable[[str], None]
    ) -> None:
        self.answers: list[Answer] = []
        self._talk = talk
        self._asked = asked
        self._settings = means.llm
        self._kept = Kept(means.cache and means.cache / FOLDER)
        self._seed = seed
        self._progress = progress
        self._turn = asyncio.Semaphore(asked.at_once)

    async def put(
        self,
        purpose: str,
        form: type[Form],
        told: Prompt,
        title: str,
        data: Mapping[str, Any],
        example: tuple[str, str] | None = None,
        keep_unfit: bool = False,
    ) -> Mapping[str, Any]:
        """The answer to one question, as JSON of the form. Raises Unfit where the model finds none.

        ``example`` is a question with its answer, for models that nothing but words holds to the form. With
        ``keep_unfit`` a misfit is kept like an answer: the same question is not asked again.
        """
        written = json.dumps(data, ensure_ascii=False, indent=1)
        question = {
            **self._asked.marks,
            "purpose": purpose,
            "version": told.version,
            "told": told.text,
            "data": written,
            "form": form.model_json_schema(),
            "seed": self._seed,
            "max_tokens": self._settings.max_tokens,
            "temperature": self._settings.temperature,
        }
        answer = self._kept.read(question)
        if answer is not None and answer.unfit is not None:
            if not keep_unfit:
                answer = None
        elif answer is not None:
            try:
                answer = replace(answer, value=form.model_validate(answer.value).model_dump(mode="json"))
            except ValueError:  # a damaged file
                answer = None
        if answer is None:
            async with self._turn:
                self._progress(f"asking for {title}")
                try:
                    answer = await self._talk.ask(form, told.text, written, self._seed, example)
                except Unfit as unfit:
                    if not keep_unfit:
                        raise
                    answer = Answer({}, *unfit.tokens, unfit=unfit.came)
            self._kept.write(question, answer)
            self._progress(f"{title}: {answer.tokens_in:,} tokens in, {answer.tokens_out:,} out")
        self.answers.append(answer)
        if answer.unfit is not None:
            raise Unfit(answer.unfit, FORM, f"{OTHERWISE}: that the model found no answer is kept, too")
        return answer.value

    @property
    def cost(self) -> Cost:
        """Of everything so far."""
        spent = [(a.tokens_in, a.tokens_out) for a in self.answers]
        tokens_in, tokens_out = (sum(column) for column in zip((0, 0), *spent, strict=True))
        # Each by itself: some providers charge more for a long question, but not for many short ones.
        prices = [dollars(self._asked.marks, *one) for one in spent]
        known = [price for price in prices if price is not None]
        whole = sum(known) if known and len(known) == len(prices) else None
        return Cost(len(self.answers), tokens_in, tokens_out, whole)


@asynccontextmanager
async def asking(
    asked: Asked, means: Means, seed: int, progress: Callable[[str], None]
) -> AsyncIterator[Asker]:
    """An asker while the block lasts."""
    async with asked.open(progress) as talk:
        yield Asker(talk, asked, means, seed, progress)
