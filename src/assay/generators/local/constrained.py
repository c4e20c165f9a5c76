"""Text that is held to a JSON schema while it is written: only tokens that can still lead to the form are drawn."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from assay.errors import GeneratorError

LONGEST = 240
"""Letters of a string in an answer, at most: a model that does not stop is stopped there."""
SHORT = 4
"""Items of a list for which the question names no number, at most: none of the prompts wants more there."""
TOKENS, SLACK = 40, 256
"""Tokens of an answer, at most: so many for each string that its form has room for, and a few more. A sentence has
about twenty; a weak model that rambles is cut off, and what it finished before is used."""
BOUNDS = f"{LONGEST} {SHORT} {TOKENS} {SLACK}"
"""What answers depend on beside the question: part of the name under which they are kept."""


@dataclass(frozen=True)
class Written:
    """What was written."""

    text: str
    """JSON of the schema; cut off where there was no room for more."""
    tokens: int


def bounded(schema: Mapping[str, Any], counts: Mapping[str, int]) -> dict[str, Any]:
    """The schema with no more items in each list of the answer than ``counts`` says, and no endless strings and lists
    inside the items either."""
    whole: dict[str, Any] = json.loads(json.dumps(schema))
    for part in _parts(whole):
        if part.get("type") == "string":
            part["maxLength"] = LONGEST
        if part.get("type") == "array":
            part["maxItems"] = SHORT
    for name, field in whole["properties"].items():
        if field.get("type") == "array" and counts:
            field["maxItems"] = counts.get(name, 0)
    whole["x-guidance"] = {"whitespace_flexible": False}
    return whole


def room(schema: Mapping[str, Any]) -> int:
    """Tokens that an answer of a bounded schema may have."""
    return SLACK + TOKENS * _strings(schema, schema.get("$defs", {}))


def _strings(part: Mapping[str, Any], defined: Mapping[str, Any]) -> int:
    """How many strings an answer holds when all its lists are full."""
    if "$ref" in part:
        return _strings(defined[part["$ref"].rpartition("/")[2]], defined)
    if part.get("type") == "array":
        return int(part["maxItems"]) * _strings(part["items"], defined)
    if part.get("type") == "object":
        return sum(_strings(field, defined) for field in part["properties"].values())
    return int(part.get("type") == "string")


def _parts(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from _parts(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _parts(value)


class Holder:
    """Holds texts of one tokenizer to schemas."""

    def __init__(self, tokenizer: Any, vocabulary: int) -> None:
        from llguidance.hf import from_tokenizer

        self._tokens = from_tokenizer(tokenizer, n_vocab=vocabulary)

    def matcher(self, schema: Mapping[str, Any]) -> Any:
        """A fresh matcher of the schema. Raises GeneratorError for one that cannot be held to."""
        from llguidance import LLMatcher

        matcher = LLMatcher(self._tokens, LLMatcher.grammar_from_json_schema(dict(schema)), log_level=0)
        if matcher.is_error():
            raise GeneratorError(
                f"a form that answers cannot be held to: {matcher.get_error()[:200]}",
                "a JSON schema of strings, lists and records",
                "use a server instead: --generator llm:MODEL",
            )
        return matcher


def write(
    module: Any, tokenizer: Any, matcher: Any, prompt: list[int], most: int, temperature: float, seed: int
) -> Iterator[Written | None]:
    """Go on from ``prompt`` until the form is complete or ``most`` tokens are written; None after every step, the
    text at the end. Temperature 0 takes the most probable token; else each is drawn with a generator of its own."""
    chance = torch.Generator().manual_seed(seed)
    written: list[int] = []
    fed, cache = prompt, None
    while True:
        with torch.inference_mode():
            out = module(
                torch.tensor([fed], device=module.device),
                past_key_values=cache,
                use_cache=True,
                logits_to_keep=1,
            )
        cache = out.past_key_values
        token = _drawn(out.logits[0, -1].float().cpu(), matcher.compute_bitmask(), temperature, chance)
        if token in (None, tokenizer.eos_token_id) or not matcher.consume_token(token):
            break
        fed = [token]
        forced = matcher.compute_ff_tokens()  # what the form leaves no choice about needs no step of its own
        if forced and matcher.consume_tokens(forced):
            fed += forced
        written += fed
        if matcher.is_stopped() or len(written) >= most:
            break
        yield None
    yield Written(tokenizer.decode(written, skip_special_tokens=True), len(written))


def _drawn(logits: torch.Tensor, mask: bytes, temperature: float, chance: torch.Generator) -> int | None:
    """A token that the form allows; None where it allows none."""
    allowed = np.unpackbits(np.frombuffer(mask, dtype=np.uint8), bitorder="little")[: len(logits)]
    free = torch.full_like(logits, -torch.inf)
    at = torch.from_numpy(allowed.nonzero()[0])
    if not len(at):
        return None
    free[at] = logits[at]
    if temperature == 0:
        return int(free.argmax())
    return int(torch.multinomial((free / temperature).softmax(-1), 1, generator=chance))
