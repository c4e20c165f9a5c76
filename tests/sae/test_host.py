"""Which model an SAE reads."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from assay.errors import InputError
from assay.sae.coder import SAE
from assay.sae.host import model_read, on_hub

PLAIN = SAE("mine", "relu", torch.eye(2), torch.zeros(2), torch.eye(2), torch.zeros(2))


@pytest.mark.parametrize(
    ("short", "name"),
    [
        ("gpt2-small", "openai-community/gpt2"),
        ("gpt2-xl", "openai-community/gpt2-xl"),
        ("gemma-2b-it", "google/gemma-2b-it"),
        ("gemma-2-9b", "google/gemma-2-9b"),
        ("pythia-70m-deduped", "EleutherAI/pythia-70m-deduped"),
        ("qwen3-0.6b", "Qwen/Qwen3-0.6B"),
        ("mistral-7b", "mistralai/Mistral-7B-v0.1"),
        *(
            (name, name)
            for name in ("smollm2", "gpt2", "google/gemma-2-2b", "mistral-7b-instruct", "/a/gpt2-small")
        ),
    ],
)
def test_short_names_are_those_of_the_hub(short: str, name: str) -> None:
    sae = replace(PLAIN, model_id=short)
    assert on_hub(short) == model_read(sae) == name
    assert sae.model_id == short  # its own words stay
    assert model_read(sae, "other") == "other"
    assert model_read(sae, "gpt2-small") == "gpt2-small"  # what a user says is taken as it is


def test_a_folder_of_that_name_is_that_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gpt2-small").mkdir()
    monkeypatch.chdir(tmp_path)
    assert on_hub("gpt2-small") == "gpt2-small"


def test_nobody_says() -> None:
    with pytest.raises(InputError) as caught:
        model_read(PLAIN)
    assert caught.value.came == "the SAE mine, which does not say which model it reads"
    assert caught.value.todo == "name it with --model"
