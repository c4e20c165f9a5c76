"""A model in this process that answers typed questions; loaded at the first one, freed at the end."""

import asyncio
import gc
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch

from assay.errors import GeneratorError
from assay.generators.llm.kept import Answer
from assay.generators.llm.lenient import NoForm, read_leniently
from assay.generators.llm.schemas import Form
from assay.generators.llm.talk import FORM, OTHERWISE, Unfit
from assay.generators.local.constrained import Holder, Written, bounded, room, write
from assay.generators.local.weights import module_of, tokenizer_of, untouched_chance
from assay.settings import LlmSettings


@dataclass(frozen=True)
class _Loaded:
    module: Any
    tokenizer: Any
    holder: Holder
    window: int
    """Tokens of question and answer together, at most."""


class Writer:
    """``async with Writer(...) as writer: await writer.ask(...)``, one question after another."""

    def __init__(self, name: str, folder: Path, settings: LlmSettings, told: Callable[[str], None]) -> None:
        self._name = name
        self._folder = folder
        self._settings = settings
        self._told = told
        self._loaded: _Loaded | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loaded = None
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    async def ask(
        self, form: type[Form], told: str, data: str, seed: int, example: tuple[str, str] | None = None
    ) -> Answer:
        """The answer to ``data`` under the instructions ``told``; Unfit where it is cut off before anything usable."""
        loaded = self._load()
        prompt = _chat(loaded.tokenizer, self._name, told, data, example)
        left = loaded.window - len(prompt)
        if left <= 0:
            raise GeneratorError(
                f"a question of {len(prompt):,} tokens for {self._name!r}, which reads {loaded.window:,}",
                "a model that reads a few thousand tokens",
                "take a model with a longer context, or a server: --generator llm:MODEL",
            )
        counts = json.loads(data).get("counts", {})
        schema = bounded(form.model_json_schema(), counts)
        matcher = loaded.holder.matcher(schema)
        drawn = int.from_bytes(sha256(f"{seed}|{told}|{data}".encode()).digest()[:6])
        most = min(left, room(schema), self._settings.max_tokens)
        written = Written("", 0)
        steps = write(
            loaded.module, loaded.tokenizer, matcher, prompt, most, self._temperature(loaded), drawn
        )
        for step in steps:
            if step is not None:
                written = step
            await asyncio.sleep(0)  # so that a Ctrl-C is heard
        try:
            read = read_leniently(form, written.text)
        except NoForm as missing:
            unfit = Unfit(f"an answer of {self._name} that does not fit: {missing}", FORM, OTHERWISE)
            unfit.tokens = (len(prompt), written.tokens)
            raise unfit from missing
        return Answer(read.value.model_dump(mode="json"), len(prompt), written.tokens, read.dropped)

    def _temperature(self, loaded: _Loaded) -> float:
        """The setting, else what the model's own folder recommends, else a middling one."""
        if self._settings.temperature is not None:
            return self._settings.temperature
        own = getattr(loaded.module.generation_config, "temperature", None)
        return self._settings.local_temperature if own is None else float(own)

    def _load(self) -> _Loaded:
        if self._loaded is None:
            tokenizer = tokenizer_of(self._name, self._folder)
            self._told(f"loading {self._name}")
            with untouched_chance():
                module = module_of(self._name, self._folder)
            config = module.config.get_text_config()
            holder = Holder(tokenizer, config.vocab_size)
            window = int(getattr(config, "max_position_embeddings", None) or 4096)
            self._loaded = _Loaded(module, tokenizer, holder, window)
        return self._loaded


def _chat(tokenizer: Any, name: str, told: str, data: str, example: tuple[str, str] | None) -> list[int]:
    """The token ids of instructions, worked example and question, up to where the answer begins."""
    from jinja2 import TemplateError

    turns: list[Mapping[str, str]] = []
    if example is not None:
        turns = [{"role": "user", "content": example[0]}, {"role": "assistant", "content": example[1]}]
    turns = [*turns, {"role": "user", "content": data}]
    first, *others = turns
    # Some templates know no instructions apart: there they begin the first turn.
    for chat in (
        [{"role": "system", "content": told}, *turns],
        [{**first, "content": f"{told}\n\n{first['content']}"}, *others],
    ):
        try:
            text = tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
        except TemplateError:
            continue
        return list(tokenizer.encode(text, add_special_tokens=False))
    raise GeneratorError(
        f"the chat template of {name!r}, which takes no instructions",
        "a template for turns of a user and an assistant",
        "take another model, or a server: --generator llm:MODEL",
    )
