"""Probes by a model in this process: a form is held to, chance and memory are left as they were."""

import asyncio
import gc
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("pydantic_ai")
pytest.importorskip("llguidance")

from assay.errors import GeneratorError
from assay.generators.llm.purposes import PURPOSES
from assay.generators.llm.schemas import SCHEMAS
from assay.generators.llm.talk import Unfit
from assay.generators.local import constrained
from assay.generators.local.constrained import Holder, bounded, room, write
from assay.generators.local.generator import Local
from assay.generators.local.writer import Writer
from assay.generators.means import Means
from assay.generators.plan import Plan
from assay.generators.plan_json import plan_from_json, plan_to_json
from assay.generators.table import asking, generator
from assay.settings import LlmSettings
from small import TOWER, Heard, save_tiny
from tiny import tiny_model

pytestmark = pytest.mark.slow

TEMPLATE = (
    "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
SHORT = LlmSettings(again=0, max_tokens=60)


def instruct(folder: Path, template: str | None = TEMPLATE, **changes: Any) -> Path:
    """A tiny model that takes turns; its window is long enough for the prompts, letter by letter."""
    save_tiny(folder, max_position_embeddings=32_768, **changes)
    if template is not None:
        (folder / "chat_template.jinja").write_text(template)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return instruct(tmp_path_factory.mktemp("writer"))


def plan_of(folder: Path, cache: Path, seed: int = 0, **more: Any) -> Plan:
    return Local(str(folder), Means(cache=cache, llm=SHORT, **more)).plan(TOWER, seed, 3, 1)


def test_a_plan_is_made_here_kept_and_made_again_without_the_model(folder: Path, tmp_path: Path) -> None:
    heard, again = Heard(), Heard()
    plan = plan_of(folder, tmp_path, emit=heard)
    assert plan.generator == f"local 1 ({folder})"
    assert plan.notes[0].startswith(f"probes by the language model {folder} in this process: ")
    assert plan.making is not None and plan.making.answers == 1 + len(PURPOSES)
    assert plan.making.tokens_in > 0 and 0 < plan.making.tokens_out <= 80 * plan.making.answers
    assert len(plan.paraphrases) >= 4 and len(plan.neutral) >= 20, "the catalogue lends what is lacking"
    titles = [data["title"] for data in heard.of("stage_progress")]
    assert f"loading {folder}" in titles and sum("tokens in" in title for title in titles) == 10
    same = plan_of(folder, tmp_path, emit=again)
    assert json.dumps(plan_to_json(same)) == json.dumps(plan_to_json(plan))
    told = [data["title"] for data in again.of("stage_progress")]
    assert not any("loading" in title or "asking for" in title for title in told)
    assert plan_from_json(json.loads(json.dumps(plan_to_json(plan)))) == plan


def test_chance_is_left_alone_and_the_model_is_freed(folder: Path, tmp_path: Path) -> None:
    kind = type(tiny_model("llama").module)
    gc.collect()
    before = sum(type(thing) is kind for thing in gc.get_objects())
    torch.manual_seed(7)
    expected = torch.rand(4)
    torch.manual_seed(7)
    plan_of(folder, tmp_path)
    assert torch.equal(torch.rand(4), expected)
    gc.collect()
    assert sum(type(thing) is kind for thing in gc.get_objects()) <= before


def test_other_weights_are_asked_anew_and_the_same_ones_elsewhere_are_not(
    folder: Path, tmp_path: Path
) -> None:
    cache, files = tmp_path / "cache", lambda: len(list((tmp_path / "cache" / "llm").iterdir()))
    plan = plan_of(folder, cache)
    first = files()
    moved = tmp_path / "moved"
    moved.mkdir()
    for file in folder.iterdir():
        (moved / file.name).write_bytes(file.read_bytes())
    assert plan_of(moved, cache).probes == plan.probes
    assert files() == first
    (moved / "generation_config.json").write_text('{"temperature": 0.01}')
    with suppress(GeneratorError):  # a model that nobody trained may write nothing that can be read
        plan_of(moved, cache)
    assert files() > first


@pytest.mark.parametrize("purpose", sorted(SCHEMAS))
@pytest.mark.parametrize("temperature", [0.0, 5.0])
def test_whatever_is_drawn_has_the_form(purpose: str, temperature: float) -> None:
    model = tiny_model("llama")
    holder = Holder(model.tokenizer, model.module.config.vocab_size)
    form = SCHEMAS[purpose]
    counts = dict.fromkeys([*form.model_fields][:1], 1) if purpose != "fact" else {}
    schema = bounded(form.model_json_schema(), counts)
    for part in (schema, *schema.get("$defs", {}).values()):
        for field in part["properties"].values():
            for text in (field, field.get("items", {})):
                if text.get("type") == "string":
                    text["maxLength"] = 3
                if text.get("type") == "array":
                    text["maxItems"] = min(text.get("maxItems", 1), 1)
    matcher = holder.matcher(schema)
    *_, written = write(model.module, model.tokenizer, matcher, [1, 2, 3], 400, temperature, seed=3)
    found = form.model_validate_json(written.text).model_dump()
    assert all(len(found[name]) <= counts.get(name, 0) for name in found if counts), "no more than asked for"


@pytest.mark.parametrize(
    ("purpose", "counts", "most", "strings"),
    [("further", {"edits": 7}, [4, 4, 7], 7 * (4 + 4 + 4)), ("fact", {}, [4], 4 + 4)],
)
def test_no_answer_is_endless(purpose: str, counts: dict[str, int], most: list[int], strings: int) -> None:
    """A weak model in a list without an end writes until it has no room left: minutes on a CPU."""
    schema = bounded(SCHEMAS[purpose].model_json_schema(), counts)
    fields = [f for part in (schema, *schema.get("$defs", {}).values()) for f in part["properties"].values()]
    assert sorted(field["maxItems"] for field in fields if field["type"] == "array") == most
    assert room(schema) == 256 + 40 * strings


def test_a_writer_that_rambles_is_cut_off_where_its_form_has_no_more_room(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that nobody trained never ends a string by itself: only the form's own room stops it early."""
    monkeypatch.setattr(constrained, "SLACK", 5)
    monkeypatch.setattr(constrained, "TOKENS", 1)
    form = SCHEMAS["question"]
    data = json.dumps({"counts": {"question": 2, "examples": 1}})
    most = room(bounded(form.model_json_schema(), json.loads(data)["counts"]))
    assert most == 5 + (2 + 2)

    async def asked() -> int:
        async with Writer("tiny", folder, LlmSettings(max_tokens=4_000), lambda words: None) as writer:
            try:
                return (await writer.ask(form, "Write.", data, 0)).tokens_out
            except Unfit as unfit:
                return unfit.tokens[1]

    forced = 40  # what the form leaves no choice about comes in one step, and may end beyond the room
    assert 0 < asyncio.run(asked()) <= most + forced < 240


def test_answers_within_other_bounds_are_asked_anew(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = lambda: len(list((tmp_path / "llm").iterdir()))  # noqa: E731
    with suppress(GeneratorError):
        plan_of(folder, tmp_path)
    first = files()
    with suppress(GeneratorError):
        plan_of(folder, tmp_path)
    assert files() == first > 0
    monkeypatch.setattr(constrained, "BOUNDS", "others")
    with suppress(GeneratorError):
        plan_of(folder, tmp_path)
    assert files() > first


def test_a_seed_draws_the_same_text_and_another_one_another() -> None:
    model = tiny_model("llama")
    holder = Holder(model.tokenizer, model.module.config.vocab_size)

    def text(seed: int) -> str:
        matcher = holder.matcher(bounded(SCHEMAS["fact"].model_json_schema(), {}))
        *_, written = write(model.module, model.tokenizer, matcher, [1, 2], 40, 1.0, seed)
        return written.text

    assert text(1) == text(1) != text(2)


@pytest.mark.parametrize(
    ("name", "came"),
    [
        ("/no/such/folder", "the model '/no/such/folder' to write probes: there is no model at this path"),
        ("no-such/model-at-all", "the model 'no-such/model-at-all' to write probes: "),
        ("missing.gguf", "the model 'missing.gguf' to write probes: there is no model at this path"),
    ],
)
def test_a_model_that_is_not_there(name: str, came: str, tmp_path: Path) -> None:
    with pytest.raises(GeneratorError) as caught:
        plan_of(Path(name), tmp_path) if name[0] == "/" else Local(name, Means(cache=tmp_path)).plan(TOWER, 0)
    assert caught.value.came.startswith(came)
    assert "hub id" in caught.value.wanted


def test_models_that_cannot_write(tmp_path: Path) -> None:
    with pytest.raises(GeneratorError) as caught:
        plan_of(instruct(tmp_path / "plain", template=None), tmp_path)
    assert "which has no chat template" in caught.value.came and "instruct" in caught.value.wanted
    with pytest.raises(GeneratorError) as caught:
        plan_of(save_short(tmp_path / "short"), tmp_path)
    assert "which reads 64" in caught.value.came
    broken = instruct(tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(GeneratorError) as caught:
        plan_of(broken, tmp_path)
    assert "which cannot be loaded" in caught.value.came
    refusing = instruct(tmp_path / "refusing", "{{ raise_exception('no turns here') }}")
    with pytest.raises(GeneratorError) as caught:
        plan_of(refusing, tmp_path)
    assert "takes no instructions" in caught.value.came


def save_short(folder: Path) -> Path:
    save_tiny(folder, max_position_embeddings=64)
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    return folder


def test_a_template_without_a_system_turn_gets_the_instructions_in_the_first(tmp_path: Path) -> None:
    picky = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no') }}{% endif %}" + TEMPLATE
    plan = plan_of(instruct(tmp_path / "picky", picky), tmp_path)
    assert plan.making is not None and plan.making.answers == 10


def test_its_name_and_settings() -> None:
    assert isinstance(generator("local:smollm2"), Local)
    assert asking("local:smollm2", Means())["llm"]["local_temperature"] == 0.7
    with pytest.raises(GeneratorError) as caught:
        generator("local:")
    assert caught.value.todo == "write local:MODEL"
