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
from pydantic_ai.exceptions import UnexpectedModelBehavior
from pydantic_ai.models import Model
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.profiles.openai import OpenAIModelProfile
from pydantic_ai.providers.openai import OpenAIProvider
from pydantic_ai.settings import ModelSettings

from assay.errors import GeneratorError
from assay.generators.llm.endpoint import HOMES, Endpoint
from assay.generators.llm.kept import Answer
from assay.generators.llm.schemas import Form
from assay.generators.llm.wire import KEPT, Refused, Wire, plain
from assay.settings import LlmSettings

NO_KEY = "none"
"""Sent to servers on this machine that ask for no key: the libraries insist on a word."""

NO_SCHEMA = frozenset({400, 422, 501})
"""What a server says that does not know how to hold an answer to a schema: then it is asked in words alone."""


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

    async def ask(self, form: type[Form], told: str, data: str, seed: int) -> Answer:
        """The answer to ``data`` under the instructions ``told``. Raises GeneratorError where none can be had."""
        try:
            if not self._in_words:
                try:
                    return await self._ask(form, told, data, seed, in_words=False)
                except Refused as refused:
                    if self._server.protocol != "openai" or refused.status not in NO_SCHEMA:
                        raise
                    self._in_words = True
            return await self._ask(form, told, data, seed, in_words=True)
        except Refused as refused:  # how it is called inside is nobody else's business
            raise GeneratorError(refused.came, refused.wanted, refused.todo) from refused

    async def _ask(self, form: type[Form], told: str, data: str, seed: int, in_words: bool) -> Answer:
        agent = Agent(
            self._model,
            output_type=self._output(form, in_words),
            instructions=told,
            retries=self._settings.repairs,
        )
        try:
            result = await agent.run(data, model_settings=self._call(seed))
        except Exception as error:  # a foreign library on foreign input: whatever it is, there is no answer
            raise self._explained(error) from error
        value = result.output.model_dump(mode="json")
        if self._wire.has_key(json.dumps(value, ensure_ascii=False)):
            raise GeneratorError(
                f"an answer of {self._server.model} that repeats the key",
                "an answer without it",
                f"do not trust the server at {self._server.base_url}",
            )
        usage = result.usage
        return Answer(value, usage.input_tokens or 0, usage.output_tokens or 0)

    def _output(self, form: type[Form], in_words: bool) -> Any:
        """How the model is held to the form: by the server, by a tool, or by sending wrong answers back."""
        if self._server.protocol == "anthropic":
            return ToolOutput(form)
        if not in_words:
            return NativeOutput(form)

        def read(text: str) -> Form:
            try:
                return form.model_validate_json(text[text.find("{") : text.rfind("}") + 1])
            except ValidationError as error:
                raise ModelRetry(_wrong(error)) from error

        return TextOutput(read)

    def _call(self, seed: int) -> ModelSettings:
        """Settings of one call; Anthropic's protocol knows no seed."""
        call = ModelSettings(max_tokens=self._settings.max_tokens)
        if self._settings.temperature is not None:
            call["temperature"] = self._settings.temperature
        if self._server.protocol == "openai":
            call["seed"] = seed
        return call

    def _explained(self, error: Exception) -> GeneratorError:
        """What went wrong, as its deepest cause knows it: the wire's own errors come up through two libraries."""
        cause: BaseException | None = error
        causes = []
        while cause is not None and cause not in causes:
            causes.append(cause)
            if isinstance(cause, GeneratorError):
                return cause
            cause = cause.__cause__ or cause.__context__
        wrong = next((c for c in causes if isinstance(c, ValidationError)), None)
        what = _wrong(wrong) if wrong is not None else str(error)
        tries = self._settings.repairs + 1
        often = f", {tries} times" if isinstance(error, UnexpectedModelBehavior) else ""
        return GeneratorError(
            f"an answer of {self._server.model} that does not fit{often}: {plain(self._wire.without_key(what))}",
            "JSON with the fields that were asked for",
            f"try another --seed, or a model that follows forms better; {KEPT}",
        )


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
