"""Typed questions to one model at one server: an answer comes in the form that was asked for, or an error.

The only file that knows the library in between (pydantic-ai), so that another could take its place.
"""

import json
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from openai import AsyncOpenAI
from pydantic import ValidationError
from pydantic_ai import Agent, ModelRetry, NativeOutput, TextOutput, ToolOutput
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, TextPart, UserPromptPart
from pydantic_ai.models import Model
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RunUsage

from assay.errors import GeneratorError
from assay.generators.llm.endpoint import HOMES, Endpoint
from assay.generators.llm.kept import Answer
from assay.generators.llm.lenient import NoForm, read_leniently
from assay.generators.llm.schemas import Form
from assay.generators.llm.wire import KEPT, Refused, Wire, plain
from assay.settings import LlmSettings

NO_KEY = "none"
"""Sent to servers on this machine that ask for no key: the libraries insist on a word."""

NO_SCHEMA = frozenset({400, 422, 501})
"""What a server says that does not know how to hold an answer to a schema: then it is asked in words alone."""


FORM = "JSON with the fields that were asked for"
OTHERWISE = "try another --seed, or a model that follows forms better"


class Unfit(GeneratorError):
    """An answer that still does not have the form that was asked for; other questions may well be answered."""

    tokens: tuple[int, int] = (0, 0)
    """In and out, of all its tries."""


class Talk:
    """``async with Talk(...) as talk: await talk.ask(...)``, as often as wanted and at the same time."""

    def __init__(
        self, server: Endpoint, key: str | None, settings: LlmSettings, told: Callable[[str], None]
    ) -> None:
        self._server = server
        self._settings = settings
        self._wire = Wire(server, key, settings, told)
        self._model = _model(server, key or NO_KEY, self._wire)
        self._in_words = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._wire.aclose()

    async def ask(
        self, form: type[Form], told: str, data: str, seed: int, example: tuple[str, str] | None = None
    ) -> Answer:
        """The answer to ``data`` under the instructions ``told``. Raises GeneratorError where none can be had.

        ``example`` is a question with its answer; it is shown where nothing but words holds the model to the form.
        """
        repairs = self._settings.repairs
        usage = RunUsage()
        try:
            if not self._in_words:
                # One misfit tells that the server does not hold its answers to a schema, whatever it says.
                held = self._server.protocol == "anthropic"
                try:
                    return await self._ask(form, told, data, seed, usage, repairs if held else 0)
                except Refused as refused:
                    if held or refused.status not in NO_SCHEMA:
                        raise
                except Unfit:
                    if held:
                        raise
                    repairs = max(0, repairs - 1)
                self._in_words = True
            return await self._ask(form, told, data, seed, usage, repairs, example)
        except Refused as refused:  # how it is called inside is nobody else's business
            raise GeneratorError(refused.came, refused.wanted, refused.todo) from refused
        except Unfit as unfit:
            unfit.tokens = (usage.input_tokens, usage.output_tokens)
            raise

    async def _ask(
        self,
        form: type[Form],
        told: str,
        data: str,
        seed: int,
        usage: RunUsage,
        repairs: int,
        example: tuple[str, str] | None = None,
    ) -> Answer:
        dropped = 0

        def read(text: str) -> Form:
            nonlocal dropped
            try:
                found = read_leniently(form, text)
            except NoForm as missing:
                raise ModelRetry(str(missing)) from missing
            dropped = found.dropped
            return found.value

        # How the model is held to the form: by a tool, by the server, or by sending wrong answers back.
        how: Any = ToolOutput(form) if self._server.protocol == "anthropic" else NativeOutput(form)
        agent = Agent(
            self._model,
            output_type=TextOutput(read) if self._in_words else how,
            instructions=told,
            retries=repairs,
        )
        shown = [] if example is None or not self._in_words else _turns(*example)
        try:
            result = await agent.run(
                data, message_history=shown, model_settings=self._call(seed), usage=usage
            )
        except Exception as error:  # a foreign library on foreign input: whatever it is, there is no answer
            raise self._explained(error, usage.requests) from error
        value = result.output.model_dump(mode="json")
        if self._wire.has_key(json.dumps(value, ensure_ascii=False)):
            raise GeneratorError(
                f"an answer of {self._server.model} that repeats the key",
                "an answer without it",
                f"do not trust the server at {self._server.base_url}",
            )
        return Answer(value, usage.input_tokens, usage.output_tokens, dropped)

    def _call(self, seed: int) -> ModelSettings:
        """Settings of one call; Anthropic's protocol knows no seed."""
        call = ModelSettings(max_tokens=self._settings.max_tokens)
        if self._settings.temperature is not None:
            call["temperature"] = self._settings.temperature
        if self._server.protocol == "openai":
            call["seed"] = seed
        return call

    def _explained(self, error: Exception, tries: int) -> GeneratorError:
        """What went wrong, as its deepest cause knows it: the wire's own errors come up through two libraries."""
        cause: BaseException | None = error
        causes = []
        while cause is not None and cause not in causes:
            causes.append(cause)
            if isinstance(cause, GeneratorError):
                return cause
            cause = cause.__cause__ or cause.__context__
        wrong = next((c for c in causes if isinstance(c, ValidationError | NoForm)), error)
        what = _wrong(wrong) if isinstance(wrong, ValidationError) else str(wrong)
        often = f", {tries} times" if tries > 1 else ""
        return Unfit(
            f"an answer of {self._server.model} that does not fit{often}: {plain(self._wire.without_key(what))}",
            FORM,
            f"{OTHERWISE}; {KEPT}",
        )


def _turns(question: str, answer: str) -> list[ModelMessage]:
    """A question and its answer as the turns before the one that is asked."""
    return [
        ModelRequest(parts=[UserPromptPart(question)]),
        ModelResponse(parts=[TextPart(answer)]),
    ]


def _model(server: Endpoint, key: str, wire: Wire) -> Model:
    """The library's model over our own wire; its retries are the wire's."""
    if server.protocol == "anthropic":
        from anthropic import AsyncAnthropic
        from pydantic_ai.models.anthropic import AnthropicModel
        from pydantic_ai.providers.anthropic import AnthropicProvider

        client = AsyncAnthropic(api_key=key, base_url=server.base_url, http_client=wire, max_retries=0)
        return AnthropicModel(server.model, provider=AnthropicProvider(anthropic_client=client))
    openai = AsyncOpenAI(api_key=key, base_url=server.base_url, http_client=wire, max_retries=0)
    profile = OpenAIModelProfile(supports_json_schema_output=True)
    if server.base_url != HOMES["openai"]:  # most other servers read the older name only
        profile["openai_chat_supports_max_completion_tokens"] = False
    return OpenAIChatModel(server.model, provider=OpenAIProvider(openai_client=openai), profile=profile)


def _wrong(error: ValidationError) -> str:
    """The first few things that are wrong with an answer."""
    rows = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, row['loc'])) or 'answer'}: {row['msg']}" for row in rows[:4])
